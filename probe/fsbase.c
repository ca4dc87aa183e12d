/* SPDX-License-Identifier: BSD-2-Clause */
/* Choosing a method, and the guard that lends it a fault handler; see fsbase.h. */
#include "probe/fsbase.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "probe/peek.sig.h"
#include "probe/sys.sig.h"

/*
 * What our handler replaced, SIGSEGV and SIGBUS. Never cleared: somebody may
 * have taken our handler for the previous one, and go on calling it.
 */
static struct replaced {
	int sig;
	struct sys_sigaction previous;
} replaced[] = { { .sig = SIGSEGV }, { .sig = SIGBUS } };

#define REPLACED (sizeof(replaced) / sizeof(replaced[0]))

static pthread_mutex_t guard_lock = PTHREAD_MUTEX_INITIALIZER;

#define FAULT_SIGNALS (1ull << (SIGSEGV - 1) | 1ull << (SIGBUS - 1))

static struct replaced *replaced_by(int sig)
{
	return sig == replaced[0].sig ? &replaced[0] : &replaced[1];
}

static const struct sys_sigaction default_action;

/* Default action for a signal that has been taken already: send it again, as it was. */
static void die_of(int sig, siginfo_t *info)
{
	sys_rt_sigaction(sig, &default_action, NULL);
	sys_call4(__NR_rt_tgsigqueueinfo, sys_call2(__NR_getpid, 0, 0),
		  sys_call2(__NR_gettid, 0, 0), sig, (long)info);
}

/*
 * Held while actions change, also by our handler: hence a spin lock, and none of
 * the two signals while it is held. Returns the thread's mask, for the unlocking.
 */
static bool changing;

static __u64 lock_actions(void)
{
	const __u64 faults = FAULT_SIGNALS;
	__u64 mask = 0;

	sys_call4(__NR_rt_sigprocmask, SIG_BLOCK, (long)&faults, (long)&mask, sizeof(mask));
	while (__atomic_exchange_n(&changing, true, __ATOMIC_ACQUIRE))
		sys_call2(__NR_sched_yield, 0, 0);
	return mask;
}

static void unlock_actions(__u64 mask)
{
	__atomic_store_n(&changing, false, __ATOMIC_RELEASE);
	sys_call4(__NR_rt_sigprocmask, SIG_SETMASK, (long)&mask, 0, sizeof(mask));
}

/*
 * The handler that we replaced. A one-shot handler is used up before it runs;
 * also where the guard has put it back since this fault came.
 */
static __u64 take_handler(struct replaced *r)
{
	struct sys_sigaction installed;
	__u64 handler, mask;

	if (!(r->previous.flags & SA_RESETHAND) || r->previous.handler <= (__u64)SIG_IGN)
		return r->previous.handler;
	mask = lock_actions();
	handler = r->previous.handler;
	r->previous.handler = (__u64)SIG_DFL;
	if (!sys_rt_sigaction(r->sig, NULL, &installed) && installed.handler == handler)
		sys_rt_sigaction(r->sig, &default_action, NULL);
	unlock_actions(mask);
	return handler;
}

static void pass_on(int sig, siginfo_t *info, void *ucontext)
{
	__u64 handler = take_handler(replaced_by(sig));

	if (handler == (__u64)SIG_IGN && info->si_code <= 0)
		return;
	if (handler == (__u64)SIG_IGN || handler == (__u64)SIG_DFL) {
		die_of(sig, info);
		return;
	}
	((void (*)(int, siginfo_t *, void *))handler)(sig, info, ucontext);
}

static void on_fault(int sig, siginfo_t *info, void *ucontext)
{
	if (fsbase_recover(info, ucontext))
		return;
	if (info->si_code > 0 && peek_recover(ucontext))
		return;
	pass_on(sig, info, ucontext);
}

/*
 * The kernel prepares the previous handler's own circumstances (mask, stack,
 * SA_NODEFER) for ours. Only SA_RESETHAND is ours to play: the fault that we
 * provoke must not use it up.
 */
static struct sys_sigaction in_place_of(const struct sys_sigaction *previous)
{
	bool has_handler = previous->handler > (__u64)SIG_IGN;

	return (struct sys_sigaction){
		.handler = (__u64)on_fault,
		.flags = (has_handler ? previous->flags & ~(__u64)SA_RESETHAND : SA_ONSTACK) |
			 SA_SIGINFO | SYS_SA_RESTORER,
		.restorer = (__u64)sys_restorer,
		.mask = has_handler ? previous->mask : 0,
	};
}

static int replace(struct replaced *r)
{
	struct sys_sigaction current, ours;
	int err = sys_rt_sigaction(r->sig, NULL, &current);

	if (err || current.handler == (__u64)on_fault)
		return err;
	r->previous = current; /* a fault may come before the next line has ended */
	ours = in_place_of(&current);
	return sys_rt_sigaction(r->sig, &ours, &r->previous);
}

/*
 * Puts the previous action back, unless the program has installed another
 * meanwhile; also if it does so between our look and our change.
 */
static void put_back(struct replaced *r)
{
	struct sys_sigaction found;

	if (sys_rt_sigaction(r->sig, NULL, &found) || found.handler != (__u64)on_fault)
		return;
	if (!sys_rt_sigaction(r->sig, &r->previous, &found) && found.handler != (__u64)on_fault)
		sys_rt_sigaction(r->sig, &found, NULL);
}

/* `mask` is what guard_enter() gave. */
static void guard_leave(__u64 mask)
{
	lock_actions();
	for (size_t i = 0; i < REPLACED; i++)
		put_back(&replaced[i]);
	unlock_actions(mask);
	pthread_mutex_unlock(&guard_lock);
}

/* From here to guard_leave() this thread may touch bad addresses through us. */
static int guard_enter(__u64 *ret_mask)
{
	__u64 mask;
	int err = 0;

	pthread_mutex_lock(&guard_lock);
	mask = lock_actions();
	for (size_t i = 0; i < REPLACED && !err; i++)
		err = replace(&replaced[i]);
	unlock_actions(mask & ~FAULT_SIGNALS);
	if (err)
		guard_leave(mask);
	else
		*ret_mask = mask;
	return err;
}

int fsbase_read_guarded(enum goidshim_fsbase_method method, __u64 *ret)
{
	__u64 mask;
	int err = guard_enter(&mask);

	if (err)
		return err;
	err = fsbase_read(method, ret);
	guard_leave(mask);
	return err;
}

const char *fsbase_method_name(enum goidshim_fsbase_method method)
{
	switch (method) {
	case GOIDSHIM_FSBASE_RDFSBASE:
		return "rdfsbase";
	case GOIDSHIM_FSBASE_ARCH_PRCTL:
		return "arch_prctl";
	case GOIDSHIM_FSBASE_FAULT:
		return "fault";
	case GOIDSHIM_FSBASE_KERNEL:
		return "kernel";
	default:
		return "none";
	}
}

/* Reads by `method` and lets the thread block confirm it. */
static int try_method(enum goidshim_fsbase_method method, __u64 *ret_base)
{
	int err = fsbase_read(method, ret_base);

	if (err)
		return err;
	return fsbase_is_thread_block(*ret_base) ? 0 : -ENXIO;
}

/* Why a method did not do, in a few words. */
static void explain(enum goidshim_fsbase_method method, int err, __u64 base, char *ret_why,
		    size_t size)
{
	if (err == -ENXIO)
		snprintf(ret_why, size, "%s: FS base %#llx is not the C library's thread block",
			 fsbase_method_name(method), base);
	else if (method == GOIDSHIM_FSBASE_RDFSBASE && err == -EOPNOTSUPP)
		snprintf(ret_why, size, "rdfsbase: refused, the kernel forbids it (AT_HWCAP2)");
	else
		snprintf(ret_why, size, "%s: %s", fsbase_method_name(method),
			 strerrorname_np(-err));
}

/* `why` gathers what ruled out each method: half of the note, or all of it on failure. */
static int choose_auto(enum goidshim_fsbase_method *ret_method,
		       char ret_note[static FSBASE_NOTE_SIZE])
{
	char why[FSBASE_NOTE_SIZE - 16] = "";
	size_t used = 0;
	int err = 0;

	for (int method = GOIDSHIM_FSBASE_RDFSBASE; method <= GOIDSHIM_FSBASE_FAULT; method++) {
		__u64 base = 0;

		err = try_method(method, &base);
		if (!err) {
			*ret_method = method;
			break;
		}
		if (err == -ENXIO) {
			explain(method, err, base, why, sizeof(why));
			break;
		}
		if (used)
			used += snprintf(why + used, sizeof(why) - used, "; ");
		explain(method, err, base, why + used, sizeof(why) - used);
		used = strlen(why);
	}
	if (err)
		snprintf(ret_note, FSBASE_NOTE_SIZE, "%s", why);
	else
		snprintf(ret_note, FSBASE_NOTE_SIZE, "%s; %s", fsbase_method_name(*ret_method),
			 used ? why : "the fastest method works");
	return err;
}

static int choose_asked(enum goidshim_fsbase_method asked,
			enum goidshim_fsbase_method *ret_method,
			char ret_note[static FSBASE_NOTE_SIZE])
{
	__u64 base = 0;
	int err = try_method(asked, &base);

	if (err) {
		explain(asked, err, base, ret_note, FSBASE_NOTE_SIZE);
		return err;
	}
	*ret_method = asked;
	snprintf(ret_note, FSBASE_NOTE_SIZE, "%s: asked for", fsbase_method_name(asked));
	return 0;
}

int fsbase_choose(enum goidshim_fsbase_method asked, unsigned long hwcap2,
		  enum goidshim_fsbase_method *ret_method, char ret_note[static FSBASE_NOTE_SIZE])
{
	__u64 mask;
	int err;

	*ret_method = GOIDSHIM_FSBASE_NONE;
	fsbase_permit(hwcap2);
	err = guard_enter(&mask);
	if (err) {
		snprintf(ret_note, FSBASE_NOTE_SIZE, "no fault handler could be installed: %s",
			 strerrorname_np(-err));
		return err;
	}
	if (asked == GOIDSHIM_FSBASE_NONE)
		err = choose_auto(ret_method, ret_note);
	else
		err = choose_asked(asked, ret_method, ret_note);
	guard_leave(mask);
	return err;
}

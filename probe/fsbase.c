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
	__u64 used_up;	/* a one-shot handler that has had its shot */
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

/* Resets the action, if it is still the one-shot handler `handler`. */
static void reset_one_shot(int sig, __u64 handler)
{
	struct sys_sigaction installed;

	if (!sys_rt_sigaction(sig, NULL, &installed) && installed.handler == handler)
		sys_rt_sigaction(sig, &default_action, NULL);
}

/*
 * A one-shot handler is used up before it runs. The guard may be taking or
 * putting back the action at this moment, so here the mark comes first and then
 * the look; in replace() and put_back() the look comes after the change.
 */
static void use_up(struct replaced *r)
{
	__u64 handler = r->previous.handler;

	__atomic_store_n(&r->used_up, handler, __ATOMIC_SEQ_CST);
	r->previous.handler = (__u64)SIG_DFL;
	reset_one_shot(r->sig, handler);
}

static bool is_used_up(const struct replaced *r, const struct sys_sigaction *action)
{
	return action->flags & SA_RESETHAND && action->handler > (__u64)SIG_IGN &&
	       action->handler == __atomic_load_n(&r->used_up, __ATOMIC_SEQ_CST);
}

static void pass_on(int sig, siginfo_t *info, void *ucontext)
{
	struct replaced *r = replaced_by(sig);
	__u64 handler = r->previous.handler;

	if (handler == (__u64)SIG_IGN && info->si_code <= 0)
		return;
	if (handler == (__u64)SIG_IGN || handler == (__u64)SIG_DFL) {
		die_of(sig, info);
		return;
	}
	if (r->previous.flags & SA_RESETHAND)
		use_up(r);
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
	int err;

	__atomic_store_n(&r->used_up, 0, __ATOMIC_SEQ_CST);
	err = sys_rt_sigaction(r->sig, NULL, &current);
	if (err || current.handler == (__u64)on_fault)
		return err;
	r->previous = current; /* a fault may come before the next line has ended */
	ours = in_place_of(&current);
	err = sys_rt_sigaction(r->sig, &ours, &r->previous);
	if (is_used_up(r, &r->previous))
		r->previous.handler = (__u64)SIG_DFL;
	return err;
}

/*
 * Puts the previous action back, unless the program has installed another
 * meanwhile; also if it does so between our look and our change.
 */
static void put_back(struct replaced *r)
{
	struct sys_sigaction previous = r->previous, found;

	if (sys_rt_sigaction(r->sig, NULL, &found) || found.handler != (__u64)on_fault)
		return;
	if (!sys_rt_sigaction(r->sig, &previous, &found) && found.handler != (__u64)on_fault)
		sys_rt_sigaction(r->sig, &found, NULL);
	if (is_used_up(r, &previous))
		reset_one_shot(r->sig, previous.handler);
}

static void guard_leave(__u64 mask)
{
	sys_call4(__NR_rt_sigprocmask, SIG_SETMASK, (long)&mask, 0, sizeof(mask));
	for (size_t i = 0; i < REPLACED; i++)
		put_back(&replaced[i]);
	pthread_mutex_unlock(&guard_lock);
}

/* From here to guard_leave() this thread may touch bad addresses through us. */
static int guard_enter(__u64 *ret_mask)
{
	const __u64 faults = FAULT_SIGNALS;
	int err;

	pthread_mutex_lock(&guard_lock);
	for (size_t i = 0; i < REPLACED; i++) {
		err = replace(&replaced[i]);
		if (err)
			goto out_put_back;
	}
	err = sys_call4(__NR_rt_sigprocmask, SIG_UNBLOCK, (long)&faults, (long)ret_mask,
			sizeof(faults));
	if (err)
		goto out_put_back;
	return 0;

out_put_back:
	for (size_t i = 0; i < REPLACED; i++)
		put_back(&replaced[i]);
	pthread_mutex_unlock(&guard_lock);
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

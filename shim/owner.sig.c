/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/owner.sig.h"

#include <linux/signal.h>
#include <asm/sigcontext.h>
#include <asm/ucontext.h>

#include "probe/sys.sig.h"

/*
 * A reader may be interrupting the writer, so it can neither wait nor lock: a
 * set goes to the next of a few slots and is then published. A reader could
 * only see a torn slot if this many sets happened while it copies.
 */
#define SLOTS 16u

static struct shared {
	int sig;
	__u32 current;
	struct owner_action slots[SLOTS];
} shared[OWNER_SIGNALS];

static struct shared *shared_find(int sig)
{
	for (int i = 0; i < OWNER_SIGNALS; i++)
		if (__atomic_load_n(&shared[i].sig, __ATOMIC_ACQUIRE) == sig)
			return &shared[i];
	return 0;
}

bool owner_shares(int sig)
{
	return sig > 0 && shared_find(sig);
}

void owner_add(int sig, const struct owner_action *action)
{
	struct shared *s = shared_find(0);

	if (!s)
		return;
	s->slots[0] = *action;
	__atomic_store_n(&s->sig, sig, __ATOMIC_RELEASE);
}

struct owner_action owner_get(int sig)
{
	const struct shared *s = shared_find(sig);

	if (!s)
		return (struct owner_action){ .handler = (void *)SIG_DFL };
	return s->slots[__atomic_load_n(&s->current, __ATOMIC_ACQUIRE)];
}

void owner_set(int sig, const struct owner_action *action)
{
	struct shared *s = shared_find(sig);
	__u32 next;

	if (!s)
		return;
	next = (s->current + 1) % SLOTS;
	s->slots[next] = *action;
	__atomic_store_n(&s->current, next, __ATOMIC_RELEASE);
}

static __u64 bit(int sig)
{
	return 1ull << (sig - 1);
}

static void set_mask(__u64 mask)
{
	sys_call4(__NR_rt_sigprocmask, SIG_SETMASK, (long)&mask, 0, sizeof(mask));
}

/* The memory fault itself happens again when we return; anything else is sent. */
static bool comes_back(int sig, const struct siginfo *info)
{
	return (sig == SIGSEGV || sig == SIGBUS) && info->si_code > 0;
}

/* Not to be ignored: a fault or a breakpoint. A perf event's SIGTRAP is only sent. */
static bool is_forced(int sig, const struct siginfo *info)
{
	return comes_back(sig, info) ||
	       (sig == SIGTRAP && info->si_code > 0 && info->si_code != TRAP_PERF);
}

static void act_by_default(int sig, const struct siginfo *info)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };

	sys_call4(__NR_rt_sigaction, sig, (long)&dfl, 0, sizeof(dfl.sa_mask));
	if (!comes_back(sig, info))
		sys_call4(__NR_tgkill, sys_call2(__NR_getpid, 0, 0), sys_call2(__NR_gettid, 0, 0),
			  sig, 0);
}

static void call_handler(const struct owner_action *a, int sig, struct siginfo *info,
			 void *ucontext)
{
	void (*handler)(int, struct siginfo *, void *) =
		(void (*)(int, struct siginfo *, void *))a->handler;
	const struct ucontext *uc = ucontext;
	__u64 mask = uc->uc_sigmask | a->mask;

	if (!(a->flags & SA_NODEFER))
		mask |= bit(sig);
	set_mask(mask);
	handler(sig, info, ucontext);
}

void owner_forward(int sig, struct siginfo *info, void *ucontext)
{
	struct owner_action a = owner_get(sig);

	if (a.handler == (void *)SIG_DFL || (a.handler == (void *)SIG_IGN && is_forced(sig, info))) {
		act_by_default(sig, info);
		return;
	}
	if (a.handler == (void *)SIG_IGN)
		return;
	if (a.flags & SA_RESETHAND) {
		struct owner_action dfl = a;

		dfl.handler = (void *)SIG_DFL; /* flags and mask stay, as with the kernel */
		owner_set(sig, &dfl);
	}
	call_handler(&a, sig, info, ucontext);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/handler.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "shim/interpose.h"
#include "shim/owner.sig.h"
#include "shim/sampler.sig.h"

#define SA_RESTORER 0x04000000
#define SA_EXPOSE_TAGBITS 0x00000800
/* The flags that the kernel keeps; it forgets all others. */
#define KEPT_FLAGS                                                                               \
	((unsigned)SA_RESETHAND | SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_ONSTACK |       \
	 SA_RESTART | SA_NODEFER | SA_EXPOSE_TAGBITS)

typedef int sigaction_fn(int, const struct sigaction *, struct sigaction *);

static struct {
	int sig;
	void (*handler)(int, struct siginfo *, void *);
} taken[OWNER_SIGNALS];

static int taking;	/* spin lock, held with all signals blocked */

static int libc_sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	static sigaction_fn *next;

	if (!next)
		next = (sigaction_fn *)dlsym(RTLD_NEXT, "sigaction");
	return next(sig, act, old);
}

/* In a vfork child our tables are the parent's: only its kernel state may change. */
bool handler_is_virtual(int sig)
{
	return owner_shares(sig) && (__u32)getpid() == sampler.ring.pid;
}

static void lock(sigset_t *ret_saved)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, ret_saved);
	while (__atomic_exchange_n(&taking, 1, __ATOMIC_ACQUIRE))
		;
}

static void unlock(const sigset_t *saved)
{
	__atomic_store_n(&taking, 0, __ATOMIC_RELEASE);
	pthread_sigmask(SIG_SETMASK, saved, NULL);
}

static struct owner_action owner_from(const struct sigaction *act)
{
	struct owner_action a = {
		.handler = (void *)act->sa_sigaction,
		.flags = ((unsigned)act->sa_flags & KEPT_FLAGS) | SA_RESTORER,
	};

	/* The C library always adds the restorer; nobody can block these two. */
	memcpy(&a.mask, &act->sa_mask, sizeof(a.mask));
	a.mask &= ~(1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1));
	return a;
}

static void owner_to(const struct owner_action *a, struct sigaction *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->sa_sigaction = (void (*)(int, siginfo_t *, void *))a->handler;
	ret->sa_flags = (int)a->flags;
	memcpy(&ret->sa_mask, &a->mask, sizeof(a->mask));
}

static int owned_by_program(const struct owner_action *a)
{
	return a->handler != (void *)SIG_DFL && a->handler != (void *)SIG_IGN;
}

/*
 * Our own action in the kernel. Everything is blocked while we run, but for the
 * faults that our guarded loads recover from; what the owner asked for is
 * applied when a signal is forwarded. Its choice of stack and of restarted
 * calls must be the kernel's, because they are settled before we are called.
 */
static int install(int sig, void (*handler)(int, struct siginfo *, void *))
{
	struct owner_action owner = owner_get(sig);
	int is_fault = sig == SIGSEGV || sig == SIGBUS;
	struct sigaction act = {
		.sa_sigaction = (void (*)(int, siginfo_t *, void *))handler,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART,
	};

	sigfillset(&act.sa_mask);
	sigdelset(&act.sa_mask, SIGSEGV);
	sigdelset(&act.sa_mask, SIGBUS);
	if (owned_by_program(&owner) && !(owner.flags & SA_RESTART))
		act.sa_flags &= ~SA_RESTART;
	if (is_fault && owned_by_program(&owner) && !(owner.flags & SA_ONSTACK))
		act.sa_flags &= ~SA_ONSTACK;
	return libc_sigaction(sig, &act, NULL) ? -errno : 0;
}

/*
 * To ignore a signal is to forget what is pending of it. The kernel would, if we
 * let it have SIG_IGN for a moment; but at that moment a fault of our own in
 * another thread would kill.
 */
static void forget_pending(int sig)
{
	const struct timespec now = { 0 };
	__u64 one = 1ull << (sig - 1);

	while (syscall(SYS_rt_sigtimedwait, &one, NULL, &now, sizeof(one)) > 0)
		;
}

static void reinstall(int sig)
{
	if (owner_get(sig).handler == (void *)SIG_IGN)
		forget_pending(sig);
	for (int i = 0; i < OWNER_SIGNALS; i++)
		if (taken[i].sig == sig)
			install(sig, taken[i].handler);
}

/*
 * A child of fork() is not sampled: there the kernel gets the actions that the
 * program believes in, which then also survive an exec. A child of vfork(), for
 * which this is not called, works on the parent's memory and its own actions.
 */
static void restore_in_child(void)
{
	struct sigaction act;

	for (int i = 0; i < OWNER_SIGNALS && taken[i].sig; i++) {
		struct owner_action owner = owner_get(taken[i].sig);

		owner_to(&owner, &act);
		libc_sigaction(taken[i].sig, &act, NULL);
	}
}

int handler_take(int sig, void (*handler)(int, struct siginfo *, void *))
{
	struct sigaction old;
	struct owner_action owner;

	if (libc_sigaction(sig, NULL, &old))
		return -errno;
	owner = owner_from(&old);
	owner.flags = (unsigned)old.sa_flags;
	owner_add(sig, &owner);
	if (!taken[0].sig)
		pthread_atfork(NULL, NULL, restore_in_child);
	for (int i = 0; i < OWNER_SIGNALS; i++) {
		if (taken[i].sig)
			continue;
		taken[i].sig = sig;
		taken[i].handler = handler;
		break;
	}
	return install(sig, handler);
}

void handler_sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	struct owner_action before, after;
	sigset_t saved;

	if (act)
		after = owner_from(act);
	lock(&saved);
	before = owner_get(sig);
	if (act) {
		owner_set(sig, &after);
		reinstall(sig);
	}
	unlock(&saved);
	if (old)
		owner_to(&before, old);
}

/* In a vfork child: its action may still be ours, and the program does not know that one. */
static void hide_our_own(int sig, struct sigaction *old)
{
	struct owner_action owner = owner_get(sig);

	for (int i = 0; i < OWNER_SIGNALS; i++)
		if (taken[i].sig == sig && (void *)old->sa_sigaction == (void *)taken[i].handler)
			owner_to(&owner, old);
}

EXPORT int sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	int ret;

	if (handler_is_virtual(sig)) {
		handler_sigaction(sig, act, old);
		return 0;
	}
	ret = libc_sigaction(sig, act, old);
	if (ret == 0 && old && owner_shares(sig))
		hide_our_own(sig, old);
	return ret;
}

EXPORT int __sigaction(int sig, const struct sigaction *act, struct sigaction *old);
EXPORT int __sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	return sigaction(sig, act, old);
}

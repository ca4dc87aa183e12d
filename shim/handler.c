/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/handler.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "shim/owner.sig.h"
#include "shim/sampler.sig.h"

#define EXPORT __attribute__((visibility("default")))
#define SA_RESTORER 0x04000000

typedef int sigaction_fn(int, const struct sigaction *, struct sigaction *);
typedef void (*plain_handler)(int);

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

static void *libc_function(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

/* In a vfork child our tables are the parent's: only its kernel state may change. */
static int is_virtual(int sig)
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
		.flags = (unsigned)act->sa_flags | SA_RESTORER, /* the C library always adds it */
	};

	memcpy(&a.mask, &act->sa_mask, sizeof(a.mask));
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

static void reinstall(int sig)
{
	for (int i = 0; i < OWNER_SIGNALS; i++)
		if (taken[i].sig == sig)
			install(sig, taken[i].handler);
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
	for (int i = 0; i < OWNER_SIGNALS; i++) {
		if (taken[i].sig)
			continue;
		taken[i].sig = sig;
		taken[i].handler = handler;
		break;
	}
	return install(sig, handler);
}

static int virtual_sigaction(int sig, const struct sigaction *act, struct sigaction *old)
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
	return 0;
}

EXPORT int sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	return is_virtual(sig) ? virtual_sigaction(sig, act, old) : libc_sigaction(sig, act, old);
}

EXPORT int __sigaction(int sig, const struct sigaction *act, struct sigaction *old);
EXPORT int __sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	return sigaction(sig, act, old);
}

/* signal() and its relatives differ in flags only. */
static plain_handler set_plain(int sig, plain_handler handler, int flags)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = flags }, old;

	sigemptyset(&act.sa_mask);
	if (!(flags & SA_NODEFER))
		sigaddset(&act.sa_mask, sig);
	virtual_sigaction(sig, &act, &old);
	return old.sa_handler;
}

static plain_handler bsd(const char *name, int sig, plain_handler handler)
{
	plain_handler (*next)(int, plain_handler);

	if (is_virtual(sig) && handler != SIG_ERR)
		return set_plain(sig, handler, SA_RESTART);
	next = libc_function(name);
	return next(sig, handler);
}

static plain_handler sysv(const char *name, int sig, plain_handler handler)
{
	plain_handler (*next)(int, plain_handler);

	if (is_virtual(sig) && handler != SIG_ERR)
		return set_plain(sig, handler, (int)(SA_RESETHAND | SA_NODEFER));
	next = libc_function(name);
	return next(sig, handler);
}

EXPORT plain_handler signal(int sig, plain_handler handler)
{
	return bsd("signal", sig, handler);
}

EXPORT plain_handler bsd_signal(int sig, plain_handler handler);
EXPORT plain_handler bsd_signal(int sig, plain_handler handler)
{
	return bsd("bsd_signal", sig, handler);
}

EXPORT plain_handler ssignal(int sig, plain_handler handler)
{
	return bsd("ssignal", sig, handler);
}

EXPORT plain_handler sysv_signal(int sig, plain_handler handler)
{
	return sysv("sysv_signal", sig, handler);
}

EXPORT plain_handler __sysv_signal(int sig, plain_handler handler)
{
	return sysv("__sysv_signal", sig, handler);
}

EXPORT int sigignore(int sig)
{
	int (*next)(int);

	if (is_virtual(sig)) {
		set_plain(sig, SIG_IGN, 0);
		return 0;
	}
	next = libc_function("sigignore");
	return next(sig);
}

EXPORT int siginterrupt(int sig, int interrupt)
{
	int (*next)(int, int);
	struct sigaction act;

	if (is_virtual(sig)) {
		virtual_sigaction(sig, NULL, &act);
		act.sa_flags = interrupt ? act.sa_flags & ~SA_RESTART : act.sa_flags | SA_RESTART;
		return virtual_sigaction(sig, &act, NULL);
	}
	next = libc_function("siginterrupt");
	return next(sig, interrupt);
}

/* sigset() also changes the mask: holds the signal, or takes it and lets it in. */
static plain_handler virtual_sigset(int sig, plain_handler disposition)
{
	plain_handler old;
	struct sigaction act;
	sigset_t one, mask;

	sigemptyset(&one);
	sigaddset(&one, sig);
	virtual_sigaction(sig, NULL, &act);
	old = act.sa_handler;
	if (disposition != SIG_HOLD)
		set_plain(sig, disposition, 0);
	pthread_sigmask(disposition == SIG_HOLD ? SIG_BLOCK : SIG_UNBLOCK, &one, &mask);
	return sigismember(&mask, sig) ? SIG_HOLD : old;
}

EXPORT plain_handler sigset(int sig, plain_handler disposition)
{
	plain_handler (*next)(int, plain_handler);

	if (is_virtual(sig) && disposition != SIG_ERR)
		return virtual_sigset(sig, disposition);
	next = libc_function("sigset");
	return next(sig, disposition);
}

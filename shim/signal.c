/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * signal() and the other old ways to set a signal's action. The C library's own
 * would go to the kernel behind sigaction()'s back; for a signal that we share
 * they are made from handler_sigaction() here. Nobody calls them but the program.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>

#include <linux/types.h>

#include "shim/handler.h"
#include "shim/interpose.h"

typedef void (*plain_handler)(int);

/* They differ in flags, and in whether they mask the signal itself. */
static plain_handler set_plain(int sig, plain_handler handler, int flags, const sigset_t *mask)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = flags, .sa_mask = *mask }, old;

	handler_sigaction(sig, &act, &old);
	return old.sa_handler;
}

static const sigset_t no_signals;

/* siginterrupt() also holds for every signal() to come: bit n - 1 for signal n. */
static __u64 interrupting;

static plain_handler bsd(const char *name, int sig, plain_handler handler)
{
	plain_handler (*next)(int, plain_handler);

	if (handler_is_virtual(sig) && handler != SIG_ERR) {
		sigset_t itself;
		__u64 one = 1ull << (sig - 1);

		sigemptyset(&itself);
		sigaddset(&itself, sig);
		return set_plain(sig, handler, interrupting & one ? 0 : SA_RESTART, &itself);
	}
	next = dlsym(RTLD_NEXT, name);
	return next(sig, handler);
}

static plain_handler sysv(const char *name, int sig, plain_handler handler)
{
	plain_handler (*next)(int, plain_handler);

	if (handler_is_virtual(sig) && handler != SIG_ERR)
		return set_plain(sig, handler, (int)(SA_RESETHAND | SA_NODEFER), &no_signals);
	next = dlsym(RTLD_NEXT, name);
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

	if (handler_is_virtual(sig)) {
		set_plain(sig, SIG_IGN, 0, &no_signals);
		return 0;
	}
	next = dlsym(RTLD_NEXT, "sigignore");
	return next(sig);
}

EXPORT int siginterrupt(int sig, int interrupt)
{
	int (*next)(int, int);
	struct sigaction act;

	if (handler_is_virtual(sig)) {
		__u64 one = 1ull << (sig - 1);

		interrupting = interrupt ? interrupting | one : interrupting & ~one;
		handler_sigaction(sig, NULL, &act);
		act.sa_flags = interrupt ? act.sa_flags & ~SA_RESTART : act.sa_flags | SA_RESTART;
		handler_sigaction(sig, &act, NULL);
		return 0;
	}
	next = dlsym(RTLD_NEXT, "siginterrupt");
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
	handler_sigaction(sig, NULL, &act);
	old = act.sa_handler;
	if (disposition != SIG_HOLD)
		set_plain(sig, disposition, 0, &no_signals);
	pthread_sigmask(disposition == SIG_HOLD ? SIG_BLOCK : SIG_UNBLOCK, &one, &mask);
	return sigismember(&mask, sig) ? SIG_HOLD : old;
}

EXPORT plain_handler sigset(int sig, plain_handler disposition)
{
	plain_handler (*next)(int, plain_handler);

	if (handler_is_virtual(sig) && disposition != SIG_ERR)
		return virtual_sigset(sig, disposition);
	next = dlsym(RTLD_NEXT, "sigset");
	return next(sig, disposition);
}

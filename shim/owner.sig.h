/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The signals that we share, and to whom they belong. The kernel calls us for
 * SIGSEGV, SIGBUS and the samples' signals; the program believes that it has
 * set their actions itself. What it set is kept here, and a signal that is not
 * ours is handed on as the kernel would have done.
 */
#ifndef SHIM_OWNER_SIG_H
#define SHIM_OWNER_SIG_H

#include <stdbool.h>

#include <linux/types.h>

struct siginfo;

#pragma GCC visibility push(hidden)

#define OWNER_SIGNALS 4

/* A signal's action, in the kernel's terms. */
struct owner_action {
	void *handler;		/* or SIG_DFL, SIG_IGN */
	__u64 flags;		/* SA_* */
	__u64 mask;		/* bit n - 1 for signal n */
};

/* Is this one of the signals that we share? Signal-safe: yes. */
bool owner_shares(int sig);

/* Adds a signal, with its present action. One thread at a time. Signal-safe: no. */
void owner_add(int sig, const struct owner_action *action);

/* What the program believes the action is. Signal-safe: yes. */
struct owner_action owner_get(int sig);

/* What the program wants it to be. One writer at a time. Signal-safe: yes. */
void owner_set(int sig, const struct owner_action *action);

/* Delivers a signal that is not ours. May not return. Signal-safe: yes. */
void owner_forward(int sig, struct siginfo *info, void *ucontext);

#pragma GCC visibility pop

#endif

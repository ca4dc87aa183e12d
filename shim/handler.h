/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ordinary side of the signals that we share: installs our handlers, and
 * interposes sigaction() so that the program goes on seeing and setting the
 * actions that it believes in.
 */
#ifndef SHIM_HANDLER_H
#define SHIM_HANDLER_H

#include <stdbool.h>

struct sigaction;
struct siginfo;

/*
 * Takes over signal `sig`: from now on the kernel calls `handler`, and the
 * present action becomes its owner's. 0 or -errno. Before the program has
 * threads, or at least before it uses `sig`.
 */
int handler_take(int sig, void (*handler)(int, struct siginfo *, void *));

/* Is `sig` shared, so that the program's action for it is kept by us, not by the kernel? */
bool handler_is_virtual(int sig);

/* sigaction() for such a signal. It cannot fail; `act` or `old` may be null. Signal-safe. */
void handler_sigaction(int sig, const struct sigaction *act, struct sigaction *old);

#endif

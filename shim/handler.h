/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ordinary side of the signals that we share: installs our handlers, and
 * interposes sigaction() and its relatives so that the program goes on seeing
 * and setting the actions that it believes in.
 */
#ifndef SHIM_HANDLER_H
#define SHIM_HANDLER_H

struct siginfo;

/*
 * Takes over signal `sig`: from now on the kernel calls `handler`, and the
 * present action becomes its owner's. 0 or -errno. Before the program has
 * threads, or at least before it uses `sig`.
 */
int handler_take(int sig, void (*handler)(int, struct siginfo *, void *));

#endif

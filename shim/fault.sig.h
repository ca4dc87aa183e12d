/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The handler of SIGSEGV and SIGBUS: a fault of our own guarded loads is
 * recovered, everybody else's goes to its owner.
 */
#ifndef SHIM_FAULT_SIG_H
#define SHIM_FAULT_SIG_H

struct siginfo;

#pragma GCC visibility push(hidden)

/* Signal-safe: it is the handler. */
void fault_on_signal(int sig, struct siginfo *info, void *ucontext);

#pragma GCC visibility pop

#endif

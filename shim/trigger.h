/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What raises the samples: three triggers, of which one is chosen at start and
 * said why. Ordinary side.
 *
 *	sigtrap	one perf task-clock event, inherited by every later thread;
 *		exact rate, cheapest; kernel 6.0 and permission
 *	perf	a perf task-clock event per thread, SIGRTMIN; user time only,
 *		because its signal would break a system call off
 *	timer	a CPU-time timer per thread, SIGRTMIN; always there; at most
 *		CONFIG_HZ signals a second, each weighted by its overrun
 */
#ifndef SHIM_TRIGGER_H
#define SHIM_TRIGGER_H

#include <stdbool.h>

#include "goidshim/format.h"

struct trigger {
	__u32 kind;		/* enum goidshim_trigger */
	int sig;		/* the signal it raises */
	__u32 user_only;	/* 1: CPU time in the kernel is not sampled */
	char note[160];		/* why this one */
};

/*
 * Finds the best trigger that works here; `asked` (or 0 for any) is tried
 * first. Nothing is armed yet. Always finds one, or -errno.
 *
 * `may_exec`: Go code of the program can exec itself, by a raw system call. A
 * sigtrap sample that falls due inside that call, in the kernel, would reach
 * the new program, which dies of it; so then the kernel is not sampled.
 */
int trigger_choose(__u32 asked, __u32 rate_hz, bool may_exec, struct trigger *ret);

/*
 * Arms it for every thread that there is, and (sigtrap) for those to come. The
 * signal's handler must be in place. How many threads could not be armed.
 */
unsigned trigger_start(const struct trigger *trigger, __u64 cookie);

/*
 * Around an exec by the C library, for the same reason: no inherited event
 * raises a sample between the two. Resume only if the exec has failed.
 */
void trigger_pause(void);
void trigger_resume(void);

/* In a thread that has just begun, and is about to end. 0 or -errno. */
int trigger_arm_thread(void);
void trigger_disarm_thread(void);

#endif

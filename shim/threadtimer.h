/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers that signal one thread, and the threads that there are. Of the kernel
 * itself, because the C library's timer_create() cannot make one for another
 * thread's CPU-time clock, nor tell its number to a handler. Ordinary side.
 */
#ifndef SHIM_THREADTIMER_H
#define SHIM_THREADTIMER_H

#include <time.h>

#include <linux/types.h>
#include <sys/types.h>

struct threadtimer {
	clockid_t clock;
	int sig;
	__u64 cookie;		/* si_ptr of its signals */
	__u64 first_ns;		/* from now to the first one, more than 0 */
	__u64 period_ns;	/* from then on */
};

/* Starts a timer for that thread of this process. Its number (si_tid), or -errno. */
int threadtimer_start(pid_t tid, const struct threadtimer *timer);
void threadtimer_delete(int timer);

/* Calls `arm` with every thread that there is; how many times it failed. */
unsigned threadtimer_each(int (*arm)(pid_t tid));

#endif

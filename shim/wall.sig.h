/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How often a thread is looked at by event wall.
 *
 * Its timer expires once a period. A thread that serves no goroutine (an idle
 * thread of Go's, a C thread that has nothing to do with Go) would be woken for
 * nothing, and thousands of threads would eat up the machine; so such a thread is
 * looked at more seldom, and so are all when there are many. Then each period is
 * one in which it is looked at with probability 1 / k, by lot, and what is seen
 * counts for k periods. k is settled before the lot is drawn, so the sums have no
 * bias, however often a thread goes to and fro; with evenly spaced looks they
 * would, because a thread that is found at work is looked at more often from then
 * on.
 *
 * Signal-safe: all of it.
 */
#ifndef SHIM_WALL_SIG_H
#define SHIM_WALL_SIG_H

#include <stdbool.h>

#include "goidshim/format.h"

#pragma GCC visibility push(hidden)

/* So many looks in a row that find no goroutine make a thread idle. */
#define WALL_IDLE_AFTER 8u
/* An idle thread is looked at in one of so many periods. */
#define WALL_IDLE_FACTOR 8u
/* So many threads that are not idle are looked at in every period; more share that. */
#define WALL_CROWD 32u

/* The event, filled before the first timer is armed. */
struct wall {
	__u64 period_ns;
	__u64 cookie;		/* in our timers' signals; 0: the event is off */
	__u32 signal;		/* that they raise */
	__u32 awake;		/* threads with a timer that are not idle */
};

extern struct wall wall;

/* What a thread keeps: zero at first, when its timer expires every period. */
struct wall_thread {
	__u64 random;		/* the generator's state; 0: not seeded yet */
	__u32 weight;		/* periods that the next look counts for; 0: one */
	__u32 unserved;		/* looks in a row that found no goroutine */
	bool gone;		/* its timer is deleted; a signal may still be on its way */
};

/*
 * After a look at the calling thread: which period is the next to look in? 1: the
 * next one. `ret_weight` is what the look that is over counts for.
 */
__u32 wall_next(struct wall_thread *thread, bool serves, __u32 *ret_weight);

/* Lets the timer that has expired, of the calling thread, expire in that period. */
void wall_reset_timer(int timer, __u32 next);

/* A thread has been given a timer; the calling one is about to lose its own. */
void wall_count_thread(void);
void wall_forget_thread(struct wall_thread *thread);

/* Counts periods in which the lane's thread served a goroutine, and so a record; or did not. */
void wall_count_periods(struct goidshim_lane *lane, __u32 periods, bool serves);

#pragma GCC visibility pop

#endif

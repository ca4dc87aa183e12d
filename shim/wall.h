/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Event wall: a timer by wall time for each thread, asleep or not. How often a
 * thread is looked at is wall.sig.h's matter. Ordinary side.
 */
#ifndef SHIM_WALL_H
#define SHIM_WALL_H

#include <linux/types.h>

/* The signal that its timers raise. */
int wall_signal(void);

/*
 * Gives every thread that there is a timer, of `rate_hz`; its signals carry
 * `cookie`, and their handler is in place. How many threads got none.
 */
unsigned wall_start(__u32 rate_hz, __u64 cookie);

/* In a thread that has just begun, and is about to end. 0 (also when off) or -errno. */
int wall_arm_thread(void);
void wall_disarm_thread(void);

#endif

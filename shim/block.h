/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event block: calls of the C library that block in the kernel, interposed
 * and timed. No signal is sent to a thread that sleeps: each tells itself, once
 * it is back, and until then stands in its inside slot (inside.sig.h).
 */
#ifndef SHIM_BLOCK_H
#define SHIM_BLOCK_H

#include "shim/inside.sig.h"

/* One call, while it lasts. */
struct block {
	struct inside_wait wait;
	struct inside in;
};

/*
 * From here on calls that last at least `min_ns` are recorded, and all stand in
 * inside slots. Once, after call_start(); the ring has inside slots.
 */
void block_start(__u64 min_ns);

/*
 * Looks up what is to be called in the end, now rather than at a program's first
 * call, which may be in a signal handler. For when the event is off.
 */
void block_find(void);

/*
 * Around a real call, by a function that stands in for another reason already:
 * `number` is of the system call, `first` the call's first argument, `frame` as
 * inside_enter() has it. Nothing happens when the event is off. Signal-safe: yes.
 */
void block_enter(struct block *b, __u32 number, __u64 first, void *const *frame);
void block_leave(const struct block *b);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who waits for a lock, and who has it? One wait, from when a lock could not be
 * had at once: before it, whoever holds the lock is read from the lock itself
 * and the stack is taken; after it, with the lock in hand, only a record is
 * written.
 *
 * Signal-safe: all of it, and it never touches errno.
 */
#ifndef SHIM_LOCK_SIG_H
#define SHIM_LOCK_SIG_H

#include "goidshim/format.h"
#include "shim/inside.sig.h"

#pragma GCC visibility push(hidden)

struct lock_wait {
	struct inside inside;
	struct inside_wait wait;
};

/* Waits of at least this long are recorded. Set before there are any. */
extern __u64 lock_min_ns;

/*
 * Before the wait for the lock at address `lock`. `owner` is where the lock keeps
 * the thread that has it, 0 for none; null: it does not. `frame` as
 * inside_enter() has it.
 */
void lock_before(struct lock_wait *w, enum goidshim_lock_kind kind, __u64 lock, const int *owner,
		 void *const *frame);

/* After it, however it ended. */
void lock_after(const struct lock_wait *w);

#pragma GCC visibility pop

#endif

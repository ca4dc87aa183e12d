/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A call in which a thread waits: for the events lock and block. While it lasts
 * it stands in the inside slot of the thread's lane, with its stack, so that a
 * call that never returns can be seen from outside and after the program has
 * ended; when it has lasted long enough it becomes a record.
 *
 *	struct inside in;
 *
 *	inside_enter(&in, &wait, __builtin_frame_address(0));
 *	ret = the real call;
 *	inside_leave(&in, &wait, min_ns);
 *
 * The stack is taken on the way in: who leaves may hold a lock that others wait
 * for. Nothing is held between the two, no guard either: signal handlers may
 * make such calls of their own, which have no slot but are recorded, and the
 * thread may be cancelled, in which case its slot goes with its lane.
 *
 * A call of Go's runtime itself, where it uses the C library, is left out.
 *
 * Signal-safe: all of it, and it never touches errno.
 */
#ifndef SHIM_INSIDE_SIG_H
#define SHIM_INSIDE_SIG_H

#include <stdbool.h>

#include "goidshim/format.h"

#pragma GCC visibility push(hidden)

/* What is waited for: the fields of a struct goidshim_wait that its event knows. */
struct inside_wait {
	__u16 type;		/* GOIDSHIM_RECORD_LOCK or GOIDSHIM_RECORD_BLOCK */
	__u8 holder_class;
	__u8 holder_reason;
	__u32 kind;
	__u64 address;
	__u64 holder_goid;
	__u64 holder_start_pc;
	__u32 holder_tid;	/* 0: nobody known */
	__u8 holder_object;
};

struct inside {
	__u64 start_ns;
	__u64 pc;		/* CALL_PC and CALL_SP of the function that stands in */
	__u64 sp;
	__u16 depth;		/* frames in its slot */
	bool has_slot;
};

/*
 * Before the real call. `frame` is __builtin_frame_address(0) of the function
 * that the program called, or that it was made to call.
 */
void inside_enter(struct inside *in, const struct inside_wait *wait, void *const *frame);

/* After it: a record, if it has lasted at least `min_ns`. `wait` may say more than before. */
void inside_leave(const struct inside *in, const struct inside_wait *wait, __u64 min_ns);

/* The calling thread is about to end: to be called before call_leave_thread(). */
void inside_leave_thread(void);

#pragma GCC visibility pop

#endif

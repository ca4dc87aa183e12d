/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One interposed call that is worth a record: who makes it, from where, and the
 * record itself. Every event that is not a signal (heap, locks, blocking) comes
 * through here.
 *
 *	if (call_begin(&call, CALL_PC, CALL_SP)) {
 *		call_take_stack(&call);
 *		x = call_reserve(&call, GOIDSHIM_RECORD_X, sizeof(*x));
 *		if (x) {
 *			call_fill(&call, GOIDSHIM_RECORD_X, sizeof(*x), &x->sample);
 *			x->... = ...;
 *			call_commit(&call, sizeof(*x));
 *		}
 *		call_end(&call);
 *	}
 *
 * A call that may last is two such sections: one before it, which takes who and
 * where, and call_again() after it, which writes. In between the thread is not
 * inside a record, so that its signal handlers' calls can be recorded, and
 * nothing is held if it never returns (cancellation, longjmp).
 *
 * Each thread has a lane of its own for calls, beside the one of its handler,
 * and is inside one call at a time: a signal handler that interrupts it and
 * makes such a call again is counted and not recorded. A child of fork()
 * records nothing: the word that says so is in memory that the kernel wipes
 * there. Lanes go back when a thread ends; what its destructors still call
 * takes a lane for that one record.
 *
 * Signal-safe: all of it, and it never touches errno.
 */
#ifndef SHIM_CALL_SIG_H
#define SHIM_CALL_SIG_H

#include <stdbool.h>

#include "goidshim/format.h"
#include "shim/sampler.sig.h"

#pragma GCC visibility push(hidden)

/* Signals as they were before call_let_faults_in(). */
struct call_faults {
	__u64 mask;
	bool were_blocked;
};

struct call {
	__u32 lane;
	struct call_faults faults;
	struct sampler_taken taken;
};

/*
 * The program's call, as seen by the function that stands in for the one that
 * was called, or by one that it jumped to: an address inside the call
 * instruction, and the stack pointer after the call. They make the function keep
 * a frame, so they belong off the fast path, in a function of its own.
 */
#define CALL_PC ((__u64)__builtin_return_address(0) - 1)
#define CALL_SP ((__u64)__builtin_frame_address(0) + 16)

/* From here on calls are recorded. 0 or -errno (nothing is recorded then). */
int call_start(void);

/* Is this process recording calls? False in a child of fork(). */
bool call_is_recording(void);

/*
 * A fault that a peek recovers from must not find its signal blocked: the kernel
 * kills. call_begin() and call_end() do this; without them, it is the caller's.
 */
void call_let_faults_in(struct call_faults *ret_before);
void call_put_faults_back(const struct call_faults *before);

/*
 * Begins a record of the calling thread: finds its lane and its goroutine. When
 * it returns false there is nothing to end, and losses are counted. The time
 * is call->taken.time_ns.
 */
bool call_begin(struct call *call, __u64 pc, __u64 sp);

/*
 * Begins anew with a call that call_end() ended, at `time_ns`. Of what was taken it
 * wants the FS base, and the sizes of the stack and the labels that will be written.
 * Costs no system call, so nothing may be read through peek: faults may be
 * blocked. False as above.
 */
bool call_again(struct call *call, __u64 time_ns);

/* The stack of the program's call, as deep as samples are; our own frames left out. */
void call_take_stack(struct call *call);

/*
 * Was it Go's runtime itself that called C, and no goroutine's code? It maps the
 * Go heap so, where there is cgo. Known by the stack: a goroutine calls C through
 * runtime.asmcgocall. False where the stack does not reach Go.
 */
bool call_is_of_go_runtime(const struct call *call);

/* Bytes of a record whose struct has `fixed` bytes, with the stack. */
static inline __u32 call_record_size(const struct call *call, __u32 fixed)
{
	return sampler_record_size(&call->taken, fixed);
}

/*
 * Space for such a record in the ring, to be filled and committed; null: lost,
 * counted. Gives the record its sequence. Once in a call, and before call_fill().
 */
void *call_reserve(struct call *call, __u32 fixed);

/* The record's sample and its frames, there or anywhere else that has the room. */
void call_fill(const struct call *call, __u16 type, __u32 fixed, struct goidshim_sample *s);

void call_commit(struct call *call, __u32 fixed);
void call_end(struct call *call);

/* Counts a loss of this call's thread. */
void call_lose(const struct call *call, enum goidshim_lost reason);

/*
 * While paused, the calling thread's calls are the shim's own and are passed
 * through, unrecorded and uncounted. Nests.
 */
void call_pause(void);
void call_resume(void);

/* The calling thread is about to end: gives its lane back. */
void call_leave_thread(void);

#pragma GCC visibility pop

#endif

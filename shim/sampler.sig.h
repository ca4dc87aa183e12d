/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One sample, from interrupt to ring. The ordinary side fills `sampler` before
 * the first trigger is armed; after that only object_count grows and `stopped`
 * is set. Everything declared here is signal-safe unless said.
 */
#ifndef SHIM_SAMPLER_SIG_H
#define SHIM_SAMPLER_SIG_H

#include <stdbool.h>

#include <linux/time_types.h>

#include "goidshim/format.h"
#include "probe/golabels.sig.h"
#include "shim/ring.sig.h"
#include "shim/unwind/unwind.sig.h"

struct sigcontext;
struct siginfo;

#pragma GCC visibility push(hidden)

struct sampler {
	struct ring ring;
	struct goidshim_golayout layouts[GOIDSHIM_MAX_OBJECTS];
	struct unwind_go *go[GOIDSHIM_MAX_OBJECTS];
	__u32 object_count;	/* release store after its layout is complete */
	__u32 stopped;		/* set: no more samples */
	__u32 fsbase_method;	/* enum goidshim_fsbase_method */
	__u32 trigger;		/* enum goidshim_trigger */
	__u32 user_only;
	__u32 stack_depth;	/* frames wanted in a sample */
	__u32 signal;		/* that the trigger raises */
	__u64 cookie;		/* in our timers' and events' signals: they are ours */
	int (*clock_gettime)(int clock, struct __kernel_timespec *ret);	/* the vdso's, or null */
};

extern struct sampler sampler;

/* The handler of the trigger's signal, and of event wall's. */
void sampler_on_signal(int sig, struct siginfo *info, void *ucontext);

/* Is this one of the signals that the trigger or event wall raises? */
bool sampler_owns(const struct siginfo *info);

/* The calling thread's event: one of another descriptor (trigger perf) is not ours. */
void sampler_set_event(int fd);

/* The calling thread is about to end: gives its lane back. */
void sampler_leave_thread(void);

/* What a sample is made of, whoever takes it: the handler or an interposed call. */
struct sampler_taken {
	__u64 time_ns;
	__u64 sequence;
	__u64 pc;
	__u64 sp;
	__u32 tid;
	__u32 periods;
	struct goid_reading who;
	struct unwind_result stack;
	__u32 labels_size;
	__u64 frames[GOIDSHIM_MAX_STACK];
	__u8 labels[GOLABELS_MAX];
};

/* Walks the stack from `context` to at most `max` frames; no labels yet. Wants t->who. */
void sampler_take_stack(const struct sigcontext *context, unsigned max, struct sampler_taken *t);

/* Bytes of a record whose struct has `fixed` bytes, with t's frames and labels. */
static inline __u32 sampler_record_size(const struct sampler_taken *t, __u32 fixed)
{
	return fixed + t->stack.depth * (__u32)sizeof(__u64) + (t->labels_size + 7) / 8 * 8;
}

/*
 * Fills a record that begins with a struct goidshim_sample: that struct, and the
 * frames and labels behind the record's `fixed` bytes. What is between is the caller's.
 */
void sampler_fill(const struct sampler_taken *t, __u16 type, __u32 fixed,
		  struct goidshim_sample *s);

/*
 * What a thread keeps for one kind of producer: in initial-exec TLS, all zero at
 * first, and touched only once FS base is known to be the C library's.
 */
struct sampler_thread {
	__u32 lane;	/* index + 1; 0: none yet */
	__u32 tid;	/* 0: not asked yet */
	__u32 busy;	/* a record is being made */
	__u32 leaving;	/* the thread's function has returned */
};

/*
 * The calling thread's lane, index + 1, claimed on first use with its first
 * record in it; 0 when none can be had (counted). A thread that is leaving gets
 * one for a single record: say when that is done.
 */
__u32 sampler_thread_lane(struct sampler_thread *thread, enum goidshim_lane_kind kind,
			  __u64 fs_base);
void sampler_thread_done(const struct sampler_thread *thread, __u32 lane);

/* The calling thread is about to end: gives the lane back. */
void sampler_thread_leave(struct sampler_thread *thread);

/* CLOCK_MONOTONIC in nanoseconds. */
__u64 sampler_now(void);

#pragma GCC visibility pop

#endif

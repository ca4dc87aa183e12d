/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/inside.sig.h"

#include "probe/peek.sig.h"
#include "shim/call.sig.h"
#include "shim/sampler.sig.h"

#define store_relaxed(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)

/* The call that the calling thread's slot tells of. */
static __thread struct {
	__u64 pc;
	__u64 sp;		/* 0: none */
	__u32 backed;		/* lane whose slot has memory, index + 1 */
	bool leaving;
} open;

static struct goidshim_inside *slot_of(__u32 lane)
{
	const struct goidshim_header *h = sampler.ring.header;

	return (struct goidshim_inside *)((unsigned char *)h + h->inside_offset +
					  (__u64)lane * h->inside_size);
}

/*
 * Is a call at `sp` made while the slot's own is still under way: by a signal
 * handler, further down the stack? One that was left by longjmp() is not under
 * way any more; its return address is gone, or its stack has been reused.
 */
static bool is_nested(__u64 sp)
{
	__u64 back = 0;

	return open.sp && sp < open.sp && peek_u64(open.sp - 8, &back) && back == open.pc + 1;
}

static bool back_slot(__u32 lane)
{
	if (open.backed == lane + 1)
		return true;
	if (ring_back(slot_of(lane), sampler.ring.header->inside_size) < 0)
		return false;
	open.backed = lane + 1;
	return true;
}

static void fill_holder(struct goidshim_wait *to, const struct inside_wait *wait)
{
	to->holder_tid = wait->holder_tid;
	to->holder_goid = wait->holder_goid;
	to->holder_start_pc = wait->holder_start_pc;
	to->holder_class = wait->holder_class;
	to->holder_reason = wait->holder_reason;
	to->holder_object = wait->type == GOIDSHIM_RECORD_LOCK ? wait->holder_object : 0xff;
}

static void fill(struct goidshim_wait *to, const struct call *call, const struct inside *in,
		 const struct inside_wait *wait)
{
	*to = (struct goidshim_wait){
		.start_ns = in->start_ns,
		.address = wait->address,
		.kind = wait->kind,
	};
	fill_holder(to, wait);
	call_fill(call, wait->type, sizeof(*to), &to->sample);
}

static void open_slot(struct inside *in, const struct call *call, const struct inside_wait *wait)
{
	struct goidshim_inside *slot = slot_of(call->lane);

	store_relaxed(&slot->generation, slot->generation | 1);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	fill(&slot->wait, call, in, wait);
	store_relaxed(&slot->state, 1);
	__atomic_store_n(&slot->generation, slot->generation + 1, __ATOMIC_RELEASE);
	open.pc = in->pc;
	open.sp = in->sp;
	in->depth = call->taken.stack.depth;
	in->has_slot = true;
}

static void close_slot(void)
{
	open.sp = 0;
	__atomic_store_n(&slot_of(open.backed - 1)->state, 0, __ATOMIC_RELEASE);
}

void inside_enter(struct inside *in, const struct inside_wait *wait, void *const *frame)
{
	struct call call;

	in->pc = (__u64)frame[1] - 1;
	in->sp = (__u64)frame + 16;
	in->has_slot = false;
	in->start_ns = sampler_now();
	if (is_nested(in->sp) || open.leaving || !call_begin(&call, in->pc, in->sp))
		return;
	call_take_stack(&call);
	if (!call_is_of_go_runtime(&call) && back_slot(call.lane))
		open_slot(in, &call, wait);
	call_end(&call);
}

/*
 * What stands in the slot, and how the wait ended. Nothing else is found out now: a
 * lock may be in hand, that others wait for.
 */
static void record_slot(const struct inside *in, const struct inside_wait *wait, __u64 end_ns)
{
	const struct goidshim_inside *slot = slot_of(open.backed - 1);
	struct goidshim_wait *w;
	struct call call;

	call.taken.who.fs_base = slot->wait.sample.fs_base;
	call.taken.stack.depth = in->depth;
	call.taken.labels_size = 0;
	if (!call_again(&call, end_ns))
		return;
	w = call_reserve(&call, sizeof(*w));
	if (w) {
		__builtin_memcpy(w, &slot->wait, sizeof(*w) + in->depth * sizeof(__u64));
		fill_holder(w, wait);
		w->duration_ns = end_ns - in->start_ns;
		w->sample.record.size = call_record_size(&call, sizeof(*w));
		w->sample.time_ns = end_ns;
		w->sample.sequence = call.taken.sequence;
		call_commit(&call, sizeof(*w));
	}
	call_end(&call);
}

/* A handler's call within another's: it has no slot, and takes its stack now. */
static __attribute__((noinline)) void record(const struct inside *in,
					     const struct inside_wait *wait, __u64 end_ns)
{
	struct goidshim_wait *w = 0;
	struct call call;

	if (!call_begin(&call, in->pc, in->sp))
		return;
	call.taken.time_ns = end_ns;
	call_take_stack(&call);
	if (!call_is_of_go_runtime(&call))
		w = call_reserve(&call, sizeof(*w));
	if (w) {
		fill(w, &call, in, wait);
		w->duration_ns = end_ns - in->start_ns;
		call_commit(&call, sizeof(*w));
	}
	call_end(&call);
}

void inside_leave(const struct inside *in, const struct inside_wait *wait, __u64 min_ns)
{
	__u64 end_ns = sampler_now();
	bool has_slot = in->has_slot && open.sp == in->sp;

	if (!call_is_recording())
		return;
	if (end_ns - in->start_ns >= min_ns && has_slot)
		record_slot(in, wait, end_ns);
	else if (end_ns - in->start_ns >= min_ns)
		record(in, wait, end_ns);
	if (has_slot)
		close_slot();
}

void inside_leave_thread(void)
{
	open.leaving = true;
	if (open.sp && call_is_recording())
		close_slot();
}

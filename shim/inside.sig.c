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

static void fill(struct goidshim_wait *to, const struct call *call, const struct inside *in,
		 const struct inside_wait *wait)
{
	*to = (struct goidshim_wait){
		.start_ns = in->start_ns,
		.address = wait->address,
		.kind = wait->kind,
		.holder_tid = wait->holder_tid,
		.holder_goid = wait->holder_goid,
		.holder_start_pc = wait->holder_start_pc,
		.holder_class = wait->holder_class,
		.holder_reason = wait->holder_reason,
		.holder_object = wait->type == GOIDSHIM_RECORD_LOCK ? wait->holder_object : 0xff,
	};
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

/* The stack that was taken on the way in, where there was a slot to keep it. */
static void take_stack(struct call *call, bool from_slot)
{
	const struct goidshim_inside *slot = slot_of(call->lane);
	const struct goidshim_sample *s = &slot->wait.sample;
	const __u64 *frames = (const __u64 *)(slot + 1);

	if (!from_slot) {
		call_take_stack(call);
		return;
	}
	call->taken.labels_size = 0;
	call->taken.stack.depth = s->stack_depth;
	call->taken.stack.end = s->stack_end;
	call->taken.stack.gap = s->stack_gap;
	for (unsigned i = 0; i < s->stack_depth; i++)
		call->taken.frames[i] = frames[i];
}

static __attribute__((noinline)) void record(const struct inside *in,
					     const struct inside_wait *wait, bool from_slot,
					     __u64 end_ns)
{
	struct goidshim_wait *w = 0;
	struct call call;

	if (!call_begin(&call, in->pc, in->sp))
		return;
	call.taken.time_ns = end_ns;
	take_stack(&call, from_slot);
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
	if (end_ns - in->start_ns >= min_ns)
		record(in, wait, has_slot, end_ns);
	if (has_slot)
		close_slot();
}

void inside_leave_thread(void)
{
	open.leaving = true;
	if (open.sp && call_is_recording())
		close_slot();
}

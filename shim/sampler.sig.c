/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/sampler.sig.h"

#include <stdbool.h>
#include <linux/prctl.h>
#include <linux/signal.h>
#include <linux/time.h>
#include <asm/sigcontext.h>
#include <asm/ucontext.h>

#include "probe/fsbase.sig.h"
#include "probe/goid.sig.h"
#include "probe/sys.sig.h"
#include "shim/owner.sig.h"
#include "shim/rate.sig.h"
#include "shim/usdt.sig.h"
#include "shim/wall.sig.h"

struct sampler sampler;

/*
 * What a thread keeps for its handler. Initial-exec TLS, all zero at first, and
 * touched only once FS base is known to be the C library's.
 */
static __thread struct sampler_thread self;
static __thread struct wall_thread self_wall;
static __thread int self_event;	/* descriptor + 1; 0: unknown */

struct interrupt {
	const struct siginfo *info;
	const struct ucontext *context;
	__u64 pc;
	__u64 sp;
	__u32 periods;	/* sample periods since the last one */
};

__u64 sampler_now(void)
{
	struct __kernel_timespec t;

	if (!sampler.clock_gettime || sampler.clock_gettime(CLOCK_MONOTONIC, &t) != 0)
		sys_call2(__NR_clock_gettime, CLOCK_MONOTONIC, (long)&t);
	return (__u64)t.tv_sec * 1000000000u + (__u64)t.tv_nsec;
}

static void record_thread(__u32 lane, __u64 fs_base, __u32 tid)
{
	struct goidshim_thread *t = ring_reserve(&sampler.ring, lane, sizeof(*t));

	if (!t)
		return;
	*t = (struct goidshim_thread){
		.record = { .size = sizeof(*t), .type = GOIDSHIM_RECORD_THREAD },
		.time_ns = sampler_now(),
		.fs_base = fs_base,
		.tid = tid,
	};
	sys_call2(__NR_prctl, PR_GET_NAME, (long)t->name);
	ring_commit(&sampler.ring, lane, sizeof(*t));
}

static __u32 claim_lane(enum goidshim_lane_kind kind, __u64 fs_base, __u32 tid)
{
	__u32 lane = ring_lane_claim(&sampler.ring, kind, tid);

	if (lane == RING_NO_LANE)
		return 0;
	record_thread(lane, fs_base, tid);
	usdt_thread(tid, fs_base, lane, kind);
	return lane + 1;
}

__u32 sampler_thread_lane(struct sampler_thread *thread, enum goidshim_lane_kind kind,
			  __u64 fs_base)
{
	__u32 lane;

	if (thread->lane)
		return thread->lane;
	if (!thread->tid)
		thread->tid = (__u32)sys_call2(__NR_gettid, 0, 0);
	lane = claim_lane(kind, fs_base, thread->tid);
	if (!thread->leaving)
		thread->lane = lane;
	return lane;
}

void sampler_thread_done(const struct sampler_thread *thread, __u32 lane)
{
	if (!thread->lane)
		ring_lane_release(&sampler.ring, lane - 1);
}

void sampler_thread_leave(struct sampler_thread *thread)
{
	__u32 lane;

	thread->leaving = 1;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	lane = thread->lane;
	thread->lane = 0;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (lane)
		ring_lane_release(&sampler.ring, lane - 1);
}

void sampler_fill(const struct sampler_taken *t, __u16 type, __u32 fixed,
		  struct goidshim_sample *s)
{
	__u64 *frames = (__u64 *)((unsigned char *)s + fixed);

	*s = (struct goidshim_sample){
		.record = { .size = sampler_record_size(t, fixed), .type = type },
		.time_ns = t->time_ns,
		.sequence = t->sequence,
		.goid = t->who.goid,
		.pc = t->pc,
		.sp = t->sp,
		.fs_base = t->who.fs_base,
		.g = t->who.g,
		.start_pc = t->who.start_pc,
		.go_pc = t->who.go_pc,
		.parent_goid = t->who.parent_goid,
		.cgo_call = t->who.cgo_call,
		.tid = t->tid,
		.periods = t->periods,
		.class_ = t->who.class_,
		.reason = t->who.reason,
		.object = t->who.object,
		.fsbase_method = (__u8)sampler.fsbase_method,
		.goroutine_status = t->who.status,
		.stack_end = t->stack.end,
		.stack_gap = t->stack.gap,
		.stack_depth = t->stack.depth,
		.labels_size = t->labels_size,
	};
	for (unsigned i = 0; i < t->stack.depth; i++)
		frames[i] = t->frames[i];
	__builtin_memcpy(&frames[t->stack.depth], t->labels, t->labels_size);
}

void sampler_take_stack(const struct sigcontext *context, unsigned max, struct sampler_taken *t)
{
	bool has_go = t->who.object < GOIDSHIM_MAX_OBJECTS;

	unwind_stack(has_go ? sampler.go[t->who.object] : 0,
		     has_go ? &sampler.layouts[t->who.object] : 0, &t->who, context, t->frames,
		     max, &t->stack);
	t->labels_size = 0;
}

static void take_labels(struct sampler_taken *t)
{
	if (goidshim_class_has_goid(t->who.class_))
		t->labels_size =
			golabels_read(&sampler.layouts[t->who.object], t->who.curg, t->labels);
}

static void read_who(__u64 fs_base, const struct interrupt *in, struct sampler_taken *t)
{
	goid_read(sampler.layouts, __atomic_load_n(&sampler.object_count, __ATOMIC_ACQUIRE),
		  fs_base, in->pc, in->sp, &t->who);
}

/* From the goroutine to the record. False: there is no room (counted). */
static bool record(__u32 lane, const struct interrupt *in, __u16 type, struct sampler_taken *t)
{
	struct goidshim_sample *s;

	sampler_take_stack(&in->context->uc_mcontext, sampler.stack_depth, t);
	take_labels(t);
	s = ring_reserve(&sampler.ring, lane, sampler_record_size(t, sizeof(*s)));
	if (!s)
		return false;
	t->time_ns = sampler_now();
	t->pc = in->pc;
	t->sp = in->sp;
	t->tid = self.tid;
	sampler_fill(t, type, sizeof(*s), s);
	ring_commit(&sampler.ring, lane, sampler_record_size(t, sizeof(*s)));
	return true;
}

/* FS base -> g -> goid -> stack -> labels -> ring. Whatever cannot be had is said, not guessed. */
static void take_sample(__u32 lane, __u64 fs_base, const struct interrupt *in)
{
	struct goidshim_lane *l = ring_lane(&sampler.ring, lane);
	struct sampler_taken t;

	read_who(fs_base, in, &t);
	t.sequence = l->samples + 1;
	t.periods = in->periods;
	if (!record(lane, in, GOIDSHIM_RECORD_SAMPLE, &t))
		return;
	rate_count_sample(l, in->periods, sampler.user_only);
	usdt_sample(l->samples, t.who.goid, t.who.fs_base, t.who.g, t.who.class_, lane,
		    t.who.reason, in->pc, in->sp);
}

/* The same by wall time, where a thread that serves no goroutine is of no interest. */
static void take_wall(__u32 lane, __u64 fs_base, const struct interrupt *in)
{
	struct goidshim_lane *l = ring_lane(&sampler.ring, lane);
	struct sampler_taken t;
	bool serves;
	__u32 next;

	read_who(fs_base, in, &t);
	serves = goidshim_class_has_goid(t.who.class_);
	next = wall_next(&self_wall, serves, &t.periods);
	if (next > 1)
		wall_reset_timer(in->info->si_tid, next);
	t.periods += in->periods - 1;
	t.sequence = l->wall_samples + 1;
	if (!serves || record(lane, in, GOIDSHIM_RECORD_WALL, &t))
		wall_count_periods(l, t.periods, serves);
}

static bool is_wall(const struct siginfo *info)
{
	return wall.cookie && (__u32)info->si_signo == wall.signal && info->si_code == SI_TIMER &&
	       (__u64)info->si_ptr == wall.cookie;
}

/* A descriptor of the program's own, with the same signal as our event. */
static bool is_other_event(const struct siginfo *info)
{
	return sampler.trigger == GOIDSHIM_TRIGGER_PERF && !is_wall(info) && self_event &&
	       self_event != info->si_fd + 1;
}

/* False: it was not ours after all. */
static bool on_interrupt(const struct interrupt *in)
{
	__u64 fs_base;
	__u32 lane;

	if (fsbase_read(sampler.fsbase_method, &fs_base) < 0 ||
	    !fsbase_is_thread_block(fs_base)) {
		ring_lose_without_lane(&sampler.ring, GOIDSHIM_LOST_FOREIGN_THREAD);
		return true;
	}
	if (is_other_event(in->info))
		return false;
	/* Two threads can share an FS base (a raw clone): one at a time. */
	if (__atomic_exchange_n(&self.busy, 1, __ATOMIC_ACQUIRE)) {
		ring_lose_without_lane(&sampler.ring, GOIDSHIM_LOST_NESTED);
		return true;
	}
	lane = sampler_thread_lane(&self, GOIDSHIM_LANE_SAMPLES, fs_base);
	if (lane) {
		if (is_wall(in->info))
			take_wall(lane - 1, fs_base, in);
		else
			take_sample(lane - 1, fs_base, in);
		sampler_thread_done(&self, lane);
	}
	__atomic_store_n(&self.busy, 0, __ATOMIC_RELEASE);
	return true;
}

/* How many periods this signal stands for; 0: it is not ours. */
static __u32 periods_of(const struct siginfo *info)
{
	if (is_wall(info))
		return 1 + (__u32)info->si_overrun;
	if ((__u32)info->si_signo != sampler.signal)
		return 0;
	switch (sampler.trigger) {
	case GOIDSHIM_TRIGGER_SIGTRAP:
		return info->si_code == TRAP_PERF && info->si_perf_data == sampler.cookie;
	case GOIDSHIM_TRIGGER_PERF:
		return info->si_code == POLL_IN || info->si_code == POLL_HUP;
	case GOIDSHIM_TRIGGER_TIMER:
		if (info->si_code == SI_TIMER && (__u64)info->si_ptr == sampler.cookie)
			return 1 + (__u32)info->si_overrun;
	}
	return 0;
}

/*
 * A fault that we recover from must not find its signal blocked: the kernel
 * kills. But a signal of that kind that was sent, and waits until the program
 * lets it in, must not come in here. False: there is one, so do not fault.
 */
static bool unblock_faults(const struct ucontext *uc)
{
	const __u64 faults = 1ull << (SIGSEGV - 1) | 1ull << (SIGBUS - 1);
	__u64 pending = 0;

	if (!(uc->uc_sigmask & faults))
		return true;
	sys_call2(__NR_rt_sigpending, (long)&pending, sizeof(pending));
	if (pending & faults)
		return false;
	sys_call4(__NR_rt_sigprocmask, SIG_UNBLOCK, (long)&faults, 0, sizeof(faults));
	return true;
}

bool sampler_owns(const struct siginfo *info)
{
	return periods_of(info) != 0;
}

void sampler_on_signal(int sig, struct siginfo *info, void *ucontext)
{
	struct ucontext *uc = ucontext;
	struct interrupt in = {
		.info = info,
		.context = uc,
		.pc = uc->uc_mcontext.rip,
		.sp = uc->uc_mcontext.rsp,
		.periods = periods_of(info),
	};

	if (!in.periods) {
		owner_forward(sig, info, ucontext);
		return;
	}
	if (__atomic_load_n(&sampler.stopped, __ATOMIC_RELAXED))
		return;
	if (!unblock_faults(uc))
		ring_lose_without_lane(&sampler.ring, GOIDSHIM_LOST_NESTED);
	else if (!on_interrupt(&in))
		owner_forward(sig, info, ucontext);
}

void sampler_set_event(int fd)
{
	self_event = fd + 1;
}

void sampler_leave_thread(void)
{
	if (wall.cookie)
		wall_forget_thread(&self_wall);
	sampler_thread_leave(&self);
}

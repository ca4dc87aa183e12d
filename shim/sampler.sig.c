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

struct sampler sampler;

/*
 * What a thread keeps for its handler. Initial-exec TLS, all zero at first, and
 * touched only once FS base is known to be the C library's.
 */
static __thread struct {
	__u32 lane;	/* index + 1; 0: none yet */
	__u32 tid;	/* 0: not asked yet */
	__u32 busy;	/* inside the handler */
	__u32 leaving;	/* the thread's function has returned */
} self;

struct interrupt {
	const struct ucontext *context;
	__u64 pc;
	__u64 sp;
	__u32 periods;	/* sample periods since the last one */
};

struct stack {
	struct unwind_result result;
	__u64 frames[GOIDSHIM_MAX_STACK];
};

__u64 sampler_now(void)
{
	struct __kernel_timespec t;

	if (!sampler.clock_gettime || sampler.clock_gettime(CLOCK_MONOTONIC, &t) != 0)
		sys_call2(__NR_clock_gettime, CLOCK_MONOTONIC, (long)&t);
	return (__u64)t.tv_sec * 1000000000u + (__u64)t.tv_nsec;
}

static void record_thread(__u32 lane, __u64 fs_base)
{
	struct goidshim_thread *t = ring_reserve(&sampler.ring, lane, sizeof(*t));

	if (!t)
		return;
	*t = (struct goidshim_thread){
		.record = { .size = sizeof(*t), .type = GOIDSHIM_RECORD_THREAD },
		.time_ns = sampler_now(),
		.fs_base = fs_base,
		.tid = self.tid,
	};
	sys_call2(__NR_prctl, PR_GET_NAME, (long)t->name);
	ring_commit(&sampler.ring, lane, sizeof(*t));
}

/* This thread's lane, index + 1, claimed on first use; 0: none can be had. */
static __u32 thread_lane(__u64 fs_base)
{
	__u32 lane;

	if (self.lane)
		return self.lane;
	if (!self.tid)
		self.tid = (__u32)sys_call2(__NR_gettid, 0, 0);
	lane = ring_lane_claim(&sampler.ring, GOIDSHIM_LANE_SAMPLES, self.tid);
	if (lane == RING_NO_LANE)
		return 0;
	record_thread(lane, fs_base);
	usdt_thread(self.tid, fs_base, lane, GOIDSHIM_LANE_SAMPLES);
	if (!self.leaving)
		self.lane = lane + 1;
	return lane + 1;
}

static __u32 sample_size(const struct stack *stack)
{
	return sizeof(struct goidshim_sample) + stack->result.depth * sizeof(__u64);
}

static void fill_sample(struct goidshim_sample *s, __u32 lane, const struct interrupt *in,
			const struct goid_reading *who, const struct stack *stack)
{
	*s = (struct goidshim_sample){
		.record = { .size = sample_size(stack), .type = GOIDSHIM_RECORD_SAMPLE },
		.time_ns = sampler_now(),
		.sequence = ring_lane(&sampler.ring, lane)->samples + 1,
		.goid = who->goid,
		.pc = in->pc,
		.sp = in->sp,
		.fs_base = who->fs_base,
		.g = who->g,
		.start_pc = who->start_pc,
		.go_pc = who->go_pc,
		.parent_goid = who->parent_goid,
		.tid = self.tid,
		.periods = in->periods,
		.class_ = who->class_,
		.reason = who->reason,
		.object = who->object,
		.fsbase_method = (__u8)sampler.fsbase_method,
		.goroutine_status = who->status,
		.stack_end = stack->result.end,
		.stack_gap = stack->result.gap,
		.stack_depth = stack->result.depth,
	};
	for (unsigned i = 0; i < stack->result.depth; i++)
		((__u64 *)(s + 1))[i] = stack->frames[i];
}

static void take_stack(const struct interrupt *in, const struct goid_reading *who,
		       struct stack *ret)
{
	bool has_go = who->object < GOIDSHIM_MAX_OBJECTS;

	unwind_stack(has_go ? sampler.go[who->object] : 0,
		     has_go ? &sampler.layouts[who->object] : 0, who,
		     &in->context->uc_mcontext, ret->frames, sampler.stack_depth, &ret->result);
}

/* FS base -> g -> goid -> stack -> ring. Whatever cannot be had is said, not guessed. */
static void take_sample(__u32 lane, __u64 fs_base, const struct interrupt *in)
{
	struct goid_reading who;
	struct stack stack;
	struct goidshim_sample *s;

	goid_read(sampler.layouts, __atomic_load_n(&sampler.object_count, __ATOMIC_ACQUIRE),
		  fs_base, in->pc, in->sp, &who);
	take_stack(in, &who, &stack);
	s = ring_reserve(&sampler.ring, lane, sample_size(&stack));
	if (!s)
		return;
	fill_sample(s, lane, in, &who, &stack);
	ring_commit(&sampler.ring, lane, sample_size(&stack));
	rate_count_sample(ring_lane(&sampler.ring, lane), in->periods, sampler.user_only);
	usdt_sample(ring_lane(&sampler.ring, lane)->samples, who.goid, who.fs_base, who.g,
		    who.class_, lane, who.reason, in->context);
}

static void on_interrupt(const struct interrupt *in)
{
	__u64 fs_base;
	__u32 lane;

	if (fsbase_read(sampler.fsbase_method, &fs_base) < 0 ||
	    !fsbase_is_thread_block(fs_base)) {
		ring_lose_without_lane(&sampler.ring, GOIDSHIM_LOST_FOREIGN_THREAD);
		return;
	}
	/* Two threads can share an FS base (a raw clone): one at a time. */
	if (__atomic_exchange_n(&self.busy, 1, __ATOMIC_ACQUIRE)) {
		ring_lose_without_lane(&sampler.ring, GOIDSHIM_LOST_NESTED);
		return;
	}
	lane = thread_lane(fs_base);
	if (lane)
		take_sample(lane - 1, fs_base, in);
	if (lane && !self.lane)
		ring_lane_release(&sampler.ring, lane - 1);
	__atomic_store_n(&self.busy, 0, __ATOMIC_RELEASE);
}

/* How many periods this signal stands for; 0: it is not ours. */
static __u32 periods_of(const struct siginfo *info)
{
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
	return (__u32)info->si_signo == sampler.signal && periods_of(info) != 0;
}

void sampler_on_signal(int sig, struct siginfo *info, void *ucontext)
{
	struct ucontext *uc = ucontext;
	struct interrupt in = {
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
	if (unblock_faults(uc))
		on_interrupt(&in);
	else
		ring_lose_without_lane(&sampler.ring, GOIDSHIM_LOST_NESTED);
}

void sampler_leave_thread(void)
{
	__u32 lane;

	self.leaving = 1;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	lane = self.lane;
	self.lane = 0;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (lane)
		ring_lane_release(&sampler.ring, lane - 1);
}

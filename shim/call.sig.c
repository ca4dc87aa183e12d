/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/call.sig.h"

#include <linux/mman.h>
#include <linux/signal.h>
#include <asm/sigcontext.h>

#include "probe/fsbase.sig.h"
#include "probe/goid.sig.h"
#include "probe/sys.sig.h"

#define PAGE 4096

/* Frames between the program's call and call_take_stack()'s, at most. */
#define OWN_FRAMES 8u

#define FAULTS (1ull << (SIGSEGV - 1) | 1ull << (SIGBUS - 1))

/* A page of its own, which a child of fork() finds empty. */
static union {
	__u32 recording;
	unsigned char page[PAGE];
} family __attribute__((aligned(PAGE)));

/* Busy between call_begin and call_end. */
static __thread struct sampler_thread self;
static __thread __u32 paused;

int call_start(void)
{
	long err = sys_call4(__NR_madvise, (long)&family, sizeof(family), MADV_WIPEONFORK, 0);

	if (!err)
		__atomic_store_n(&family.recording, 1, __ATOMIC_RELEASE);
	return (int)err;
}

bool call_is_recording(void)
{
	return __atomic_load_n(&family.recording, __ATOMIC_ACQUIRE) &&
	       !__atomic_load_n(&sampler.stopped, __ATOMIC_RELAXED);
}

void call_let_faults_in(struct call_faults *ret_before)
{
	const __u64 faults = FAULTS;

	sys_call4(__NR_rt_sigprocmask, SIG_UNBLOCK, (long)&faults, (long)&ret_before->mask,
		  sizeof(faults));
	ret_before->were_blocked = (ret_before->mask & FAULTS) != 0;
}

void call_put_faults_back(const struct call_faults *before)
{
	if (before->were_blocked)
		sys_call4(__NR_rt_sigprocmask, SIG_SETMASK, (long)&before->mask, 0,
			  sizeof(before->mask));
}

/* The guard is ours: no record is being made on this thread. */
static bool enter(void)
{
	if (paused || !call_is_recording())
		return false;
	if (self.busy) {
		ring_lose_without_lane(&sampler.ring, GOIDSHIM_LOST_NESTED);
		return false;
	}
	self.busy = 1;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return true;
}

static void leave(void)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	self.busy = 0;
}

static bool find_lane(struct call *call)
{
	__u64 fs_base;
	__u32 lane;

	/* Who got as far as calling the C library has its FS base. */
	if (fsbase_read(sampler.fsbase_method, &fs_base) < 0) {
		ring_lose_without_lane(&sampler.ring, GOIDSHIM_LOST_FOREIGN_THREAD);
		return false;
	}
	lane = sampler_thread_lane(&self, GOIDSHIM_LANE_CALLS, fs_base);
	call->lane = lane - 1;
	call->taken.who.fs_base = fs_base;
	return lane != 0;
}

bool call_begin(struct call *call, __u64 pc, __u64 sp)
{
	struct sampler_taken *t = &call->taken;

	if (!enter())
		return false;
	call_let_faults_in(&call->faults);
	if (!find_lane(call)) {
		call_put_faults_back(&call->faults);
		leave();
		return false;
	}
	t->pc = pc;
	t->sp = sp;
	t->tid = self.tid;
	t->periods = 0;
	t->time_ns = sampler_now();
	t->sequence = 0;
	t->stack = (struct unwind_result){ 0 };
	t->labels_size = 0;
	/* We are in C, though a wrapper that jumped here would return to Go's own code. */
	goid_read(sampler.layouts, __atomic_load_n(&sampler.object_count, __ATOMIC_ACQUIRE),
		  t->who.fs_base, (__u64)call_begin, sp, &t->who);
	return true;
}

bool call_again(struct call *call, __u64 time_ns)
{
	__u32 lane;

	if (!enter())
		return false;
	lane = sampler_thread_lane(&self, GOIDSHIM_LANE_CALLS, call->taken.who.fs_base);
	if (!lane) {
		leave();
		return false;
	}
	call->lane = lane - 1;
	call->faults.were_blocked = false;
	call->taken.time_ns = time_ns;
	return true;
}

/* The registers that a caller is found by, all as they are at one instruction. */
static inline __attribute__((always_inline)) void capture(struct sigcontext *ret)
{
	__asm__ volatile("leaq 1f(%%rip), %%rax\n"
			 "1:	movq %%rax, %c[rip](%[to])\n"
			 "	movq %%rsp, %c[rsp](%[to])\n"
			 "	movq %%rbp, %c[rbp](%[to])\n"
			 "	movq %%rbx, %c[rbx](%[to])\n"
			 "	movq %%r12, %c[r12](%[to])\n"
			 "	movq %%r13, %c[r13](%[to])\n"
			 "	movq %%r14, %c[r14](%[to])\n"
			 "	movq %%r15, %c[r15](%[to])\n"
			 :
			 : [to] "r"(ret), [rip] "i"(__builtin_offsetof(struct sigcontext, rip)),
			   [rsp] "i"(__builtin_offsetof(struct sigcontext, rsp)),
			   [rbp] "i"(__builtin_offsetof(struct sigcontext, rbp)),
			   [rbx] "i"(__builtin_offsetof(struct sigcontext, rbx)),
			   [r12] "i"(__builtin_offsetof(struct sigcontext, r12)),
			   [r13] "i"(__builtin_offsetof(struct sigcontext, r13)),
			   [r14] "i"(__builtin_offsetof(struct sigcontext, r14)),
			   [r15] "i"(__builtin_offsetof(struct sigcontext, r15))
			 : "rax", "memory");
}

/* The program's frames begin at its call, whose return address is pc + 1. */
static void drop_own_frames(struct sampler_taken *t, unsigned max)
{
	unsigned own = 0;

	while (own < t->stack.depth && t->frames[own] != t->pc + 1)
		own++;
	if (own == t->stack.depth)
		own = 0;
	t->stack.depth = (__u16)(t->stack.depth - own);
	for (unsigned i = 0; i < t->stack.depth; i++)
		t->frames[i] = t->frames[i + own];
	if (t->stack.depth && own)
		t->frames[0] = t->pc;
	if (t->stack.depth > max) {
		t->stack.depth = (__u16)max;
		t->stack.end = GOIDSHIM_STACK_DEPTH;
	}
}

__attribute__((noinline)) void call_take_stack(struct call *call)
{
	unsigned max = sampler.stack_depth;
	unsigned room = max + OWN_FRAMES;
	struct sigcontext here;

	if (max == 0)
		return;
	capture(&here);
	sampler_take_stack(&here, room < GOIDSHIM_MAX_STACK ? room : GOIDSHIM_MAX_STACK,
			   &call->taken);
	drop_own_frames(&call->taken, max);
}

static bool is_asmcgocall(const struct unwind_go *go, __u64 pc)
{
	for (unsigned i = 0; i < go->special_count; i++)
		if (go->special[i].kind == UNWIND_ASMCGOCALL)
			return pc > go->special[i].entry && pc <= go->special[i].end;
	return false;
}

bool call_is_of_go_runtime(const struct call *call)
{
	const struct sampler_taken *t = &call->taken;
	const struct goidshim_golayout *layout;

	if (t->who.object >= GOIDSHIM_MAX_OBJECTS)
		return false;
	layout = &sampler.layouts[t->who.object];
	/* From the first on: a wrapper that ends by jumping to the function has no frame. */
	for (unsigned i = 0; i < t->stack.depth; i++)
		if (t->frames[i] >= layout->text && t->frames[i] < layout->etext)
			return !is_asmcgocall(sampler.go[t->who.object], t->frames[i]);
	return false;
}

void *call_reserve(struct call *call, __u32 fixed)
{
	call->taken.sequence = ++ring_lane(&sampler.ring, call->lane)->calls;
	return ring_reserve(&sampler.ring, call->lane, call_record_size(call, fixed));
}

void call_fill(const struct call *call, __u16 type, __u32 fixed, struct goidshim_sample *s)
{
	sampler_fill(&call->taken, type, fixed, s);
}

void call_commit(struct call *call, __u32 fixed)
{
	ring_commit(&sampler.ring, call->lane, call_record_size(call, fixed));
}

void call_lose(const struct call *call, enum goidshim_lost reason)
{
	ring_lose(&sampler.ring, call->lane, reason);
}

void call_end(struct call *call)
{
	sampler_thread_done(&self, call->lane + 1);
	call_put_faults_back(&call->faults);
	leave();
}

void call_pause(void)
{
	paused++;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

void call_resume(void)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	paused--;
}

void call_leave_thread(void)
{
	sampler_thread_leave(&self);
}

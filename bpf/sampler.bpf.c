/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * sampler.bpf.c - the kernel's side of goidshim-record --kernel.
 *
 * Runs on each tick of a perf cpu-clock event, on every CPU, and takes a sample
 * when the target is what the CPU runs. It needs nothing inside the target, so
 * it serves the programs that nothing can be preloaded into.
 */
#include <linux/bpf.h>
#include <linux/bpf_perf_event.h>
#include <linux/ptrace.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "bpf/goidshim.bpf.h"
#include "bpf/evidence.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Set by the loader. */
const volatile __u32 target_tgid = 0;

struct pt_regs___user {
	unsigned long ip;
	unsigned long sp;
	unsigned long bp;
} __attribute__((preserve_access_index));

struct sched_entity___sampler {
	unsigned long long sum_exec_runtime;
} __attribute__((preserve_access_index));

struct task_struct___sampler {
	struct sched_entity___sampler se;
	unsigned long long start_time;
} __attribute__((preserve_access_index));

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct evidence_layouts);
} layouts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct evidence_sampler_counts);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 23);
} samples SEC(".maps");

struct user_state {
	struct goidshim_context at;
	__u64 bp;
	bool was_in_kernel;
};

/* Inside a system call or a fault, user mode's registers are at the top of the kernel stack. */
static __always_inline void user_state(const struct bpf_perf_event_data *ctx,
				       struct user_state *ret)
{
	struct pt_regs___user *regs;

	ret->was_in_kernel = (ctx->regs.cs & 3) != 3;
	if (ret->was_in_kernel) {
		regs = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
		ret->at.pc = BPF_CORE_READ(regs, ip);
		ret->at.sp = BPF_CORE_READ(regs, sp);
		ret->bp = BPF_CORE_READ(regs, bp);
	} else {
		ret->at.pc = ctx->regs.rip;
		ret->at.sp = ctx->regs.rsp;
		ret->bp = ctx->regs.rbp;
	}
	ret->at.fs_base = goidshim_fs_base();
}

static __always_inline __u64 load_field(__u64 base, __u16 offset)
{
	__u64 value = 0;

	if (offset != GOIDSHIM_NO_OFFSET)
		goidshim_load(&value, sizeof(value), base, offset);
	return value;
}

/*
 * Return addresses along the goroutine's frame pointers, which Go maintains.
 * They stay on the goroutine's own stack and move up, so a wrong one ends the
 * walk instead of leading it astray; 0 is the frame of the first function.
 */
static __always_inline void walk(struct evidence_sample *s, __u32 depth, __u64 bp, __u64 lo,
				 __u64 hi)
{
	__u64 frame[2];

	s->stack_end = GOIDSHIM_STACK_POINTERS;
	for (; depth < EVIDENCE_STACK_MAX; depth++) {
		if (bp == 0) {
			s->stack_end = GOIDSHIM_STACK_GOEXIT;
			break;
		}
		if (bp < lo || bp >= hi || bp & 7 ||
		    bpf_probe_read_user(frame, sizeof(frame), (const void *)bp))
			break;
		s->stack[depth] = frame[1];
		if (frame[0] && frame[0] <= bp) {
			depth++;
			break;
		}
		bp = frame[0];
	}
	if (depth == EVIDENCE_STACK_MAX)
		s->stack_end = GOIDSHIM_STACK_DEPTH;
	s->stack_depth = depth;
}

/*
 * On the goroutine's stack: from the interrupted frame. In C or in the runtime
 * on its behalf: the interrupted pc, then where the goroutine left its stack;
 * the C frames in between have no frame pointers to go by.
 */
static __always_inline void take_stack(struct evidence_sample *s,
				       const struct goidshim_golayout *l,
				       const struct goidshim_reading *r,
				       const struct user_state *user)
{
	if (r->class_ == GOIDSHIM_CLASS_GO)
		walk(s, 1, user->bp, r->stack_lo, r->stack_hi);
	else if (goidshim_class_has_goid(r->class_))
		walk(s, 1, load_field(r->curg, l->g_sched_bp), r->stack_lo, r->stack_hi);
}

static __always_inline void fill_thread(struct evidence_sample *s)
{
	struct task_struct___sampler *task = (void *)bpf_get_current_task();

	s->tid = (__u32)bpf_get_current_pid_tgid();
	bpf_get_current_comm(s->name, sizeof(s->name));
	s->thread_start_ns = BPF_CORE_READ(task, start_time);
	s->thread_cpu_ns = BPF_CORE_READ(task, se.sum_exec_runtime);
}

static __always_inline void fill(struct evidence_sample *s, const struct goidshim_reading *r,
				 const struct user_state *user)
{
	s->time_ns = bpf_ktime_get_ns();
	s->goid = r->goid;
	s->pc = user->at.pc;
	s->sp = user->at.sp;
	s->fs_base = user->at.fs_base;
	s->g = r->g;
	s->goroutine_status = r->status;
	s->class_ = r->class_;
	s->reason = r->reason;
	s->object = r->object;
	s->start_pc = 0;
	s->go_pc = 0;
	s->parent_goid = 0;
	s->reserved = 0;
	s->stack[0] = user->at.pc;
	s->stack_depth = 1;
	s->stack_end = GOIDSHIM_STACK_POINTERS;
}

static __always_inline void fill_goroutine(struct evidence_sample *s,
					   const struct goidshim_golayout *l, __u64 curg)
{
	s->start_pc = load_field(curg, l->g_startpc);
	s->go_pc = load_field(curg, l->g_gopc);
	s->parent_goid = load_field(curg, l->g_parent_goid);
}

/* The layout that answered; NULL if none did. The verifier must see one checked pointer. */
static __always_inline const struct goidshim_golayout *layout_of(const struct evidence_layouts *l,
								 __u32 object)
{
	const struct goidshim_golayout *layout;

	barrier_var(object);
	if (object >= GOIDSHIM_MAX_OBJECTS)
		return NULL;
	layout = &l->layouts[object];
	barrier_var(layout);
	return layout;
}

SEC("perf_event")
int on_tick(struct bpf_perf_event_data *ctx)
{
	const __u32 zero = 0;
	struct evidence_sampler_counts *n;
	const struct goidshim_golayout *layout;
	struct goidshim_reading reading;
	struct evidence_layouts *l;
	struct user_state user;
	struct evidence_sample *s;

	if (bpf_get_current_pid_tgid() >> 32 != target_tgid)
		return 0;
	l = bpf_map_lookup_elem(&layouts, &zero);
	n = bpf_map_lookup_elem(&counts, &zero);
	if (!l || !n)
		return 0;
	user_state(ctx, &user);
	n->samples++;
	n->kernel_mode += user.was_in_kernel;
	s = bpf_ringbuf_reserve(&samples, sizeof(*s), 0);
	if (!s) {
		n->lost++;
		return 0;
	}
	goidshim_read(l->layouts, l->count, &user.at, &reading);
	fill(s, &reading, &user);
	fill_thread(s);
	layout = layout_of(l, reading.object);
	if (layout && reading.curg) {
		fill_goroutine(s, layout, reading.curg);
		take_stack(s, layout, &reading, &user);
	}
	bpf_ringbuf_submit(s, 0);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * witness.bpf.c - the kernel's side of goidshim-verify.
 *
 * On each hit of the shim's `sample` probe: read the thread's FS base, g, m,
 * curg and goid from here, compare with what the shim says, count, and send
 * what does not agree to the user side.
 *
 * A reading that agrees looks up one thing, its lane, and finds all that it needs
 * there. Programs of user probes may be preempted by each other, so nothing lives in
 * per-CPU scratch space, and what threads share is updated atomically.
 */
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include <bpf/usdt.bpf.h>

#define GOIDSHIM_WINDOW GOIDSHIM_WINDOW_M
#include "bpf/goidshim.bpf.h"
#include "bpf/evidence.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Set by the loader: this process and its descendants; 0: every process. */
const volatile __u32 root_tgid = 0;
/* Set by the loader: send every comparison, not only those that disagree. */
const volatile bool report_all = false;

/* Kernel structures: the fields we read, found by name at load time. */
struct task_struct___witness {
	int tgid;
	struct task_struct___witness *real_parent;
	void *mm;
	void *robust_list;
	int *clear_child_tid;
} __attribute__((preserve_access_index));

struct task_struct___rseq {
	void *rseq;
} __attribute__((preserve_access_index));

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct evidence_process);
} processes SEC(".maps");

/* Layouts that the user side derived; written by it alone. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct evidence_layouts);
} own_layouts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct evidence_lane_key);
	__type(value, struct evidence_lane);
} lanes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

/* Initial values for new map entries: too large for a BPF stack. Never written. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct evidence_process);
} blank_process SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct evidence_lane);
} blank_lane SEC(".maps");

/* Grows, on either side, whenever layouts of any process have changed. */
__u64 generation = 1;

static __always_inline void count(__u64 *counter)
{
	__sync_fetch_and_add(counter, 1);
}

static bool is_wanted(__u32 tgid)
{
	struct task_struct___witness *task = (void *)bpf_get_current_task();

	if (root_tgid == 0 || tgid == root_tgid)
		return true;
	for (int depth = 0; depth < 32 && task; depth++) {
		if ((__u32)BPF_CORE_READ(task, tgid) == root_tgid)
			return true;
		task = BPF_CORE_READ(task, real_parent);
	}
	return false;
}

/* The entry of the current process, made on first sight if the process is wanted. */
static struct evidence_process *process_of(__u32 tgid)
{
	struct evidence_process *p = bpf_map_lookup_elem(&processes, &tgid);
	const __u32 zero = 0;
	void *blank;

	if (p)
		return p;
	if (!is_wanted(tgid))
		return NULL;
	blank = bpf_map_lookup_elem(&blank_process, &zero);
	if (!blank)
		return NULL;
	bpf_map_update_elem(&processes, &tgid, blank, BPF_NOEXIST);
	return bpf_map_lookup_elem(&processes, &tgid);
}

static __always_inline __u64 load_u64(__u64 address)
{
	__u64 value = 0;

	bpf_probe_read_user(&value, sizeof(value), (const void *)address);
	return value;
}

/* The kernel's three pointers into the TCB of the current thread's C library. */
static __always_inline void tcb_pointers(__u64 pointers[EVIDENCE_TCB_MAX])
{
	struct task_struct___witness *task = (void *)bpf_get_current_task();
	struct task_struct___rseq *rseq = (void *)task;

	pointers[EVIDENCE_TCB_ROBUST_LIST] = (__u64)BPF_CORE_READ(task, robust_list);
	pointers[EVIDENCE_TCB_CLEAR_TID] = (__u64)BPF_CORE_READ(task, clear_child_tid);
	pointers[EVIDENCE_TCB_RSEQ] = 0;
	if (bpf_core_field_exists(rseq->rseq))
		pointers[EVIDENCE_TCB_RSEQ] = (__u64)BPF_CORE_READ(rseq, rseq);
}

/*
 * How far each pointer is from the TCB depends on the C library, so it is
 * measured on a thread whose FS base is its TCB for certain: the TCB holds its
 * own address, twice.
 */
static void tcb_calibrate(struct evidence_process *p, __u64 fs_base)
{
	__u64 pointers[EVIDENCE_TCB_MAX];
	__u32 calibrated = 0;

	if (fs_base == 0 || load_u64(fs_base) != fs_base || load_u64(fs_base + 16) != fs_base)
		return;
	tcb_pointers(pointers);
	for (int i = 0; i < EVIDENCE_TCB_MAX; i++) {
		if (!pointers[i])
			continue;
		p->tcb_offset[i] = pointers[i] - fs_base;
		calibrated |= 1u << i;
	}
	p->tcb_calibrated = calibrated;
}

/* The TCB on which two of the three pointers agree, or else the first there is; 0 unknown. */
static __u64 tcb_of_current(const struct evidence_process *p)
{
	__u64 pointers[EVIDENCE_TCB_MAX];
	__u64 a, b, c;

	tcb_pointers(pointers);
	a = p->tcb_calibrated & 1 && pointers[0] ? pointers[0] - p->tcb_offset[0] : 0;
	b = p->tcb_calibrated & 2 && pointers[1] ? pointers[1] - p->tcb_offset[1] : 0;
	c = p->tcb_calibrated & 4 && pointers[2] ? pointers[2] - p->tcb_offset[2] : 0;
	if (a && (a == b || a == c))
		return a;
	if (b && b == c)
		return b;
	return a ? a : b ? b : c;
}

/*
 * The shim and thread.fsbase differ: who is right? The TCB has the casting
 * vote. If it sides with the kernel, the thread may still have moved its FS base
 * by WRFSBASE to a place that only user mode knows: then that place holds its
 * own address, as the ABI asks, and does not belong to another thread.
 */
static bool is_stale(const struct evidence_process *p, __u64 shim, __u64 tcb)
{
	__u32 tid = 0;

	if (tcb && shim == tcb)
		return true;
	if (shim == 0 || load_u64(shim) != shim)
		return false;
	if (!(p->tcb_calibrated & (1u << EVIDENCE_TCB_CLEAR_TID)))
		return true;
	/* clear_child_tid points at the word where the C library keeps the tid. */
	bpf_probe_read_user(&tid, sizeof(tid),
			    (const void *)(shim + p->tcb_offset[EVIDENCE_TCB_CLEAR_TID]));
	return tid == 0 || tid == (__u32)bpf_get_current_pid_tgid();
}

static __always_inline __u8 differing_fields(const struct evidence_account *shim,
					     const struct goidshim_reading *r)
{
	return (shim->g != r->g) << EVIDENCE_G | (shim->goid != r->goid) << EVIDENCE_GOID |
	       (shim->class_ != r->class_) << EVIDENCE_CLASS |
	       (shim->reason != r->reason) << EVIDENCE_REASON;
}

/* Nothing but the FS base can be compared when the shim refused it. */
static __always_inline bool is_fsbase_refused(const struct evidence_account *shim)
{
	return shim->class_ == GOIDSHIM_CLASS_NONE &&
	       (shim->reason == GOIDSHIM_REASON_NO_FSBASE ||
		shim->reason == GOIDSHIM_REASON_FOREIGN_FSBASE);
}

/* Our own layouts, unless the process has published objects that they lack. */
static __noinline void lane_refresh(struct evidence_lane *lane, __u32 tgid)
{
	const struct evidence_layouts *own = bpf_map_lookup_elem(&own_layouts, &tgid);
	const struct evidence_process *p = process_of(tgid);

	if (!p)
		return;
	/* Before the layouts: if these change meanwhile, we come again. */
	lane->generation = *(volatile __u64 *)&generation;
	if (!own || own->count < p->published.count) {
		lane->whose = EVIDENCE_LAYOUT_SHIM;
		lane->layouts = p->published;
	} else {
		lane->whose = EVIDENCE_LAYOUT_OWN;
		lane->layouts = *own;
	}
}

/* On first sight of a lane; NULL if the process is not wanted, or there is no room. */
static __noinline struct evidence_lane *lane_make(const struct evidence_lane_key *key,
						  __u64 sequence)
{
	struct evidence_process *p = process_of(key->tgid);
	struct evidence_lane *lane;
	const __u32 zero = 0;
	void *blank;

	blank = bpf_map_lookup_elem(&blank_lane, &zero);
	if (!p || !blank)
		return NULL;
	if (!p->tcb_calibrated)
		tcb_calibrate(p, goidshim_fs_base());
	bpf_map_update_elem(&lanes, key, blank, BPF_NOEXIST);
	lane = bpf_map_lookup_elem(&lanes, key);
	if (lane)
		lane->first = sequence;
	else
		count(&p->readings_lost);
	return lane;
}

/* A lane that begins anew is another program's, in the same process or of the same pid. */
static __always_inline void lane_advance(struct evidence_lane *lane, __u64 sequence)
{
	if (sequence <= lane->last) {
		lane->ended += lane->last - lane->first + 1;
		lane->first = sequence;
	}
	lane->last = sequence;
}

/* In the lane's scratch space: there is not enough stack. */
struct comparison {
	struct goidshim_context at;
	struct evidence_account shim;
	struct evidence_account witness;	/* fs_base: what the kernel says */
	struct goidshim_reading reading;	/* the last one, of at most two */
	__u8 fields;
	__u8 verdict;
};

_Static_assert(sizeof(struct comparison) <= sizeof(((struct evidence_lane *)0)->scratch), "");

/* Why do the readings differ? Read again: a lie stays, a change does not. */
static __always_inline __u8 explain(const struct evidence_layouts *l, struct comparison *c)
{
	if (l->count == 0)
		return EVIDENCE_NO_LAYOUT;
	if (c->witness.class_ == GOIDSHIM_CLASS_UNREADABLE &&
	    c->shim.class_ != GOIDSHIM_CLASS_UNREADABLE)
		return EVIDENCE_UNREADABLE;
	goidshim_read(l->layouts, l->count, &c->at, &c->reading);
	if (c->reading.goid != c->witness.goid || c->reading.class_ != c->witness.class_ ||
	    !differing_fields(&c->shim, &c->reading))
		return EVIDENCE_CHANGED;
	return EVIDENCE_SHIM_WRONG;
}

static __noinline void compare_fs_base(struct comparison *c, __u32 tgid)
{
	const struct evidence_process *p = process_of(tgid);

	c->fields = 1 << EVIDENCE_FS_BASE;
	c->verdict = EVIDENCE_SHIM_WRONG;
	if (p && is_stale(p, c->shim.fs_base, tcb_of_current(p))) {
		c->verdict = EVIDENCE_STALE_FSBASE;
		c->at.fs_base = c->shim.fs_base;
	}
}

static __always_inline void compare(const struct evidence_layouts *l, struct comparison *c,
				    __u32 tgid)
{
	c->fields = 0;
	c->verdict = EVIDENCE_AGREED;
	c->witness = (struct evidence_account){ .fs_base = c->at.fs_base };
	c->reading.m = c->reading.curg = 0;
	if (c->shim.fs_base != c->witness.fs_base)
		compare_fs_base(c, tgid);
	if (is_fsbase_refused(&c->shim))
		return;
	goidshim_read(l->layouts, l->count, &c->at, &c->reading);
	c->witness.g = c->reading.g;
	c->witness.goid = c->reading.goid;
	c->witness.class_ = c->reading.class_;
	c->witness.reason = c->reading.reason;
	c->fields |= differing_fields(&c->shim, &c->reading);
	if (c->fields & ~(1 << EVIDENCE_FS_BASE) && c->verdict != EVIDENCE_SHIM_WRONG)
		c->verdict = explain(l, c);
}

/* An index that the verifier can see is one. */
static __always_inline __u32 bounded(__u32 index, __u32 end)
{
	barrier_var(index);
	return index < end ? index : 0;
}

static __always_inline void tally(struct evidence_lane *lane, const struct comparison *c)
{
	__u32 class_ = bounded(c->shim.class_, GOIDSHIM_CLASS_MAX);
	__u32 verdict = bounded(c->verdict, EVIDENCE_VERDICT_MAX);
	struct evidence_counts *n = &lane->counts[bounded(lane->whose, EVIDENCE_LAYOUT_MAX)];

	lane->hits++;
	n->classes[class_][verdict]++;
	for (int field = 0; c->fields && field < EVIDENCE_FIELD_MAX; field++)
		if (c->fields & (1 << field))
			n->fields[field][verdict]++;
}

static struct evidence_event *event_reserve(struct evidence_process *p, __u32 kind, __u32 tgid)
{
	struct evidence_event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e) {
		if (p)
			count(&p->events_lost);
		return NULL;
	}
	__builtin_memset(e, 0, sizeof(*e));
	e->kind = kind;
	e->tgid = tgid;
	e->tid = (__u32)bpf_get_current_pid_tgid();
	e->time_ns = bpf_ktime_get_ns();
	return e;
}

static __noinline void event_send(const struct evidence_lane *lane,
				  const struct evidence_lane_key *key, const struct comparison *c)
{
	struct evidence_process *p = process_of(key->tgid);
	struct evidence_event *e = event_reserve(p, EVIDENCE_EVENT_READING, key->tgid);

	if (!e)
		return;
	e->verdict = c->verdict;
	e->fields = c->fields;
	e->layout = lane->whose;
	e->sequence = lane->last;
	e->lane = key->lane;
	e->pc = c->at.pc;
	e->sp = c->at.sp;
	e->tcb = p ? tcb_of_current(p) : 0;
	e->shim = c->shim;
	e->witness = c->witness;
	e->m = c->reading.m;
	e->curg = c->reading.curg;
	bpf_ringbuf_submit(e, 0);
}

/*
 * sequence, goid, fs_base, g, class, lane, reason, pc, sp: from the registers
 * that shim/usdt.sig.h pins them to. bpf_usdt_arg() would find them anywhere, for
 * 60 ns each. From another register nothing could agree.
 */
SEC("usdt")
int on_sample(struct pt_regs *ctx)
{
	struct evidence_lane_key key = {
		.tgid = bpf_get_current_pid_tgid() >> 32,
		.lane = ctx->r9,
	};
	struct evidence_lane *lane = bpf_map_lookup_elem(&lanes, &key);
	struct comparison *c;

	if (!lane)
		lane = lane_make(&key, ctx->rdi);
	if (!lane)
		return 0;
	if (lane->generation != generation)
		lane_refresh(lane, key.tgid);
	lane_advance(lane, ctx->rdi);
	c = (struct comparison *)lane->scratch;
	c->shim.fs_base = ctx->rdx;
	c->shim.g = ctx->rcx;
	c->shim.goid = ctx->rsi;
	c->shim.class_ = ctx->r8;
	c->shim.reason = ctx->rax;
	c->at.fs_base = goidshim_fs_base();
	c->at.pc = ctx->r10;
	c->at.sp = ctx->r11;
	compare(&lane->layouts, c, key.tgid);
	tally(lane, c);
	if (c->verdict != EVIDENCE_AGREED || report_all)
		event_send(lane, &key, c);
	return 0;
}

SEC("usdt")
int BPF_USDT(on_thread, __u64 tid, __u64 fs_base, __u64 lane, __u64 kind)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct evidence_process *p = process_of(tgid);

	if (p)
		count(&p->threads);
	return 0;
}

/* Copies the layouts that the process has published since we last looked. */
static void take_layouts(struct evidence_layouts *l, __u64 header, __u32 published)
{
	for (__u32 i = 0; i < GOIDSHIM_MAX_OBJECTS; i++) {
		__u64 at = header + __builtin_offsetof(struct goidshim_header, objects) +
			   i * sizeof(struct goidshim_object) +
			   __builtin_offsetof(struct goidshim_object, layout);

		if (i >= published)
			break;
		if (i < l->count)
			continue;
		if (bpf_probe_read_user(&l->layouts[i], sizeof(l->layouts[i]), (const void *)at))
			return;
		l->count = i + 1;
	}
}

SEC("usdt")
int BPF_USDT(on_objects, __u64 header, __u64 published)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct task_struct___witness *task = (void *)bpf_get_current_task();
	struct evidence_process *p = process_of(tgid);
	__u64 mm = (__u64)BPF_CORE_READ(task, mm);
	struct evidence_event *e;

	if (!p)
		return 0;
	/* What was known is of the program before an exec, or of the pid's former owner. */
	if (p->mm && p->mm != mm) {
		p->published.count = 0;
		p->tcb_calibrated = 0;
		bpf_map_delete_elem(&own_layouts, &tgid);
	}
	p->mm = mm;
	take_layouts(&p->published, header, published);
	if (!p->tcb_calibrated)
		tcb_calibrate(p, goidshim_fs_base());
	count(&generation);
	e = event_reserve(p, EVIDENCE_EVENT_OBJECTS, tgid);
	if (!e)
		return 0;
	e->object_count = p->published.count;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

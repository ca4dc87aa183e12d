/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * goidshim/goidshim.bpf.h - which goroutine is the current thread working for?
 * The few lines that answer it in a BPF program, yours included.
 *
 * Include it after <bpf/bpf_helpers.h> and <bpf/bpf_core_read.h>, with or
 * without vmlinux.h. Go's layout is data: a struct goidshim_golayout, written by
 * `goidshim-layout --format=c BINARY`, or resolved at run time by your loader.
 * Keep it in a map or in .rodata. See goidshim.bpf(5) for a whole program.
 *
 * The reading is the shim's, written a second time on purpose: one that shared
 * the shim's code could not bear witness against it. Needs Linux 5.15 and BTF;
 * the program's licence must let it use bpf_probe_read_user ("GPL" or dual).
 */
#ifndef GOIDSHIM_BPF_H
#define GOIDSHIM_BPF_H

#include "goidshim/goid.h"
#include "goidshim/format.h"

/* The one kernel field we need, by name; CO-RE finds where it is. */
struct thread_struct___goidshim {
	unsigned long fsbase;
} __attribute__((preserve_access_index));

struct task_struct___goidshim {
	struct thread_struct___goidshim thread;
} __attribute__((preserve_access_index));

/* One reading of one thread. */
struct goidshim_reading {
	__u64 fs_base;
	__u64 g;		/* 0 if it is 0 or could not be read */
	__u64 m;
	__u64 g0;
	__u64 curg;
	__u64 stack_lo;		/* curg's stack */
	__u64 stack_hi;
	__u64 g0_sched_sp;
	__u64 goid;		/* 0 unless class_ names a goroutine */
	__u32 status;		/* curg.atomicstatus without the GC scan bit */
	__u8 class_;		/* enum goidshim_class */
	__u8 reason;		/* enum goidshim_reason */
	__u8 object;		/* index of the layout that answered; 0xff none */
	__u8 reserved;
};

/* The instant to read at: the FS base, and user mode's pc and sp (0 if you do not have them). */
struct goidshim_context {
	__u64 fs_base;
	__u64 pc;
	__u64 sp;
};

/* The current thread's FS base as of its last switch-in, arch_prctl or fork. */
static __always_inline __u64 goidshim_fs_base(void)
{
	struct task_struct___goidshim *task = (void *)bpf_get_current_task();

	return BPF_CORE_READ(task, thread.fsbase);
}

static __always_inline int goidshim_load(void *ret, __u32 size, __u64 base, __u64 offset)
{
	return bpf_probe_read_user(ret, size, (const void *)(base + offset));
}

static __always_inline void goidshim_refuse(struct goidshim_reading *r, __u8 class_, __u8 reason)
{
	r->class_ = class_;
	r->reason = reason;
	r->goid = 0;
}

/* Two words, by one read where they are neighbours: a read costs far more than a word. */
static __always_inline int goidshim_load_pair(__u64 ret[2], __u64 base, __u16 first, __u16 second)
{
	if (second == first + 8)
		return goidshim_load(ret, 2 * sizeof(*ret), base, first);
	return goidshim_load(&ret[0], sizeof(ret[0]), base, first) ||
	       goidshim_load(&ret[1], sizeof(ret[1]), base, second);
}

/*
 * g, m and g0 must point at each other before anything in them is believed. Only
 * a g that is neither g0 nor curg can be gsignal.
 */
static __always_inline int goidshim_load_m(const struct goidshim_golayout *l,
					   struct goidshim_reading *r, __u64 *gsignal)
{
	__u64 m_sp[2];

	if (goidshim_load_pair(m_sp, r->g, l->g_m, l->g_sched_sp)) {
		goidshim_refuse(r, GOIDSHIM_CLASS_UNREADABLE, GOIDSHIM_REASON_G_FAULT);
		return -1;
	}
	r->m = m_sp[0];
	if (goidshim_load(&r->g0, sizeof(r->g0), r->m, l->m_g0) ||
	    goidshim_load(&r->curg, sizeof(r->curg), r->m, l->m_curg) ||
	    (r->g != r->g0 && goidshim_load_pair(m_sp, r->g0, l->g_m, l->g_sched_sp)) ||
	    (r->g != r->g0 && r->g != r->curg &&
	     goidshim_load(gsignal, sizeof(*gsignal), r->m, l->m_gsignal))) {
		goidshim_refuse(r, GOIDSHIM_CLASS_UNREADABLE, GOIDSHIM_REASON_M_FAULT);
		return -1;
	}
	r->g0_sched_sp = m_sp[1];
	if (m_sp[0] != r->m || (r->g != r->g0 && r->g != r->curg && r->g != *gsignal)) {
		goidshim_refuse(r, GOIDSHIM_CLASS_UNREADABLE, GOIDSHIM_REASON_M_MISMATCH);
		return -1;
	}
	return 0;
}

/* A g's stack bounds and m: by one read where they are as in every Go from 1.19 to 1.27. */
static __always_inline int goidshim_load_head(const struct goidshim_golayout *l,
					      struct goidshim_reading *r, __u64 *m)
{
	__u64 head[7];

	if (l->g_stack_lo == 0 && l->g_stack_hi == 8 && l->g_m == 48) {
		if (goidshim_load(head, sizeof(head), r->curg, 0))
			return -1;
		*m = head[6];
	} else if (goidshim_load_pair(head, r->curg, l->g_stack_lo, l->g_stack_hi) ||
		   goidshim_load(m, sizeof(*m), r->curg, l->g_m)) {
		return -1;
	}
	r->stack_lo = head[0];
	r->stack_hi = head[1];
	return 0;
}

static __always_inline int goidshim_load_curg(const struct goidshim_golayout *l,
					      struct goidshim_reading *r)
{
	__u64 status_goid[2], m_of_curg = 0;

	if (goidshim_load_head(l, r, &m_of_curg) ||
	    goidshim_load_pair(status_goid, r->curg, l->g_atomicstatus, l->g_goid)) {
		goidshim_refuse(r, GOIDSHIM_CLASS_UNREADABLE, GOIDSHIM_REASON_CURG_FAULT);
		return -1;
	}
	/* The status is the lower half of its word, without the garbage collector's scan bit. */
	r->status = (__u32)status_goid[0] & ~0x1000u;
	r->goid = status_goid[1];
	if (m_of_curg != 0 && m_of_curg != r->m) {
		goidshim_refuse(r, GOIDSHIM_CLASS_UNREADABLE, GOIDSHIM_REASON_CURG_MISMATCH);
		return -1;
	}
	return 0;
}

/* A C thread between two callbacks: its extra M keeps a goid that nobody works for. */
static __always_inline int goidshim_is_parked(const struct goidshim_golayout *l,
					      const struct goidshim_reading *r)
{
	__u8 in_c = 0;
	__u32 ncgo = 0;

	if (l->m_is_extra_in_c == GOIDSHIM_NO_OFFSET || r->status == 2 /* running */ ||
	    goidshim_load(&in_c, sizeof(in_c), r->m, l->m_is_extra_in_c) || !in_c)
		return 0;
	return l->m_ncgo == GOIDSHIM_NO_OFFSET ||
	       goidshim_load(&ncgo, sizeof(ncgo), r->m, l->m_ncgo) || ncgo == 0;
}

static __always_inline __u8 goidshim_classify(const struct goidshim_golayout *l,
					      const struct goidshim_reading *r,
					      const struct goidshim_context *at)
{
	if (at->sp >= r->stack_lo && at->sp < r->stack_hi)
		return GOIDSHIM_CLASS_GO;
	if ((at->pc >= l->text && at->pc < l->etext) || r->g == r->curg)
		return GOIDSHIM_CLASS_RUNTIME;
	return GOIDSHIM_CLASS_C;
}

static __always_inline void goidshim_read_goroutine(const struct goidshim_golayout *l,
						    const struct goidshim_context *at,
						    struct goidshim_reading *r)
{
	__u8 class_;

	if (goidshim_load_curg(l, r))
		return;
	class_ = goidshim_classify(l, r, at);
	if (class_ == GOIDSHIM_CLASS_C && goidshim_is_parked(l, r))
		goidshim_refuse(r, GOIDSHIM_CLASS_EXTRA_M, GOIDSHIM_REASON_PARKED_EXTRA_M);
	else if (r->status == 0 || r->status == 6 || r->status == 11) /* idle, dead, deadextra */
		goidshim_refuse(r, GOIDSHIM_CLASS_EXITING, GOIDSHIM_REASON_DEAD);
	else if (r->goid == 0)
		goidshim_refuse(r, GOIDSHIM_CLASS_UNREADABLE, GOIDSHIM_REASON_GOID_ZERO);
	else
		r->class_ = class_;
}

/*
 * goidshim_read_object - the current thread's goroutine in one Go runtime
 *
 * Fills all of *r but `object`. A function of its own in BPF too (that is why it
 * is global and weak): the kernel then verifies it once, however many callers.
 * Returns 0, or -1 for a null pointer.
 */
__attribute__((weak, noinline)) int goidshim_read_object(const struct goidshim_golayout *l,
							 const struct goidshim_context *at,
							 struct goidshim_reading *r)
{
	__u64 gsignal = 0;

	if (!l || !at || !r)
		return -1;
	__builtin_memset(r, 0, sizeof(*r));
	r->fs_base = at->fs_base;
	if (goidshim_load(&r->g, sizeof(r->g), at->fs_base, (__u64)l->tls_offset)) {
		goidshim_refuse(r, GOIDSHIM_CLASS_UNREADABLE, GOIDSHIM_REASON_TLS_FAULT);
		return 0;
	}
	if (r->g == 0) {
		goidshim_refuse(r, GOIDSHIM_CLASS_C_THREAD, GOIDSHIM_REASON_G_ZERO);
		return 0;
	}
	if (goidshim_load_m(l, r, &gsignal))
		return 0;
	if (r->g == gsignal)
		goidshim_refuse(r, GOIDSHIM_CLASS_SIGNAL, GOIDSHIM_REASON_GSIGNAL);
	else if (r->curg == 0)
		goidshim_refuse(r,
				at->pc >= l->text && at->pc < l->etext ? GOIDSHIM_CLASS_SCHED
								       : GOIDSHIM_CLASS_IDLE,
				GOIDSHIM_REASON_NO_CURG);
	else
		goidshim_read_goroutine(l, at, r);
	return 0;
}

/*
 * goidshim_read_one - the same, for a layout in .rodata or anywhere else
 *
 * The kernel lets a global function have only memory that may be written, so the
 * layout goes by way of the stack.
 */
static __always_inline void goidshim_read_one(const struct goidshim_golayout *layout,
					      const struct goidshim_context *at,
					      struct goidshim_reading *r)
{
	struct goidshim_golayout copy = *layout;

	goidshim_read_object(&copy, at, r);
	r->object = 0;
}

/* Does `a` name the runtime that this thread entered after the one that `b` names? */
static __always_inline int goidshim_is_better(const struct goidshim_reading *a,
					      const struct goidshim_reading *b)
{
	int a_live = goidshim_class_has_goid(a->class_);

	if (a_live != goidshim_class_has_goid(b->class_))
		return a_live;
	if (!a_live)
		return b->class_ == GOIDSHIM_CLASS_C_THREAD && a->class_ != GOIDSHIM_CLASS_C_THREAD;
	if ((a->class_ == GOIDSHIM_CLASS_C) != (b->class_ == GOIDSHIM_CLASS_C))
		return b->class_ == GOIDSHIM_CLASS_C;
	return a->g0_sched_sp < b->g0_sched_sp;
}

/*
 * goidshim_read - the current thread's goroutine, by `count` layouts
 *
 * `layouts` is an array of GOIDSHIM_MAX_OBJECTS in a map value. Fills all of *r.
 */
static __always_inline void goidshim_read(const struct goidshim_golayout *layouts, __u32 count,
					  const struct goidshim_context *at,
					  struct goidshim_reading *r)
{
	struct goidshim_reading other;

	__builtin_memset(r, 0, sizeof(*r));
	r->fs_base = at->fs_base;
	r->reason = GOIDSHIM_REASON_NO_GO;
	r->object = 0xff;
	if (count == 0)
		return;
	goidshim_read_object(&layouts[0], at, r);
	r->object = 0;
	for (__u32 i = 1; i < GOIDSHIM_MAX_OBJECTS && i < count; i++) {
		goidshim_read_object(&layouts[i], at, &other);
		other.object = i;
		if (goidshim_is_better(&other, r))
			*r = other;
	}
}

#endif

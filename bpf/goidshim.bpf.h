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
	struct task_struct___goidshim *task = (void *)bpf_get_current_task_btf();

	return task->thread.fsbase;
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

/*
 * A read costs far more than the bytes that it copies. So what lies close together
 * is had by one read, through a window. This one is wide enough for all that we want
 * of a g, and of an m from curg on, in Go 1.19 to 1.27; what is not in it is read by
 * itself. With GOIDSHIM_WINDOW_M words all of an m is in it, too: define
 * GOIDSHIM_WINDOW so if you have 400 bytes of stack to spare.
 */
#define GOIDSHIM_WINDOW_G 21
#define GOIDSHIM_WINDOW_M 42
#ifndef GOIDSHIM_WINDOW
#define GOIDSHIM_WINDOW GOIDSHIM_WINDOW_G
#endif

struct goidshim_window {
	__u64 address;
	__u32 count;		/* of words that are open */
	__u32 failed;		/* something could not be read */
	__u64 words[GOIDSHIM_WINDOW];
};

static __always_inline void goidshim_open(struct goidshim_window *w, __u64 address, __u32 count)
{
	w->address = address;
	w->failed = 0;
	w->count = goidshim_load(w->words, count * sizeof(*w->words), address, 0) ? 0 : count;
}

/* The `size` bytes, 8 at most, at `base` + `offset`. */
static __always_inline __u64 goidshim_pick(struct goidshim_window *w, __u32 size, __u64 base,
					   __u16 offset)
{
	__u64 at = base + offset - w->address;
	__u64 index = at >> 3, value = 0;

	barrier_var(index); /* or the verifier would lose sight of what was checked */
	if (index >= GOIDSHIM_WINDOW || index >= w->count || (at & 7) + size > 8)
		w->failed |= goidshim_load(&value, size, base, offset) != 0;
	else
		value = w->words[index] >> (8 * (at & 7));
	return size < 8 ? value & ((1ull << 8 * size) - 1) : value;
}

/* isExtraInC, in no cgo call: a C thread's extra M, unless its goroutine is running. */
static __always_inline int goidshim_is_extra(const struct goidshim_golayout *l,
					     struct goidshim_window *w, __u64 m)
{
	return l->m_is_extra_in_c != GOIDSHIM_NO_OFFSET &&
	       goidshim_pick(w, 1, m, l->m_is_extra_in_c) &&
	       (l->m_ncgo == GOIDSHIM_NO_OFFSET || goidshim_pick(w, 4, m, l->m_ncgo) == 0);
}

/* What an m says beside its g0 and curg. */
struct goidshim_m {
	int is_gsignal;		/* g is its gsignal: no g that is g0 or curg can be */
	int is_extra;
};

static __always_inline void goidshim_load_m(const struct goidshim_golayout *l,
					    struct goidshim_window *w, struct goidshim_reading *r,
					    struct goidshim_m *ret)
{
	goidshim_open(w, r->m + (GOIDSHIM_WINDOW >= GOIDSHIM_WINDOW_M ? l->m_g0 : l->m_curg),
		      GOIDSHIM_WINDOW);
	/* Where it cannot be read, this m is not one. */
	ret->is_extra = goidshim_is_extra(l, w, r->m);
	w->failed = 0;
	r->curg = goidshim_pick(w, 8, r->m, l->m_curg);
	r->g0 = goidshim_pick(w, 8, r->m, l->m_g0);
	ret->is_gsignal = r->g != r->g0 && r->g != r->curg &&
			  r->g == goidshim_pick(w, 8, r->m, l->m_gsignal);
}

/* A g's m. Its sched.sp is the next word in Go 1.19 to 1.27; goes to r->g0_sched_sp. */
static __always_inline __u64 goidshim_load_links(const struct goidshim_golayout *l,
						 struct goidshim_window *w, __u64 g,
						 struct goidshim_reading *r)
{
	goidshim_open(w, g + l->g_m, 2);
	r->g0_sched_sp = goidshim_pick(w, 8, g, l->g_sched_sp);
	return goidshim_pick(w, 8, g, l->g_m);
}

/*
 * g, m and g0 must point at each other before anything in them is believed. In C
 * code g is g0, and has been read.
 */
static __always_inline int goidshim_load_thread(const struct goidshim_golayout *l,
						struct goidshim_window *w,
						struct goidshim_reading *r, struct goidshim_m *m)
{
	__u64 m_of_g0;

	r->m = m_of_g0 = goidshim_load_links(l, w, r->g, r);
	if (w->failed) {
		goidshim_refuse(r, GOIDSHIM_CLASS_UNREADABLE, GOIDSHIM_REASON_G_FAULT);
		return -1;
	}
	goidshim_load_m(l, w, r, m);
	if (!w->failed && r->g != r->g0)
		m_of_g0 = goidshim_load_links(l, w, r->g0, r);
	if (w->failed) {
		goidshim_refuse(r, GOIDSHIM_CLASS_UNREADABLE, GOIDSHIM_REASON_M_FAULT);
		return -1;
	}
	if (m_of_g0 != r->m || (r->g != r->g0 && r->g != r->curg && !m->is_gsignal)) {
		goidshim_refuse(r, GOIDSHIM_CLASS_UNREADABLE, GOIDSHIM_REASON_M_MISMATCH);
		return -1;
	}
	return 0;
}

static __always_inline int goidshim_load_curg(const struct goidshim_golayout *l,
					      struct goidshim_window *w,
					      struct goidshim_reading *r)
{
	__u64 m;

	goidshim_open(w, r->curg, GOIDSHIM_WINDOW_G);
	m = goidshim_pick(w, 8, r->curg, l->g_m);
	r->stack_lo = goidshim_pick(w, 8, r->curg, l->g_stack_lo);
	r->stack_hi = goidshim_pick(w, 8, r->curg, l->g_stack_hi);
	r->status = goidshim_pick(w, 4, r->curg, l->g_atomicstatus) & ~0x1000u; /* no scan bit */
	r->goid = goidshim_pick(w, 8, r->curg, l->g_goid);
	if (w->failed) {
		goidshim_refuse(r, GOIDSHIM_CLASS_UNREADABLE, GOIDSHIM_REASON_CURG_FAULT);
		return -1;
	}
	if (m != 0 && m != r->m) {
		goidshim_refuse(r, GOIDSHIM_CLASS_UNREADABLE, GOIDSHIM_REASON_CURG_MISMATCH);
		return -1;
	}
	return 0;
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
						    struct goidshim_window *w,
						    const struct goidshim_m *m,
						    struct goidshim_reading *r)
{
	__u8 class_;

	if (goidshim_load_curg(l, w, r))
		return;
	class_ = goidshim_classify(l, r, at);
	/* A C thread between two callbacks keeps a goid that nobody works for. */
	if (class_ == GOIDSHIM_CLASS_C && m->is_extra && r->status != 2 /* running */)
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
 * is global and weak): the kernel then verifies it once, however many callers. It
 * takes half of the stack that kernels before 6.13 have, 512 bytes. Returns 0, or -1 for a null
 * pointer.
 */
__attribute__((weak, noinline)) int goidshim_read_object(const struct goidshim_golayout *l,
							 const struct goidshim_context *at,
							 struct goidshim_reading *r)
{
	struct goidshim_window window;
	struct goidshim_m m;

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
	if (goidshim_load_thread(l, &window, r, &m))
		return 0;
	if (m.is_gsignal)
		goidshim_refuse(r, GOIDSHIM_CLASS_SIGNAL, GOIDSHIM_REASON_GSIGNAL);
	else if (r->curg == 0)
		goidshim_refuse(r,
				at->pc >= l->text && at->pc < l->etext ? GOIDSHIM_CLASS_SCHED
								       : GOIDSHIM_CLASS_IDLE,
				GOIDSHIM_REASON_NO_CURG);
	else
		goidshim_read_goroutine(l, at, &window, &m, r);
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

/* What a reading is chosen by. */
struct goidshim_choice {
	__u64 g0_sched_sp;
	__u32 object;
	__u8 class_;
};

/* Does `a` name the runtime that this thread entered after the one that `b` names? */
static __always_inline int goidshim_is_better(const struct goidshim_reading *a,
					      const struct goidshim_choice *b)
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

static __always_inline void goidshim_read_at(const struct goidshim_golayout *layouts, __u32 object,
					     const struct goidshim_context *at,
					     struct goidshim_reading *r)
{
	barrier_var(object); /* the verifier must see one checked index */
	if (object >= GOIDSHIM_MAX_OBJECTS)
		return;
	goidshim_read_object(&layouts[object], at, r);
	r->object = object;
}

/*
 * goidshim_read - the current thread's goroutine, by `count` layouts
 *
 * `layouts` is an array of GOIDSHIM_MAX_OBJECTS in a map value. Fills all of *r. There
 * is no stack for a second reading, so the best of several is read once more.
 */
static __always_inline void goidshim_read(const struct goidshim_golayout *layouts, __u32 count,
					  const struct goidshim_context *at,
					  struct goidshim_reading *r)
{
	struct goidshim_choice best = { 0 };

	if (count == 0) {
		__builtin_memset(r, 0, sizeof(*r));
		r->fs_base = at->fs_base;
		r->reason = GOIDSHIM_REASON_NO_GO;
		r->object = 0xff;
		return;
	}
	for (__u32 i = 0; i < GOIDSHIM_MAX_OBJECTS && i < count; i++) {
		goidshim_read_at(layouts, i, at, r);
		if (i == 0 || goidshim_is_better(r, &best)) {
			best.g0_sched_sp = r->g0_sched_sp;
			best.object = i;
			best.class_ = r->class_;
		}
	}
	if (best.object != r->object)
		goidshim_read_at(layouts, best.object, at, r);
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/goid.sig.h"

#include <stdbool.h>

#include "probe/peek.sig.h"

/* g.atomicstatus, the same in Go 1.19 to 1.27. */
enum {
	G_IDLE = 0,
	G_RUNNING = 2,
	G_DEAD = 6,
	G_DEAD_EXTRA = 11,
	G_SCAN = 0x1000,
};

static void reading_refuse(struct goid_reading *r, __u8 class_, __u8 reason)
{
	r->class_ = class_;
	r->reason = reason;
	r->goid = 0;
}

static bool peek_optional(__u64 base, __u16 offset, __u64 *ret)
{
	*ret = 0;
	return offset == GOIDSHIM_NO_OFFSET || peek_u64(base + offset, ret);
}

/* g, m and g0 must point at each other before anything in them is believed. */
static bool read_m(const struct goidshim_golayout *l, struct goid_reading *r, __u64 *ret_gsignal)
{
	__u64 m_of_g0;

	if (!peek_u64(r->g + l->g_m, &r->m)) {
		reading_refuse(r, GOIDSHIM_CLASS_UNREADABLE, GOIDSHIM_REASON_G_FAULT);
		return false;
	}
	if (!peek_u64(r->m + l->m_g0, &r->g0) || !peek_u64(r->m + l->m_gsignal, ret_gsignal) ||
	    !peek_u64(r->m + l->m_curg, &r->curg) || !peek_u64(r->g0 + l->g_m, &m_of_g0) ||
	    !peek_u64(r->g0 + l->g_sched_sp, &r->g0_sched_sp)) {
		reading_refuse(r, GOIDSHIM_CLASS_UNREADABLE, GOIDSHIM_REASON_M_FAULT);
		return false;
	}
	if (m_of_g0 != r->m || (r->g != r->g0 && r->g != r->curg && r->g != *ret_gsignal)) {
		reading_refuse(r, GOIDSHIM_CLASS_UNREADABLE, GOIDSHIM_REASON_M_MISMATCH);
		return false;
	}
	return true;
}

static bool read_curg(const struct goidshim_golayout *l, struct goid_reading *r)
{
	__u64 m_of_curg;

	if (!peek_u64(r->curg + l->g_stack_lo, &r->curg_lo) ||
	    !peek_u64(r->curg + l->g_stack_hi, &r->curg_hi) ||
	    !peek_u64(r->curg + l->g_m, &m_of_curg) ||
	    !peek_u64(r->curg + l->g_goid, &r->goid) ||
	    !peek_u32(r->curg + l->g_atomicstatus, &r->status) ||
	    !peek_optional(r->curg, l->g_startpc, &r->start_pc) ||
	    !peek_optional(r->curg, l->g_gopc, &r->go_pc) ||
	    !peek_optional(r->curg, l->g_parent_goid, &r->parent_goid)) {
		reading_refuse(r, GOIDSHIM_CLASS_UNREADABLE, GOIDSHIM_REASON_CURG_FAULT);
		return false;
	}
	r->status &= ~(__u32)G_SCAN;
	/* dropg clears g.m one store before m.curg: 0 is a goroutine that is leaving. */
	if (m_of_curg != 0 && m_of_curg != r->m) {
		reading_refuse(r, GOIDSHIM_CLASS_UNREADABLE, GOIDSHIM_REASON_CURG_MISMATCH);
		return false;
	}
	return true;
}

/*
 * Since 1.21 an extra M stays bound to its C thread between callbacks, with a
 * readable goid that nobody is working for. isExtraInC tells; but up to 1.23 it
 * also stays set after a nested callback has returned to C that Go called, and
 * there ncgo counts that call, or the goroutine has gone on and is running.
 */
static bool is_parked_extra_m(const struct goidshim_golayout *l, const struct goid_reading *r)
{
	__u8 in_c = 0;
	__u32 ncgo = 0;

	if (l->m_is_extra_in_c == GOIDSHIM_NO_OFFSET || r->status == G_RUNNING)
		return false;
	if (!peek_u8(r->m + l->m_is_extra_in_c, &in_c) || !in_c)
		return false;
	return l->m_ncgo == GOIDSHIM_NO_OFFSET || !peek_u32(r->m + l->m_ncgo, &ncgo) || ncgo == 0;
}

/* Which of its m's calls into C this is: m.ncgocall, which stands before m.ncgo. */
static __u64 read_cgo_call(const struct goidshim_golayout *l, const struct goid_reading *r)
{
	__u64 calls = 0;

	if (l->m_ncgo == GOIDSHIM_NO_OFFSET ||
	    !peek_u64(r->m + l->m_ncgo - sizeof(calls), &calls))
		return 0;
	return calls;
}

/* Which stack we are on comes from SP, never from g: g is switched first. */
static __u8 classify(const struct goidshim_golayout *l, const struct goid_reading *r, __u64 pc,
		     __u64 sp)
{
	if (sp >= r->curg_lo && sp < r->curg_hi)
		return GOIDSHIM_CLASS_GO;
	if (pc >= l->text && pc < l->etext)
		return GOIDSHIM_CLASS_RUNTIME;
	/* The vdso, called by Go on g0's stack: Go leaves g = curg there. */
	if (r->g == r->curg)
		return GOIDSHIM_CLASS_RUNTIME;
	return GOIDSHIM_CLASS_C;
}

static void read_goroutine(const struct goidshim_golayout *l, __u64 pc, __u64 sp,
			   struct goid_reading *r)
{
	__u8 class_;

	if (!read_curg(l, r))
		return;
	class_ = classify(l, r, pc, sp);
	if (class_ == GOIDSHIM_CLASS_C && is_parked_extra_m(l, r))
		reading_refuse(r, GOIDSHIM_CLASS_EXTRA_M, GOIDSHIM_REASON_PARKED_EXTRA_M);
	else if (r->status == G_IDLE || r->status == G_DEAD || r->status == G_DEAD_EXTRA)
		reading_refuse(r, GOIDSHIM_CLASS_EXITING, GOIDSHIM_REASON_DEAD);
	else if (r->goid == 0)
		reading_refuse(r, GOIDSHIM_CLASS_UNREADABLE, GOIDSHIM_REASON_GOID_ZERO);
	else
		r->class_ = class_;
	if (r->class_ == GOIDSHIM_CLASS_C)
		r->cgo_call = read_cgo_call(l, r);
}

static void read_object(const struct goidshim_golayout *l, __u64 pc, __u64 sp,
			struct goid_reading *r)
{
	__u64 gsignal;

	if (!peek_u64(r->fs_base + (__u64)l->tls_offset, &r->g))
		reading_refuse(r, GOIDSHIM_CLASS_UNREADABLE, GOIDSHIM_REASON_TLS_FAULT);
	else if (r->g == 0)
		reading_refuse(r, GOIDSHIM_CLASS_C_THREAD, GOIDSHIM_REASON_G_ZERO);
	else if (!read_m(l, r, &gsignal))
		return;
	else if (r->g == gsignal)
		reading_refuse(r, GOIDSHIM_CLASS_SIGNAL, GOIDSHIM_REASON_GSIGNAL);
	else if (r->curg == 0)
		reading_refuse(r,
			       pc >= l->text && pc < l->etext ? GOIDSHIM_CLASS_SCHED
							      : GOIDSHIM_CLASS_IDLE,
			       GOIDSHIM_REASON_NO_CURG);
	else
		read_goroutine(l, pc, sp, r);
}

/*
 * Two runtimes may both hold a goroutine on one thread: one called C, and that
 * C called the other. Code on a goroutine's stack or in a runtime's text
 * decides; in C it is the runtime entered last, and since every entry puts
 * g0.sched.sp where the thread's stack then was, that is the lowest one.
 */
static bool is_better(const struct goid_reading *a, const struct goid_reading *b)
{
	bool a_live = goidshim_class_has_goid(a->class_);
	bool b_live = goidshim_class_has_goid(b->class_);

	if (a_live != b_live)
		return a_live;
	if (!a_live)
		return b->class_ == GOIDSHIM_CLASS_C_THREAD && a->class_ != GOIDSHIM_CLASS_C_THREAD;
	if ((a->class_ == GOIDSHIM_CLASS_C) != (b->class_ == GOIDSHIM_CLASS_C))
		return b->class_ == GOIDSHIM_CLASS_C;
	return a->g0_sched_sp < b->g0_sched_sp;
}

void goid_read(const struct goidshim_golayout *layouts, unsigned count, __u64 fs_base, __u64 pc,
	       __u64 sp, struct goid_reading *ret)
{
	*ret = (struct goid_reading){
		.fs_base = fs_base,
		.reason = GOIDSHIM_REASON_NO_GO,
		.object = 0xff,
	};
	for (unsigned i = 0; i < count; i++) {
		struct goid_reading other, *r = i ? &other : ret;

		*r = (struct goid_reading){ .fs_base = fs_base, .object = (__u8)i };
		read_object(&layouts[i], pc, sp, r);
		if (i && is_better(r, ret))
			*ret = other;
	}
}

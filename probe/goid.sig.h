/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From an FS base to a goroutine: FS base -> g -> m -> curg -> goid, or a
 * reason why not. Every pointer is followed through peek, because what looks
 * like a g may be anything in a program that we know nothing about.
 */
#ifndef PROBE_GOID_SIG_H
#define PROBE_GOID_SIG_H

#include "goidshim/goid.h"

/* One reading of one thread, by that thread, at one instant. */
struct goid_reading {
	__u64 fs_base;
	__u64 g;		/* TLS g; 0 if it is 0 or could not be read */
	__u64 m;
	__u64 g0;
	__u64 curg;
	__u64 curg_lo;		/* curg's stack */
	__u64 curg_hi;
	__u64 g0_sched_sp;	/* where the m last went from C into Go */
	__u64 goid;		/* 0 unless class_ names a goroutine */
	__u64 parent_goid;	/* 0: unknown or not in this Go version */
	__u64 start_pc;		/* 0: unknown (a callback's goroutine has none) */
	__u64 go_pc;
	__u64 cgo_call;		/* m.ncgocall, in class C; 0: unknown */
	__u32 status;		/* curg.atomicstatus without the GC scan bit */
	__u8 class_;		/* enum goidshim_class */
	__u8 reason;		/* enum goidshim_reason */
	__u8 object;		/* index of the layout that answered; 0xff none */
};

/*
 * Reads the calling thread's goroutine by each of the `count` layouts and keeps
 * the innermost: the runtime that was entered last. `pc` and `sp` are the
 * interrupted context's. Fills all of *ret. Signal-safe: yes, provided that
 * SIGSEGV and SIGBUS are unblocked and reach peek_recover().
 */
void goid_read(const struct goidshim_golayout *layouts, unsigned count, __u64 fs_base, __u64 pc,
	       __u64 sp, struct goid_reading *ret);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * goidshim/goid.h - the vocabulary: whose thread is this?
 *
 * The words in which every part of goidshim speaks of an FS base, of Go's
 * runtime structures, and of one reading of them. Types only, fixed width, no
 * pointers, so that the same header serves the shim, the tools, a BPF program
 * and other people's code. Nothing here does anything, so everything here is
 * safe in a signal handler.
 *
 * Units: every offset is in bytes, every address is a virtual address of the
 * target process.
 */
#ifndef GOIDSHIM_GOID_H
#define GOIDSHIM_GOID_H

#include <linux/types.h>

/* How a thread's FS base was read. The values are part of the ring format. */
enum goidshim_fsbase_method {
	GOIDSHIM_FSBASE_NONE = 0,
	GOIDSHIM_FSBASE_RDFSBASE = 1,	/* the instruction; needs AT_HWCAP2 bit 1 */
	GOIDSHIM_FSBASE_ARCH_PRCTL = 2,	/* arch_prctl(ARCH_GET_FS) */
	GOIDSHIM_FSBASE_FAULT = 3,	/* address of a fault at %fs:(known offset) */
	GOIDSHIM_FSBASE_KERNEL = 4,	/* task->thread.fsbase, read by the BPF sampler */
};

/* An offset that this Go version does not have, or that nothing could prove. */
#define GOIDSHIM_NO_OFFSET 0xffffu

/*
 * One Go runtime's layout, resolved for one object (executable or shared
 * library) in one process: where g is in thread-local storage, and where the
 * fields are in g and m. Produced by the shim and by goidshim-layout; consumed
 * as data by everybody else.
 */
struct goidshim_golayout {
	__s64 tls_offset;	/* g is the word at FS base + tls_offset */
	__u64 text;		/* [text, etext): the object's Go code and no C code; run-time addresses */
	__u64 etext;
	__u16 go_minor;		/* 27 for go1.27.3 */
	__u16 fields_proved;	/* how many of the offsets below machine code confirmed */

	__u16 g_stack_lo;
	__u16 g_stack_hi;
	__u16 g_m;
	__u16 g_sched_sp;
	__u16 g_sched_pc;
	__u16 g_sched_bp;
	__u16 g_atomicstatus;	/* u32 */
	__u16 g_goid;		/* u64 */
	__u16 g_parent_goid;	/* u64, 1.21 and later */
	__u16 g_gopc;		/* pc after the go statement's call */
	__u16 g_startpc;	/* entry of the goroutine's function */
	__u16 g_labels;

	__u16 m_g0;
	__u16 m_gsignal;
	__u16 m_curg;
	__u16 m_isextra;	/* bool, 1.20 and later */
	__u16 m_is_extra_in_c;	/* bool, 1.21 and later */
	__u16 m_vdso_sp;
	__u16 m_vdso_pc;
	__u16 m_ncgo;		/* i32: cgo calls in progress on this m */
	__u16 reserved[2];
};

_Static_assert(sizeof(struct goidshim_golayout) == 72, "golayout is part of the ring format");

/*
 * What the thread was doing for Go at the instant of a reading. A class that
 * names a goroutine (see goidshim_class_has_goid) comes with its goid; every
 * other class says why there is none.
 */
enum goidshim_class {
	GOIDSHIM_CLASS_NONE = 0,	/* no reading: see the reason */
	GOIDSHIM_CLASS_GO = 1,		/* on the goroutine's own stack */
	GOIDSHIM_CLASS_C = 2,		/* C code working for the goroutine (a cgo call) */
	GOIDSHIM_CLASS_RUNTIME = 3,	/* Go's runtime on g0, on behalf of the goroutine */
	GOIDSHIM_CLASS_SCHED = 4,	/* Go's scheduler: an M without a goroutine */
	GOIDSHIM_CLASS_IDLE = 5,	/* C code of an M without a goroutine */
	GOIDSHIM_CLASS_C_THREAD = 6,	/* C thread without Go: g is 0 */
	GOIDSHIM_CLASS_EXTRA_M = 7,	/* C thread between callbacks: the extra M is parked */
	GOIDSHIM_CLASS_EXITING = 8,	/* the goroutine has ended; its goid is still in g */
	GOIDSHIM_CLASS_SIGNAL = 9,	/* inside Go's signal handler (gsignal) */
	GOIDSHIM_CLASS_UNREADABLE = 10,	/* a structure could not be read or made no sense */
	GOIDSHIM_CLASS_MAX
};

/* Why a reading has the class that it has; GOIDSHIM_REASON_OK for a proved goid. */
enum goidshim_reason {
	GOIDSHIM_REASON_OK = 0,
	GOIDSHIM_REASON_NO_FSBASE = 1,		/* no method could read the FS base */
	GOIDSHIM_REASON_FOREIGN_FSBASE = 2,	/* FS base is not the C library's thread block */
	GOIDSHIM_REASON_NO_GO = 3,		/* no Go runtime known in this process */
	GOIDSHIM_REASON_G_ZERO = 4,		/* TLS g is 0 */
	GOIDSHIM_REASON_TLS_FAULT = 5,		/* the TLS slot could not be read */
	GOIDSHIM_REASON_G_FAULT = 6,		/* g could not be read */
	GOIDSHIM_REASON_M_FAULT = 7,		/* m could not be read */
	GOIDSHIM_REASON_CURG_FAULT = 8,		/* curg could not be read */
	GOIDSHIM_REASON_M_MISMATCH = 9,		/* g, m and g0 do not point at each other */
	GOIDSHIM_REASON_CURG_MISMATCH = 10,	/* curg belongs to another m */
	GOIDSHIM_REASON_GOID_ZERO = 11,		/* curg has no goid */
	GOIDSHIM_REASON_NO_CURG = 12,		/* m has no goroutine */
	GOIDSHIM_REASON_PARKED_EXTRA_M = 13,	/* m.isExtraInC: the goid in curg is stale */
	GOIDSHIM_REASON_GSIGNAL = 14,		/* g is m.gsignal */
	GOIDSHIM_REASON_DEAD = 15,		/* goroutine status is idle, dead or deadextra */
	/* Of a lock's holder only: */
	GOIDSHIM_REASON_NO_OWNER = 16,		/* the lock does not say which thread has it */
	GOIDSHIM_REASON_NOT_SEEN = 17,		/* how that thread took it was not seen, or is forgotten */
	GOIDSHIM_REASON_MAX
};

/* Does this class name a live goroutine? */
static inline int goidshim_class_has_goid(__u8 class_)
{
	return class_ >= GOIDSHIM_CLASS_GO && class_ <= GOIDSHIM_CLASS_RUNTIME;
}

#endif

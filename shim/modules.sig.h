/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which module is this pc in, and how does its frame unwind?
 *
 * The ordinary side (modules.c) publishes what is mapped as a snapshot: sorted
 * executable segments, each with its module and compiled table. There are two
 * snapshots; a writer fills the one that is not current and then swaps, so a
 * handler that interrupts the writer still finds a complete one. Each carries
 * a sequence number, which a reader checks after its search: only two swaps
 * during one search make it search again.
 *
 * Modules and tables are never freed. A library that is closed and opened
 * again gets its old table back, so the memory is bounded by the number of
 * different files, and no handler can hold a pointer that has died.
 *
 * Nobody tells us of dlopen: to interpose it would change which RUNPATH and
 * which namespace it searches, for both depend on its caller. So a snapshot may
 * be out of date, and a handler that finds out asks the C library's
 * _dl_find_object(), which is lock-free and async-signal-safe, and interprets
 * the one function's call-frame information in place. That is slower (about a
 * microsecond) and as exact. A module that has taken the place of another is
 * noticed by its stamp, sixteen bytes of its build id.
 *
 * Signal-safe: all of it.
 */
#ifndef SHIM_MODULES_SIG_H
#define SHIM_MODULES_SIG_H

#include <stdbool.h>

#include "goidshim/format.h"
#include "shim/ehframe.sig.h"

enum { MODULES_MAX_SEGMENTS = 1024, MODULES_STAMP_WORDS = 2 };

/* What a handler knows of a module. Immutable. */
struct modules_module {
	__u64 bias;		/* run-time address minus ELF address */
	__u64 start;		/* [start, end): its mapped addresses */
	__u64 end;
	__u64 stamp_at;		/* address of the stamp */
	__u64 stamp[MODULES_STAMP_WORDS];
	const struct cfi_table *cfi; /* NULL: not compiled, read the section */
	struct ehframe_section section; /* hdr 0: none */
	__u32 index;		/* of its GOIDSHIM_RECORD_MODULE */
};

/* An executable part of a module. */
struct modules_segment {
	__u64 start;		/* [start, end) */
	__u64 end;
	const struct modules_module *module; /* NULL: opened since the last refresh */
	struct ehframe_section section; /* where module is NULL */
};

/* The start of the C library's struct dl_find_object (dlfcn.h since glibc 2.35). */
struct modules_found_object {
	unsigned long long flags;
	void *map_start;
	void *map_end;
	void *link_map;
	void *eh_frame;		/* PT_GNU_EH_FRAME */
	unsigned long long reserved[7];
};

/*
 * The executable segment that contains pc. `hint` is a segment that an earlier
 * call gave, or one with start = end; it is tried first, and replaced. False
 * if no module contains pc.
 */
bool modules_find(__u64 pc, struct modules_segment *hint);

/*
 * The rule for the frame at `pc` (an address inside the call for a return
 * address, that is, one less). `segment` comes from modules_find. Where there
 * is none the rule's kind is CFI_NONE.
 */
void modules_find_rule(const struct modules_segment *segment, __u64 pc, struct cfi_rule *ret);

/*
 * Calls `visit` for each module that is still mapped, until it returns other
 * than 0. Returns what it returned last.
 */
int modules_each(int (*visit)(const struct modules_module *module, void *arg), void *arg);

/*
 * For modules.c alone: the snapshot to fill next, and making it current. One
 * writer at a time. add is false when the snapshot is full.
 */
void modules_snapshot_begin(void);
bool modules_snapshot_add(__u64 start, __u64 end, const struct modules_module *module);
void modules_snapshot_publish(void);

/* For modules.c alone: _dl_find_object, or NULL where the C library has none. */
void modules_set_find_object(int (*find_object)(void *pc, struct modules_found_object *ret));

#endif

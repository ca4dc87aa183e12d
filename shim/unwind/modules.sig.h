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
 * Nobody tells us of dlopen: to interpose it would change which RUNPATH and
 * which namespace it searches, for both depend on its caller. So a snapshot may
 * be out of date, and a handler that finds out asks the C library's
 * _dl_find_object(), which is lock-free and async-signal-safe, reads the module
 * from memory and lists it (listing.sig.h). Its call-frame information is read in
 * place, at about a microsecond for a pc that was not asked for before.
 *
 * Of modules at one address the one listed last is meant: it has the greatest
 * index. If its stamp, sixteen bytes of its build id, is not what is there now,
 * another has taken its place, and is listed as new whether it was there before
 * or not. So whoever reads the list in order knows what was mapped when.
 *
 * Modules and tables are never freed. A library that is closed and opened
 * again gets its old table back, so the memory is bounded by the number of
 * different files, and no handler can hold a pointer that has died.
 *
 * Signal-safe: all of it.
 */
#ifndef SHIM_MODULES_SIG_H
#define SHIM_MODULES_SIG_H

#include <stdbool.h>

#include "goidshim/format.h"
#include "shim/unwind/module.sig.h"

enum { MODULES_MAX_SEGMENTS = 1024 };

/* An executable part of a module. */
struct modules_segment {
	__u64 start;		/* [start, end) */
	__u64 end;
	const struct module *module; /* NULL: in no list, for there is no more room in it */
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
 * Calls `visit` for each module of the snapshot that is still mapped, until it
 * returns other than 0. Returns what it returned last.
 */
int modules_each(int (*visit)(const struct module *module, void *arg), void *arg);

/*
 * For modules.c alone: the snapshot to fill next, and making it current. One
 * writer at a time. add is false when the snapshot is full; one that does not
 * have all that is mapped is published as not complete.
 */
void modules_snapshot_begin(void);
bool modules_snapshot_add(__u64 start, __u64 end, const struct module *module);
void modules_snapshot_publish(bool complete);

/* For modules.c alone: _dl_find_object, or NULL where the C library has none. */
void modules_set_find_object(int (*find_object)(void *pc, struct modules_found_object *ret));

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A mapped module's .eh_frame and its index, .eh_frame_hdr: which function is a
 * pc in, and where is its call-frame program. cfi.c reads all of a module ahead
 * of time; ehrows_rule() interprets the one function that a pc is in, for a
 * module that was opened since. Both give the same rule (ehrows.sig.h).
 *
 * Every byte is read inside the bounds that the caller gives. Signal-safe: all of it.
 */
#ifndef SHIM_EHFRAME_SIG_H
#define SHIM_EHFRAME_SIG_H

#include "shim/unwind/cfiprogram.sig.h"

/* The memory that one module's call-frame information may be in. */
struct ehframe_section {
	__u64 hdr;		/* address of .eh_frame_hdr (PT_GNU_EH_FRAME) */
	__u64 lo;		/* [lo, hi): the segment around it */
	__u64 hi;
};

/*
 * Opens the frame description entry at address `fde` to run its program.
 * `cie` is a cache of one entry: zeroed at first, reused as long as functions
 * share theirs. False if it is malformed or is a CIE.
 */
bool ehframe_open(const struct ehframe_section *section, __u64 fde, struct cfiprogram_cie *cie,
		  struct cfiprogram *ret);

/*
 * By the search table: the entry whose function may contain run-time address
 * `pc`, if any does; and whether a function begins right there.
 */
bool ehframe_find(const struct ehframe_section *section, __u64 pc, __u64 *ret_fde);
bool ehframe_has_function(const struct ehframe_section *section, __u64 address);

/*
 * Where .eh_frame is, and its binary search table, from a .eh_frame_hdr.
 * *ret_count is 0 when there is no table of the one form that linkers write.
 */
bool ehframe_header(const struct ehframe_section *section, __u64 *ret_eh_frame,
		    __u64 *ret_table, __u32 *ret_count);

/* Address and size of the entry at *at; moves *at behind it. False at the end. */
bool ehframe_next_entry(const struct ehframe_section *section, __u64 *at, __u64 *ret_entry);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Compiles a module's call-frame information into a table for the handler.
 *
 * One pass over the functions in the order of .eh_frame_hdr's search table, or
 * over .eh_frame itself, sorted afterwards, where there is none. Rows become a
 * sorted array of pcs and, since a module has few different rules, a 16-bit
 * index each: 6 bytes a row. Memory comes from mmap, never from malloc: this
 * runs inside other people's programs, perhaps inside their calls.
 *
 * Ordinary code; not signal-safe. The module must stay mapped during the call.
 */
#ifndef SHIM_CFI_H
#define SHIM_CFI_H

#include "shim/unwind/ehframe.sig.h"
#include "shim/unwind/gaps.h"

/* What to compile. */
struct cfi_source {
	struct ehframe_section section;
	__u64 eh_frame;		/* 0: ask .eh_frame_hdr; otherwise section.hdr may be 0 */
	__u64 bias;		/* run-time address minus ELF address */
	__u64 lo;		/* [lo, hi): the module's addresses */
	__u64 hi;
	const struct gaps_module *gaps;	/* NULL: no rules for code that is not covered */
};

/*
 * Returns 0, -ENOMEM, -ENODATA if there is no call-frame information, or
 * -EFBIG if the module is larger than 4 GiB. Functions whose program is
 * malformed are left out.
 */
int cfi_compile(const struct cfi_source *source, struct cfi_table **ret_table);

void cfi_free(struct cfi_table *table);

#endif

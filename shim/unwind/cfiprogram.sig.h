/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One function's call-frame program, run row by row: the only interpreter of
 * DWARF's call-frame instructions here. ehframe.sig.h finds programs and opens
 * them; what a row means for a frame is cfi.sig.h's.
 *
 * Signal-safe: all of it.
 */
#ifndef SHIM_CFIPROGRAM_SIG_H
#define SHIM_CFIPROGRAM_SIG_H

#include "shim/unwind/cfi.sig.h"
#include "shim/unwind/ehbytes.sig.h"

/* A decoded common information entry. */
struct cfiprogram_cie {
	__u64 at;		/* its address: the identity of a decoded entry */
	__u64 initial;		/* its instructions */
	__u64 end;
	__u64 code_align;
	__s64 data_align;
	__u8 encoding;
	bool has_augmentation;
	bool signal_frame;
	struct cfi_rule rule;	/* after the initial instructions */
};

enum { CFIPROGRAM_STATES = 6 };

struct cfiprogram {
	struct ehbytes in;	/* bad also when an instruction made no sense */
	__u64 start;		/* function: run-time addresses */
	__u64 limit;
	__u64 location;
	bool saves_rax;		/* only functions that land exceptions do; see ehrows.sig.h */
	const struct cfiprogram_cie *cie;
	struct cfi_rule rule;
	unsigned states;
	struct cfi_rule state[CFIPROGRAM_STATES];
};

/*
 * Runs a CIE's initial instructions, which belong to no location, and leaves
 * cie->rule. False if they make no sense.
 */
bool cfiprogram_run_initial(struct cfiprogram_cie *cie);

/*
 * Runs to the end of the next row: m->rule holds from *ret_start to *ret_end
 * (run-time addresses). False when there are no more.
 */
bool cfiprogram_next(struct cfiprogram *m, __u64 *ret_start, __u64 *ret_end);

#endif

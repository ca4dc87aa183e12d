/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rows of one function: from where to where which rule holds. They are what
 * its call-frame program says (cfiprogram.sig.h), except where that is known to
 * be wrong.
 *
 * That is in libgcc's functions that land an exception (_Unwind_RaiseException,
 * _Unwind_Resume and their like, which end in __builtin_eh_return). Before they
 * leave, they write what the frame where they will land had saved, registers and
 * return address, over what they had saved of their caller. Their tables keep
 * saying that the caller's are there, and whoever believes them goes on from a
 * frame further out, or from one that is none. After the call that does it the
 * rows here say that nothing is known. Inside it the registers may be lost
 * already; the return address comes last, and whether it is still the caller's is
 * seen from the code before it, which calls this function.
 *
 * Signal-safe: all of it.
 */
#ifndef SHIM_EHROWS_SIG_H
#define SHIM_EHROWS_SIG_H

#include "shim/unwind/ehframe.sig.h"

struct ehrows {
	const struct ehframe_section *section;
	struct cfiprogram program;
	__u64 at;		/* [at, end): what is left of the program's row */
	__u64 end;
	bool looked;		/* for the window below */
	__u64 call;		/* return address of the call that does it; 0: not found */
	__u64 unknown;		/* [unknown, landed): nothing is known */
	__u64 landed;
	struct cfi_rule mended;
};

/* As ehframe_open(). `section` is borrowed. */
bool ehrows_open(const struct ehframe_section *section, __u64 fde, struct cfiprogram_cie *cie,
		 struct ehrows *ret);

/*
 * The next row: *ret_rule, valid until the next call, holds from *ret_start to
 * *ret_end (run-time addresses). False when there are no more.
 */
bool ehrows_next(struct ehrows *rows, __u64 *ret_start, __u64 *ret_end,
		 const struct cfi_rule **ret_rule);

/* Rule for run-time address `pc`, read from the module itself. False if it has none. */
bool ehrows_rule(const struct ehframe_section *section, __u64 pc, struct cfi_rule *ret);

#endif

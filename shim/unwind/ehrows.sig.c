/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/unwind/ehrows.sig.h"

#include "probe/peek.sig.h"

/* ------------------------------------------------------------ functions that land */

/*
 * Where the last direct call ends that begins at or after `from` and ends at or
 * before `to`; or 0. A byte e8 is taken for one if it leads to where a function
 * begins, which one in some other instruction's middle would not.
 */
static __u64 last_call(const struct ehframe_section *section, __u64 from, __u64 to)
{
	for (__u64 at = to - 5; at >= from && at < to; at--) {
		__u8 byte;
		__u32 relative;

		if (peek_u8(at, &byte) && byte == 0xe8 && peek_u32(at + 1, &relative) &&
		    ehframe_has_function(section, at + 5 + (__u64)(__s64)(__s32)relative))
			return at + 5;
	}
	return 0;
}

/*
 * In libgcc's source what lands is straight: a call that installs the registers
 * (uw_install_context_1), a call for debuggers (_Unwind_DebugHook), and the
 * return, which has a CFA in rcx in its first row and the return address there in
 * its last. If the calls are not found, all of the function is suspect. Whoever
 * is inside a call is looked up at its last byte.
 */
static void look_for_landing(struct ehrows *r)
{
	struct cfiprogram ahead = r->program;
	__u64 start, end, call;

	r->looked = true;
	r->call = 0;
	r->unknown = r->landed = ahead.limit;
	do {
		if (!cfiprogram_next(&ahead, &start, &end))
			return;
	} while (ahead.rule.kind != CFI_OFFSET || ahead.rule.cfa_register != CFI_RCX);
	call = last_call(r->section, ahead.start, start);
	if (call != 0)
		call = last_call(r->section, ahead.start, call - 5);
	if (call - ahead.start < 0x10000)
		r->call = call;
	r->unknown = r->call != 0 ? call : ahead.start;
	while (ahead.rule.pc_register == CFI_NO_REGISTER && cfiprogram_next(&ahead, &start, &end))
		;
	r->landed = end;
}

static __u64 least(__u64 a, __u64 b)
{
	return a < b ? a : b;
}

/* Of the row from `at` on, how far does one rule hold, and which? */
static const struct cfi_rule *mend(struct ehrows *r, __u64 at, __u64 *end)
{
	if (!r->looked)
		look_for_landing(r);
	r->mended = r->program.rule;
	if (at + 1 < r->call) {
		*end = least(*end, r->call - 1);
	} else if (at + 1 == r->call) {
		*end = r->call;
		for (unsigned slot = 0; slot < CFI_SLOT_PC; slot++)
			r->mended.saved[slot] = CFI_LOST;
		r->mended.from_rbp = 0;
		r->mended.entry_back = (__u16)(r->call - r->program.start);
	} else if (at < r->unknown) {
		*end = least(*end, r->unknown);
	} else if (at < r->landed) {
		*end = least(*end, r->landed);
		r->mended.kind = CFI_UNSUPPORTED;
	}
	return &r->mended;
}

/* ------------------------------------------------------------------------- rows */

bool ehrows_open(const struct ehframe_section *section, __u64 fde, struct cfiprogram_cie *cie,
		 struct ehrows *ret)
{
	if (!ehframe_open(section, fde, cie, &ret->program))
		return false;
	ret->section = section;
	ret->at = ret->end = ret->program.start;
	ret->looked = false;
	return true;
}

bool ehrows_next(struct ehrows *rows, __u64 *ret_start, __u64 *ret_end,
		 const struct cfi_rule **ret_rule)
{
	if (rows->at == rows->end && !cfiprogram_next(&rows->program, &rows->at, &rows->end))
		return false;
	*ret_start = rows->at;
	*ret_end = rows->end;
	*ret_rule = rows->program.saves_rax ? mend(rows, rows->at, ret_end) : &rows->program.rule;
	rows->at = *ret_end;
	return true;
}

bool ehrows_rule(const struct ehframe_section *section, __u64 pc, struct cfi_rule *ret)
{
	const struct cfi_rule *rule;
	struct cfiprogram_cie cie;
	__u64 fde, start, end;
	struct ehrows rows;

	cie.at = 0;
	if (!ehframe_find(section, pc, &fde) || !ehrows_open(section, fde, &cie, &rows) ||
	    pc < rows.program.start || pc >= rows.program.limit)
		return false;
	while (ehrows_next(&rows, &start, &end, &rule)) {
		if (pc < end) {
			*ret = *rule;
			return true;
		}
	}
	return false;
}

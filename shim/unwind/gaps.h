/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Code of a module that its call-frame information does not cover: assembly that
 * was written by hand, for the most part. Rules for it are derived from the
 * instructions (flow.h), ahead of time, for functions whose first instruction is
 * certain:
 *
 *	what the dynamic linker knows: functions among the dynamic symbols, DT_INIT,
 *	DT_FINI and their arrays
 *	what covered code, or a derived function, calls directly
 *	what covered code computes the address of (lea, as of a function to be
 *	called through a pointer), or what a relocation points at; these might be
 *	data, and are taken only if every way through them gives back all registers
 *	as functions must
 *
 * Where covered code jumps into a gap from inside of a frame, there is no rule.
 *
 * Ordinary code; no malloc. The module must stay mapped during the call.
 */
#ifndef SHIM_GAPS_H
#define SHIM_GAPS_H

#include <stddef.h>

#include "shim/unwind/cfi.sig.h"

/* The program waits meanwhile: what may be spent on all modules together. */
struct gaps_budget {
	long bytes;		/* of covered code, searched for calls; half a nanosecond each */
	long steps;		/* instructions followed; a hundred nanoseconds each */
};

struct gaps_module {
	__u64 bias;		/* run-time address minus ELF address */
	const void *phdr;	/* ElfW(Phdr) */
	unsigned phnum;
	struct gaps_budget *budget;
};

/* What is covered: a compiled table's rows, relative to the bias. Rule 0 is none. */
struct gaps_rows {
	const __u32 *pc;
	const __u16 *rule_of;
	const struct cfi_rule *rule;
	size_t count;
};

/*
 * Calls `found` for each stretch [start, end) of run-time addresses that has a
 * rule now, ascending. `rows` may change from the first such call on.
 *
 * Returns 0, also where there is nothing to do or the budget is used up, or -ENOMEM.
 */
int gaps_derive(const struct gaps_module *module, const struct gaps_rows *rows,
		void (*found)(void *arg, __u64 start, __u64 end, const struct cfi_rule *rule),
		void *arg);

#endif

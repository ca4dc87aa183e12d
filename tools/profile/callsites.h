/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which line of the program asked for C memory, or for a lock: the innermost frame
 * that is not an allocator's or a lock's, nor of the way from Go to C. Signal-safe: no.
 */
#ifndef TOOLS_CALLSITES_H
#define TOOLS_CALLSITES_H

#include "tools/profile/memory.h"
#include "tools/symbols/symbolizer.h"

struct callsite {
	struct symbol symbol;	/* function NULL: it cannot be named, see pc */
	__u64 pc;		/* one that is there */
	struct memory_sums sums;
};

/* Does this function only pass on what its caller asked for? */
bool callsites_is_passed_on(const char *function);

/* That of a stack; its innermost frame if none counts. The sums are zero. */
void callsites_find(const struct stacks *stacks, uint32_t stack, struct symbolizer *symbolizer,
		    struct callsite *ret);

/*
 * All of them, by memory in use, then by memory allocated; free(*ret_sites).
 * Returns 0 or -ENOMEM.
 */
int callsites_make(const struct memory *memory, struct symbolizer *symbolizer,
		   struct callsite **ret_sites, size_t *ret_count);

#endif

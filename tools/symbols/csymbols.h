/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One C module's symbolizer: which function, file and line is this address?
 * Everything is read lazily and kept, so that the second question about a
 * function costs a binary search. Signal-safe: no.
 */
#ifndef TOOLS_CSYMBOLS_H
#define TOOLS_CSYMBOLS_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/symbols/modulefile.h"

#define CSYMBOLS_FRAMES_MAX 32	/* functions inlined into one another at one address */

struct csymbols;

struct csymbols_frame {
	const char *function;	/* never empty; "libz.so.1+0x2a40" for one without a name */
	const char *file;	/* NULL unknown */
	uint32_t line;		/* 0 unknown */
	bool inlined;		/* into the next frame */
};

/*
 * Opens the file of `module`. Returns 0, or what modulefile_open and
 * elfsymbols_open return: -ENOENT (no such file), -ESTALE (replaced since),
 * -EBADMSG (not an x86-64 ELF file), -ENOMEM, or another -errno of opening it.
 */
int csymbols_open(const struct modulefile_paths *paths, const struct goidshim_module *module,
		  struct csymbols **ret_symbols);
void csymbols_close(struct csymbols *symbols);

/*
 * The frames at an ELF address (run-time address minus load bias), innermost
 * first. Returns how many, at least 1. Strings live until close.
 */
unsigned int csymbols_find(struct csymbols *symbols, uint64_t address,
			   struct csymbols_frame frames[static CSYMBOLS_FRAMES_MAX]);

#endif

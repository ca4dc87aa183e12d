/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What DWARF knows of an address: the function, the functions inlined there, and
 * file and line of each. Nothing is read before it is asked for: compilation
 * units are listed at the first question, and each unit is turned into sorted
 * tables at the first question about it. The file is untrusted.
 * Signal-safe: no.
 */
#ifndef TOOLS_DWARFSCOPES_H
#define TOOLS_DWARFSCOPES_H

#include <libelf.h>
#include <stdint.h>

struct dwarfscopes;

struct dwarfscopes_frame {
	const char *function;	/* demangled; NULL unknown */
	const char *file;	/* NULL unknown */
	uint32_t line;		/* 0 unknown */
};

/*
 * Uses the DWARF in `elf` and, if not NULL, the file `alt` that dwz made for it;
 * both must stay open. Returns 0, -ENOENT (no DWARF there) or -ENOMEM.
 */
int dwarfscopes_open(Elf *elf, Elf *alt, struct dwarfscopes **ret_scopes);
void dwarfscopes_close(struct dwarfscopes *scopes);

/*
 * The frames at an ELF address, innermost first; all but the last are inlined
 * into the next. Returns how many of at most `max`; 0: DWARF does not know the
 * address. Strings live until close.
 */
unsigned int dwarfscopes_find(struct dwarfscopes *scopes, uint64_t address,
			      struct dwarfscopes_frame *frames, unsigned int max);

#endif

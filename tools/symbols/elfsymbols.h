/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Functions of one ELF file by address: from .symtab where there is one, else
 * from .dynsym, and for a stripped file's other functions where they begin, from
 * the index of .eh_frame. The file is untrusted. Signal-safe: no.
 */
#ifndef TOOLS_ELFSYMBOLS_H
#define TOOLS_ELFSYMBOLS_H

#include <libelf.h>
#include <stdbool.h>
#include <stdint.h>

struct elfsymbols;

/*
 * Reads the tables of `elf` and, if not NULL, of its separate debug file. Both
 * must stay open as long as the result. Returns 0, -ENOMEM, or -EBADMSG when
 * the file is not an ELF file for this machine.
 */
int elfsymbols_open(Elf *elf, Elf *debug, struct elfsymbols **ret_symbols);
void elfsymbols_close(struct elfsymbols *symbols);

/* The name (demangled) of the function at an ELF address, or NULL. Lives until close. */
const char *elfsymbols_name(struct elfsymbols *symbols, uint64_t address);

/* Where the function at `address` begins, known even without a name. False: not known. */
bool elfsymbols_start(const struct elfsymbols *symbols, uint64_t address, uint64_t *ret_start);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * godwarf: the third witness of a Go program's layout, what its own debug
 * information says. Stripped programs have none. Signal-safe: no.
 */
#ifndef TOOLS_GODWARF_H
#define TOOLS_GODWARF_H

#include "probe/golayout.h"
#include "tools/symbols/gofile.h"

struct godwarf {
	bool is_known[GOLAYOUT_FIELD_COUNT];
	__s64 value[GOLAYOUT_FIELD_COUNT];	/* where is_known */
	unsigned count;				/* how many are known */
};

/*
 * Reads the struct offsets from the DWARF of runtime.g and runtime.m, and an
 * executable's TLS offset from the symbol runtime.tlsg. What is absent or
 * damaged is not known, and that is no error.
 */
void godwarf_read(const struct gofile *file, struct godwarf *ret);

#endif

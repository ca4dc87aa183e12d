/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stack in a few words. Printable. Signal-safe: no.
 */
#ifndef TOOLS_WHEREABOUTS_H
#define TOOLS_WHEREABOUTS_H

#include "tools/profile/stacks.h"
#include "tools/symbols/symbolizer.h"

#define WHEREABOUTS_SIZE 512

/* What runs, and for which Go function: "main.store -> sqlite3_step"; "sqlite3_step" without. */
void whereabouts_of(const struct stacks *stacks, uint32_t stack, struct symbolizer *symbolizer,
		    char ret[static WHEREABOUTS_SIZE]);

/* The call site (see callsites.h): "main.store  db/store.go:41". */
void whereabouts_site(const struct stacks *stacks, uint32_t stack, struct symbolizer *symbolizer,
		      char ret[static WHEREABOUTS_SIZE]);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A flame graph as one HTML file: flamegraph.html, which the build has put into
 * this program, with the profile as JSON in its middle. Of one ring, or of two to be
 * compared. Signal-safe: no.
 */
#ifndef TOOLS_HTMLWRITER_H
#define TOOLS_HTMLWRITER_H

#include "tools/formats/profiled.h"

/* A ring that was read. */
struct htmlwriter_side {
	const struct export_context *context;
	struct profiled *profiled;	/* complete */
};

/*
 * Writes the page. Of two sides the first is what was before; their goroutines and
 * threads have nothing to do with each other, so stacks are grouped by start function
 * or not at all. Returns 0 or -ENOMEM.
 */
int htmlwriter_write(FILE *out, const struct htmlwriter_side *sides, unsigned count);

#endif

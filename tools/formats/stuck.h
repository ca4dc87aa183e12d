/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * goidshim-dump --stuck: the goroutines that are inside C, longest first, with
 * the C function that Go called, what it waits for, and the stack; as text or
 * as JSON. Of a program that has ended: those that were when it ended.
 * Signal-safe: no.
 */
#ifndef TOOLS_STUCK_H
#define TOOLS_STUCK_H

#include <stdio.h>

#include "tools/profile/filter.h"
#include "tools/ring/reader.h"
#include "tools/symbols/symbolizer.h"

struct stuck_request {
	FILE *out;
	__u64 min_ns;		/* not those that are there for less */
	bool is_alive;		/* the program */
	bool as_json;
	bool use_color;
};

/* Reads the ring and writes the report. Returns 0 or -errno. */
int stuck_report(struct reader *reader, struct filter *filter, struct symbolizer *symbolizer,
		 const struct stuck_request *request);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a report says, whatever it looks like: the figures that take more than
 * one field of the ring, and the words for a goroutine. Shared by the text and
 * the JSON of a report so that they cannot differ.
 */
#ifndef TOOLS_REPORT_H
#define TOOLS_REPORT_H

#include "tools/profile/profile.h"
#include "tools/ring/reader.h"
#include "tools/symbols/symbolizer.h"

enum report_kind {
	REPORT_ORDINARY,
	REPORT_MAIN,		/* the main goroutine: main.main */
	REPORT_SYSTEM,		/* one of the Go runtime's own */
	REPORT_CALLBACK,	/* of a C thread that calls into Go */
};

/* Printable text; empty where there is nothing to say. */
struct report_goroutine {
	enum report_kind kind;
	char function[400];	/* where it started: "main.worker", else "0x48a2c0" */
	char created_at[400];	/* its go statement: "/src/main.go:42", else "0x48a2c0" */
};

/* From the entry of its first function, and the return address of its go statement; 0 unknown. */
void report_goroutine(struct symbolizer *symbolizer, __u64 start_pc, __u64 go_pc,
		      struct report_goroutine *ret);

/* Sample periods per second of CPU time, as measured; 0 if nothing was measured. */
double report_rate_hz(const struct reader_totals *totals);

/*
 * Samples lost by reason. Who followed the ring from `followed` on has read
 * samples before they were overwritten, and has lost only what was missed.
 */
void report_lost(const struct reader *reader, bool followed, __u64 ret[GOIDSHIM_LOST_MAX]);

/* "table", "machine code" or "table and machine code": what the offsets rest on. */
const char *report_offsets_from(const struct goidshim_golayout *layout);


#endif

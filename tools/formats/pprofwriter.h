/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A gzipped profile.proto for `go tool pprof`, of one ring, or of what one has more
 * than another. Who a sample belongs to is in its labels: goid and tid are numbers;
 * goroutine (its start function), thread, class, what a wait was for and the
 * program's own Go labels are strings. Signal-safe: no.
 */
#ifndef TOOLS_PPROFWRITER_H
#define TOOLS_PPROFWRITER_H

#include "tools/formats/profiled.h"

/* A ring that was read. */
struct pprofwriter_side {
	const struct export_context *context;
	struct profiled *profiled;	/* complete */
	bool is_base;			/* to be subtracted, as by pprof's -diff_base */
};

/* Writes all sides as one profile; the last is no base. Returns 0, -ENOMEM or -EIO. */
int pprofwriter_write(FILE *out, const struct pprofwriter_side *sides, unsigned count);

#endif

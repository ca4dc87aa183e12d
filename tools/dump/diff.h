/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one ring has more or less than another of the same program. Goroutines of
 * two runs have nothing to do with each other, so what is compared are names: the
 * functions that goroutines started in, and stacks. Signal-safe: no.
 */
#ifndef TOOLS_DIFF_H
#define TOOLS_DIFF_H

#include "tools/formats/export.h"
#include "tools/formats/profiled.h"
#include "tools/profile/filter.h"

enum { DIFF_EVENTS_MAX = 8 };

/* One of the two. */
struct diff_ring {
	struct reader *reader;
	struct export_context contexts[DIFF_EVENTS_MAX]; /* by place in events_all */
	struct profiled *profiled[DIFF_EVENTS_MAX];	 /* NULL: not to be compared */
};

/* Do both come from the same file, by its build id, or by its name where it has none? */
bool diff_is_same_program(const struct reader *a, const struct reader *b);

/* The first event that both have recorded; NULL: there is none. */
const struct event *diff_common_event(const struct reader *a, const struct reader *b);

/* Is there such a format of a difference? */
bool diff_has_format(const struct exporter *format);

/*
 * Compares what two contexts' rings hold, of context->only or else of all events
 * that both have, and prints it to the first one's `out`, in its manner. Returns 0 or
 * -errno of the reading. Wants a format that there is.
 */
int diff_report(struct reader *readers[static 2], const struct export_context contexts[static 2],
		struct filter *filter, const struct exporter *format);

#endif

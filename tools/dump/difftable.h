/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What two rings have of one event, under the names that both have: of goroutines'
 * start functions, or of places. Signal-safe: no.
 */
#ifndef TOOLS_DIFFTABLE_H
#define TOOLS_DIFFTABLE_H

#include "tools/dump/diff.h"

enum difftable_by { DIFFTABLE_START, DIFFTABLE_PLACE };

/* What both rings have under one name. */
struct difftable_row {
	uint32_t name;			/* in the table's strings */
	int64_t values[2][EVENTS_TYPES_MAX];	/* before and after: of the event's types */
};

struct difftable {
	const struct event *event;
	struct strings strings;
	struct difftable_row *rows;	/* [0] is all of them; then what changed most is first */
	size_t count;			/* without [0], and without those that weigh nothing */
	size_t room;
};

/* `event` is its place in events_all. Returns 0 or -ENOMEM; free it in either case. */
int difftable_make(struct difftable *table, struct diff_ring rings[static 2], unsigned event,
		   enum difftable_by by);
void difftable_free(struct difftable *table);

const char *difftable_name(const struct difftable *table, const struct difftable_row *row);

/* What rows are compared by: the last of the event's types. Side 0 is before. */
int64_t difftable_weight(const struct difftable *table, const struct difftable_row *row,
			 unsigned side);

#endif

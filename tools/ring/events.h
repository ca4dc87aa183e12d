/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The events that a ring may hold, in one table: which records carry an event,
 * what those count, and in which units a profile of them is. A format asks this
 * table and knows of no event by itself. Signal-safe: no.
 */
#ifndef TOOLS_EVENTS_H
#define TOOLS_EVENTS_H

#include <stdbool.h>

#include "goidshim/format.h"

enum { EVENTS_TYPES_MAX = 4 };

struct event {
	__u32 bit;			/* enum goidshim_event */
	__u16 record;			/* enum goidshim_record_type: what carries it */
	const char *name;		/* "lock", as in GOIDSHIM_EVENTS */
	const char *title;		/* "lock waits" */
	const char *records;		/* what its records are called: "waits" */
	/* The values of a profile, in pprof's words; the last is what stacks are weighed by. */
	struct {
		const char *type;
		const char *unit;
	} types[EVENTS_TYPES_MAX];
	unsigned type_count;
	/*
	 * What a record of it weighs, in steps, and how many units one step is. Without a
	 * weight: it depends on more than the record, memory.h knows.
	 */
	__u64 (*weight)(const struct goidshim_record *record);
	__u64 (*step)(const struct goidshim_header *header);
	__u64 (*period)(const struct goidshim_header *header); /* units from record to record */
	bool is_wait;			/* its records are struct goidshim_wait */
	/* What a record's kind is ("call"), and the word for it; NULL: there are no kinds. */
	const char *kind_key;
	const char *(*kind_name)(unsigned kind);
};

extern const struct event events_cpu;
extern const struct event events_heap;
extern const struct event events_lock;
extern const struct event events_block;
extern const struct event events_wall;

/* In the order in which they are preferred where one must be chosen; ends with a NULL. */
extern const struct event *const events_all[];

/* NULL if there is none of that name. */
const struct event *events_find(const char *name);

/* The event that a record belongs to; NULL for a thread's, or a newer one's. */
const struct event *events_of(const struct goidshim_record *record);

bool events_is_recorded(const struct event *event, const struct goidshim_header *header);

/* The first that was recorded: cpu, if it was. */
const struct event *events_default(const struct goidshim_header *header);

/* The unit of what stacks are weighed by: "nanoseconds" or "bytes". */
const char *events_unit(const struct event *event);

/* Is that bytes? Otherwise it is nanoseconds. */
bool events_is_of_bytes(const struct event *event);

/* The value of GOIDSHIM_EVENTS that records `event` too: "cpu,lock". */
void events_list_with(const struct event *event, const struct goidshim_header *header,
		      char ret[static 64]);

#endif

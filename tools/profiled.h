/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the formats for profile viewers have in common: the samples added up by
 * stack, their threads and code locations, and the words for who ran them.
 * Signal-safe: no.
 */
#ifndef TOOLS_PROFILED_H
#define TOOLS_PROFILED_H

#include "tools/calltree.h"
#include "tools/export.h"
#include "tools/locations.h"
#include "tools/stacks.h"
#include "tools/threads.h"

struct profiled {
	struct stacks stacks;		/* those of context->event; see profiled_complete */
	struct threads threads;
	struct locations locations;
};

/* Makes an empty one. Returns 0 or -ENOMEM; close it in either case. */
int profiled_open(struct profiled *profiled, const struct export_context *context);
void profiled_close(struct profiled *profiled);

/* begin, record and free of an exporter whose state is a struct profiled. */
int profiled_begin(const struct export_context *context, void **ret_state);
int profiled_record(const struct export_context *context, void *state,
		    const struct reader_item *item);
void profiled_free(void *state);

/*
 * To be called at the reading's end, before the first series is looked at: what is
 * in no record comes to the series. Of C memory they take its series, in the order
 * of its sums, with objects in use as samples and bytes in use as weight; the
 * memory keeps its sums only.
 */
void profiled_complete(const struct export_context *context, struct profiled *profiled);

/* The values of a series, as many as context->event has types. */
void profiled_values(const struct export_context *context, const struct profiled *profiled,
		     const struct series *series, int64_t ret[static EVENTS_TYPES_MAX]);

#define PROFILED_NAME_SIZE 512
#define PROFILED_TITLE_SIZE 576

/* Where the goroutine of a series started: "main.worker"; "" where it has no goroutine. */
void profiled_start(const struct export_context *context, const struct series *series,
		    char ret[static PROFILED_NAME_SIZE]);

/* "goroutine 18: main.worker", or why there is none: "no goroutine: the Go scheduler". */
void profiled_goroutine(const struct export_context *context, const struct series *series,
			char ret[static PROFILED_TITLE_SIZE]);

/*
 * Who held what was waited for: "goroutine 24: main.reader", "thread 4711 (sqlite)";
 * "" where nobody is known to.
 */
void profiled_holder(const struct export_context *context, const struct profiled *profiled,
		     const struct stacks_wait *wait, char ret[static PROFILED_TITLE_SIZE]);

/* "thread 4711 (sqlite)". */
void profiled_thread(const struct profiled *profiled, const struct series *series,
		     char ret[static PROFILED_TITLE_SIZE]);

/*
 * Adds the frames of a series' stack to `tree` below `node`, outermost first.
 * *ret_node is the node of the innermost. Names are numbers in
 * profiled->locations.strings, kinds are enum location_kind. Returns 0 or -ENOMEM.
 */
int profiled_add_path(struct profiled *profiled, const struct series *series,
		      struct calltree *tree, uint32_t node, uint32_t *ret_node);

#endif

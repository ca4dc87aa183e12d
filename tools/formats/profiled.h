/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the formats for profile viewers have in common: the records of one event
 * added up by stack, their threads and code locations.
 * Signal-safe: no.
 */
#ifndef TOOLS_PROFILED_H
#define TOOLS_PROFILED_H

#include "tools/formats/export.h"
#include "tools/formats/titles.h"
#include "tools/profile/calltree.h"
#include "tools/profile/locations.h"
#include "tools/profile/memory.h"
#include "tools/profile/stacks.h"
#include "tools/ring/threads.h"

/* A function of a stack, or a mark where one would stand: "[cut: no_cfi]". */
struct profiled_frame {
	uint32_t name;		/* number in profiled->locations.strings */
	uint32_t kind;		/* enum location_kind; of a mark LOCATION_UNKNOWN */
};

struct profiled {
	struct stacks stacks;		/* those of context->event; see profiled_complete */
	struct memory *memory;		/* where context->event is C memory: its sums; else NULL */
	struct threads threads;
	struct locations locations;
	struct profiled_frame *frames;	/* of the stack that was asked for last */
	size_t frame_count;
	size_t frame_room;
};

/* Makes an empty one. Returns 0 or -ENOMEM; close it in either case. */
int profiled_open(struct profiled *profiled, const struct export_context *context);
void profiled_close(struct profiled *profiled);

/* begin, record, live and free of an exporter whose state is a struct profiled. */
int profiled_begin(const struct export_context *context, void **ret_state);
int profiled_record(const struct export_context *context, void *state,
		    const struct reader_item *item);
int profiled_live(const struct export_context *context, void *state,
		  const struct goidshim_alloc *alloc);
void profiled_free(void *state);

/*
 * To be called at the reading's end, before the first series is looked at: those of
 * C memory become the series, with objects in use as samples and bytes in use as
 * weight. Returns 0 or -ENOMEM.
 */
int profiled_complete(struct profiled *profiled);

/* The values of a series, as many as context->event has types. */
void profiled_values(const struct export_context *context, const struct profiled *profiled,
		     const struct series *series, int64_t ret[static EVENTS_TYPES_MAX]);

/*
 * How many frames of a stack, whose locations these are, are inside of the place
 * where frames are missing; more than there are where none are.
 */
unsigned profiled_find_gap(const struct profiled *profiled, const struct stack *stack,
			   const uint32_t *ids);

/* The name of the frame that stands there: its number among the strings. Returns 0 or -ENOMEM. */
int profiled_gap_name(struct profiled *profiled, uint8_t why, uint32_t *ret_name);

/*
 * The functions of a stack, by its number, and marks where it was cut or frames are
 * missing, outermost first; valid until the next call. Returns 0 or -ENOMEM.
 */
int profiled_frames(struct profiled *profiled, uint32_t stack,
		    const struct profiled_frame **ret_frames, size_t *ret_count);

/*
 * Adds the frames of a series' stack to `tree` below `node`. *ret_node is the node of
 * the innermost. Names and kinds are those of struct profiled_frame. Returns 0 or
 * -ENOMEM.
 */
int profiled_add_path(struct profiled *profiled, const struct series *series,
		      struct calltree *tree, uint32_t node, uint32_t *ret_node);

/* The same from the tree's root, below what context->root puts above stacks. */
int profiled_add_rooted_path(const struct export_context *context, struct profiled *profiled,
			     const struct series *series, struct calltree *tree,
			     uint32_t *ret_node);

#endif

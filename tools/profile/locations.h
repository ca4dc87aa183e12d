/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every code address of a profile once, with its frames: the function that was
 * compiled and those inlined into it there, Go and C alike. Signal-safe: no.
 */
#ifndef TOOLS_LOCATIONS_H
#define TOOLS_LOCATIONS_H

#include "tools/profile/stacks.h"
#include "tools/symbols/symbolizer.h"
#include "tools/tables/strings.h"

enum location_kind {
	LOCATION_C = 0,
	LOCATION_GO = 1,
	LOCATION_RUNTIME = 2,	/* Go's runtime */
	LOCATION_UNKNOWN = 3,	/* nothing names this code */
};

struct location_frame {
	uint32_t function;	/* in `strings`; printable */
	uint32_t file;		/* in `strings`; 0 unknown */
	uint32_t line;		/* 0 unknown */
};

struct location {
	uint64_t address;	/* a run-time address inside the instruction */
	uint32_t era;		/* see symbolizer_era */
	uint32_t module;	/* for reader_module, or SYMBOLIZER_NO_MODULE */
	uint32_t first;		/* in `frames`, innermost first */
	uint16_t count;		/* at least 1 */
	uint8_t kind;		/* enum location_kind */
	bool is_interrupted;	/* its caller's pc is exact, no return address: a signal */
};

struct locations {
	const struct reader *reader;
	struct symbolizer *symbolizer;
	struct strings strings;
	struct location *locations;
	size_t count;
	size_t room;
	struct hashindex index;
	struct location_frame *frames;
	size_t frame_count;
	size_t frame_room;
};

/* `reader` and `symbolizer` are borrowed. Returns 0 or -ENOMEM. */
int locations_init(struct locations *locations, const struct reader *reader,
		   struct symbolizer *symbolizer);
void locations_free(struct locations *locations);

/* The number of the location at a run-time address in an era. Returns 0 or -ENOMEM. */
int locations_find(struct locations *locations, uint64_t address, uint32_t era, uint32_t *ret_id);

/*
 * The locations of a stack, innermost first: stack->depth numbers in `ret_ids`.
 * A return address becomes the address of its call. Returns 0 or -ENOMEM.
 */
int locations_of_stack(struct locations *locations, const struct stacks *stacks, uint32_t stack,
		       uint32_t ret_ids[static GOIDSHIM_MAX_STACK]);

#endif

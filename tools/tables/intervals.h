/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A map from addresses to numbers, made of nested ranges: modules in a process,
 * functions in a module, inlined calls in a function. Where ranges overlap the
 * innermost wins, so one binary search answers "what is here?".
 *
 * Used in two steps: add everything, seal once, then look up. Ranges may come
 * from hostile files: any ranges in any order are safe, and ranges that overlap
 * without nesting are cut at the end of the one that began first.
 * Signal-safe: no.
 */
#ifndef TOOLS_INTERVALS_H
#define TOOLS_INTERVALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct interval {
	uint64_t low;
	uint64_t high;		/* one past the last address */
	uint32_t id;
	uint32_t order;		/* of adding: the later of two equal ranges wins */
};

struct intervals {
	struct interval *ranges; /* once sealed: disjoint and sorted */
	size_t count;
	size_t room;
};

/* Adds [low, high) -> id; an empty range is ignored. Returns 0 or -ENOMEM. */
int intervals_add(struct intervals *map, uint64_t low, uint64_t high, uint32_t id);

/* Makes the map ready for intervals_find. Returns 0 or -ENOMEM (the map is then empty). */
int intervals_seal(struct intervals *map);

/* The innermost range at `address`: true and its id, or false. The map must be sealed. */
bool intervals_find(const struct intervals *map, uint64_t address, uint32_t *ret_id);

/* Frees what the map holds and leaves it empty. */
void intervals_free(struct intervals *map);

#endif

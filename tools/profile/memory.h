/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * C memory, added up: what was allocated and what of it is in use, by goroutine
 * and by stack. Every recorded allocation counts for the inverse of the
 * probability with which it was recorded, so that the sums are unbiased
 * estimates of the truth, and exact where every allocation was recorded. Pure
 * arithmetic: no files, no names. Signal-safe: no.
 */
#ifndef TOOLS_MEMORY_H
#define TOOLS_MEMORY_H

#include <stdbool.h>

#include "tools/profile/profile.h"
#include "tools/profile/stacks.h"

struct memory_sums {
	double alloc_objects;
	double alloc_bytes;
	double used_objects;
	double used_bytes;
	__u64 oldest_ns;	/* when the oldest of what is in use was had; 0: nothing is */
};

struct memory_goroutine {
	struct profile_goroutine who;	/* its samples and periods are 0; goid 0: none, see class_ */
	__u8 class_;			/* enum goidshim_class */
	__u8 reason;
	struct memory_sums sums;
};

struct memory {
	__u64 interval;
	__u64 records;
	__u64 last_ns;			/* time of the newest record */
	struct memory_sums total;
	struct memory_goroutine *goroutines;
	size_t goroutine_count;
	size_t goroutine_room;
	struct hashindex goroutine_index;
	struct stacks stacks;
	struct memory_sums *sums;	/* by number of series in `stacks` */
	size_t sums_room;
	struct goidshim_alloc *seen;	/* records had from blocks: identities only */
	size_t seen_room;
	struct hashindex seen_index;
};

/* An estimate as a whole number; stops at INT64_MAX. */
__u64 memory_round(double value);

/* For how many allocations of `size` bytes one that was recorded stands. */
double memory_weight(__u64 size, __u64 interval);

/* Adds sums to sums; `oldest_ns` becomes the older. */
void memory_add_sums(struct memory_sums *to, const struct memory_sums *more);

/* `interval` is the header's heap_interval. NULL: out of memory. */
struct memory *memory_new(__u64 interval);
void memory_free(struct memory *memory);

/* Adds a record of a block, with its stack's era (symbolizer_era). Returns 0 or -ENOMEM. */
int memory_add(struct memory *memory, const struct goidshim_alloc *alloc, uint32_t era);

/*
 * Adds a record of a live slot, after those of the blocks: it is in use, and was
 * allocated even if the blocks have lost its record. Returns 0 or -ENOMEM.
 */
int memory_add_live(struct memory *memory, const struct goidshim_alloc *alloc, uint32_t era);

/* Orders the goroutines by memory in use, then by memory allocated. Nothing is added after it. */
void memory_sort(struct memory *memory);

#endif

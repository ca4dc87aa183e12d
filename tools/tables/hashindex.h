/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding equal things: from the hash of a key to the numbers of those things
 * that may have it. The things themselves stay in an array of their owner, who
 * compares. Things are added and never removed. Signal-safe: no.
 */
#ifndef TOOLS_HASHINDEX_H
#define TOOLS_HASHINDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HASHINDEX_NONE UINT32_MAX

struct hashindex {
	uint64_t *slots;	/* hash's upper half, number + 1; 0: empty */
	size_t slot_count;	/* a power of two, or 0 */
	size_t count;
};

/* Is thing number `id` of `owner` the one that `key` means? */
typedef bool hashindex_same(const void *owner, uint32_t id, const void *key);

/* The thing that is the same as `key`, or HASHINDEX_NONE. */
uint32_t hashindex_find(const struct hashindex *index, uint64_t hash, hashindex_same *same,
			const void *owner, const void *key);

/* Has what a look-up by this hash begins with brought to the cache. */
void hashindex_prefetch(const struct hashindex *index, uint64_t hash);

/* Adds a thing that hashindex_find did not find. Returns 0 or -ENOMEM. */
int hashindex_add(struct hashindex *index, uint64_t hash, uint32_t id);

void hashindex_free(struct hashindex *index);

/* Hashes bytes; `seed` tells apart what has the same bytes. */
uint64_t hashindex_bytes(uint64_t seed, const void *bytes, size_t size);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open addressing, at most half full. A slot keeps half of the hash beside the
 * number: most other things are told apart without looking at them, and growing
 * needs no owner.
 */
#include "tools/tables/hashindex.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE (2u << 20)

static uint64_t make_slot(uint64_t hash, uint32_t id)
{
	return (hash & 0xffffffff00000000ull) | (id + 1);
}

static size_t home(const struct hashindex *index, uint64_t slot)
{
	return (size_t)(slot >> 32) & (index->slot_count - 1);
}

uint32_t hashindex_find(const struct hashindex *index, uint64_t hash, hashindex_same *same,
			const void *owner, const void *key)
{
	if (!index->slot_count)
		return HASHINDEX_NONE;
	for (size_t i = home(index, hash);; i = (i + 1) & (index->slot_count - 1)) {
		uint64_t slot = index->slots[i];

		if (!slot)
			return HASHINDEX_NONE;
		if (slot >> 32 == hash >> 32 && same(owner, (uint32_t)slot - 1, key))
			return (uint32_t)slot - 1;
	}
}

void hashindex_prefetch(const struct hashindex *index, uint64_t hash)
{
	if (index->slot_count)
		__builtin_prefetch(&index->slots[home(index, hash)]);
}

static void place(struct hashindex *index, uint64_t slot)
{
	size_t i = home(index, slot);

	while (index->slots[i])
		i = (i + 1) & (index->slot_count - 1);
	index->slots[i] = slot;
}

/* Empty slots. A large table is looked at everywhere: huge pages save its page walks. */
static uint64_t *allocate(size_t count)
{
	size_t size = count * sizeof(uint64_t);
	void *slots;

	if (size < HUGE_PAGE)
		return calloc(count, sizeof(uint64_t));
	slots = aligned_alloc(HUGE_PAGE, size);
	if (!slots)
		return NULL;
	madvise(slots, size, MADV_HUGEPAGE);
	return memset(slots, 0, size);
}

static int grow(struct hashindex *index)
{
	struct hashindex grown = {
		.slot_count = index->slot_count ? index->slot_count * 2 : 1024,
		.count = index->count,
	};

	grown.slots = allocate(grown.slot_count);
	if (!grown.slots)
		return -ENOMEM;
	for (size_t i = 0; i < index->slot_count; i++)
		if (index->slots[i])
			place(&grown, index->slots[i]);
	free(index->slots);
	*index = grown;
	return 0;
}

int hashindex_add(struct hashindex *index, uint64_t hash, uint32_t id)
{
	if (2 * (index->count + 1) > index->slot_count && grow(index))
		return -ENOMEM;
	place(index, make_slot(hash, id));
	index->count++;
	return 0;
}

void hashindex_free(struct hashindex *index)
{
	free(index->slots);
	*index = (struct hashindex){ 0 };
}

/* Multiply and fold: every bit of the word reaches the upper half that slots keep. */
static uint64_t mix(uint64_t hash, uint64_t word)
{
	__extension__ unsigned __int128 product =
		(unsigned __int128)(hash ^ word) * 0x9e3779b97f4a7c15ull;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t hashindex_bytes(uint64_t seed, const void *bytes, size_t size)
{
	uint64_t hash = mix(seed ^ 0xe7037ed1a0b428dbull, size);

	for (size_t at = 0; at < size; at += sizeof(hash)) {
		uint64_t word = 0;

		memcpy(&word, (const char *)bytes + at,
		       size - at < sizeof(word) ? size - at : sizeof(word));
		hash = mix(hash, word) + 0x2545f4914f6cdd1dull;
	}
	return mix(hash, hash >> 32);
}

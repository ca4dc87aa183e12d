/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/ring.sig.h"

#include <stdbool.h>
#include <linux/errno.h>
#include <linux/mman.h>

#include "probe/sys.sig.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define PAGE 4096ull
#define BLOCKS_BACKED_AT_ONCE 8u
#define DEAD_OWNERS_LOOKED_FOR 64u

#define load_relaxed(p) __atomic_load_n(p, __ATOMIC_RELAXED)
#define store_relaxed(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define add_shared(p, n) __atomic_fetch_add(p, n, __ATOMIC_RELAXED)

/* A counter with one writer: cheaper than an atomic add, never torn. */
#define count_own(p, n) store_relaxed(p, load_relaxed(p) + (n))

int ring_back(void *start, __u64 size)
{
	__u64 from = (__u64)start & ~(PAGE - 1);
	__u64 to = ((__u64)start + size + PAGE - 1) & ~(PAGE - 1);

	long ret = sys_call4(__NR_madvise, (long)from, (long)(to - from), MADV_POPULATE_WRITE, 0);

	/* A kernel that does not know it: segment_create() has reserved all of the file. */
	return ret == -EINVAL ? 0 : (int)ret;
}

void ring_lose(const struct ring *r, __u32 lane, enum goidshim_lost reason)
{
	struct goidshim_lane *l = ring_lane(r, lane);

	count_own(&l->lost[reason], 1);
}

void ring_lose_without_lane(const struct ring *r, enum goidshim_lost reason)
{
	add_shared(&r->header->lost[reason], 1);
}

/* Pops the free list; the tag in the upper half defeats ABA. */
static __u32 pop_free_lane(const struct ring *r)
{
	__u64 old = load_relaxed(&r->header->lane_free), next;
	__u32 index;

	do {
		index = (__u32)old;
		if (index == 0 || index > r->header->lane_count)
			return RING_NO_LANE;
		next = ((old >> 32) + 1) << 32 | load_relaxed(&ring_lane(r, index - 1)->next_free);
	} while (!__atomic_compare_exchange_n(&r->header->lane_free, &old, next, false,
					      __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	return index - 1;
}

/* Lanes below lane_used have memory: it is there before the lane is taken. */
static __u32 take_new_lane(const struct ring *r)
{
	__u32 count = r->header->lane_count;
	__u32 index = load_relaxed(&r->header->lane_used);

	do {
		if (index >= count ||
		    ring_back(ring_lane(r, index), sizeof(struct goidshim_lane)) < 0)
			return RING_NO_LANE;
	} while (!__atomic_compare_exchange_n(&r->header->lane_used, &index, index + 1, false,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return index;
}

/*
 * A thread that was not made by pthread_create ends without telling us. When
 * no lane is left, look at some of them and inherit from the dead.
 */
static __u32 inherit_lane(const struct ring *r, __u32 tid)
{
	__u32 used = load_relaxed(&r->header->lane_used);
	__u32 tries = used < DEAD_OWNERS_LOOKED_FOR ? used : DEAD_OWNERS_LOOKED_FOR;

	for (__u32 i = 0; i < tries; i++) {
		__u32 index = (tid * 2654435761u + i) % used;
		__u32 owner = load_relaxed(&ring_lane(r, index)->owner_tid);

		if (owner == 0 || sys_call4(__NR_tgkill, r->pid, (int)owner, 0, 0) == 0)
			continue;
		if (__atomic_compare_exchange_n(&ring_lane(r, index)->owner_tid, &owner, tid, false,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return index;
	}
	return RING_NO_LANE;
}

__u32 ring_lane_claim(const struct ring *r, __u32 kind, __u32 tid)
{
	__u32 index = pop_free_lane(r);
	struct goidshim_lane *l;

	if (index == RING_NO_LANE)
		index = take_new_lane(r);
	if (index == RING_NO_LANE)
		index = inherit_lane(r, tid);
	if (index == RING_NO_LANE) {
		ring_lose_without_lane(r, GOIDSHIM_LOST_NO_LANE);
		return RING_NO_LANE;
	}
	l = ring_lane(r, index);
	store_relaxed(&l->owner_tid, tid);
	store_relaxed(&l->kind, kind);
	count_own(&l->owners, 1);
	store_relaxed(&l->owner_samples, 0);
	return index;
}

void ring_lane_release(const struct ring *r, __u32 lane)
{
	struct goidshim_lane *l = ring_lane(r, lane);
	__u64 old = load_relaxed(&r->header->lane_free), next;

	store_relaxed(&l->owner_tid, 0);
	do {
		store_relaxed(&l->next_free, (__u32)old);
		next = ((old >> 32) + 1) << 32 | (lane + 1);
	} while (!__atomic_compare_exchange_n(&r->header->lane_free, &old, next, false,
					      __ATOMIC_RELEASE, __ATOMIC_RELAXED));
}

static struct goidshim_block *block_at(const struct ring *r, __u32 index)
{
	return (struct goidshim_block *)(r->blocks + (__u64)index * r->header->block_size);
}

/* Blocks are backed a few at a time, by whoever first comes to them. */
static bool back_block(const struct ring *r, __u32 index)
{
	struct goidshim_header *h = r->header;
	__u32 reserved = load_relaxed(&h->blocks_reserved);
	__u32 to = index - index % BLOCKS_BACKED_AT_ONCE + BLOCKS_BACKED_AT_ONCE;

	if (index < reserved)
		return true;
	if (to > h->block_count)
		to = h->block_count;
	/* All from `reserved` on: who was to back the blocks before ours may have failed. */
	if (ring_back(block_at(r, reserved), (__u64)(to - reserved) * h->block_size) < 0)
		return false;
	while (reserved < to &&
	       !__atomic_compare_exchange_n(&h->blocks_reserved, &reserved, to, false,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	return true;
}

/*
 * Takes block `index` for a lane, unless another lane writes it. Its old
 * records are lost from here on; the odd generation tells readers.
 */
static bool take_block(const struct ring *r, __u32 lane, __u32 index, __u64 sequence)
{
	struct goidshim_block *b = block_at(r, index);
	__u32 state = load_relaxed(&b->state);

	if (state == GOIDSHIM_BLOCK_ACTIVE ||
	    (state == GOIDSHIM_BLOCK_FULL && r->mode == GOIDSHIM_RING_DROP))
		return false;
	if (!__atomic_compare_exchange_n(&b->state, &state, GOIDSHIM_BLOCK_ACTIVE, false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return false;
	store_relaxed(&b->generation, b->generation | 1);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	if (state == GOIDSHIM_BLOCK_FULL)
		count_own(&ring_lane(r, lane)->lost[GOIDSHIM_LOST_OVERWRITTEN], b->records);
	store_relaxed(&b->committed, 0);
	store_relaxed(&b->records, 0);
	store_relaxed(&b->lane, lane);
	store_relaxed(&b->sequence, sequence);
	__atomic_store_n(&b->generation, b->generation + 1, __ATOMIC_RELEASE);
	store_relaxed(&ring_lane(r, lane)->block, index + 1);
	return true;
}

/* No more room in the file system: what there is becomes the whole ring. */
static void limit_blocks(const struct ring *r)
{
	store_relaxed(&r->header->block_limit, load_relaxed(&r->header->blocks_reserved));
}

/* Claims a block in file order, oldest first, skipping those in use. */
static struct goidshim_block *next_block(const struct ring *r, __u32 lane)
{
	struct goidshim_header *h = r->header;
	__u32 tries = load_relaxed(&h->block_limit);

	for (; tries; tries--) {
		__u32 limit = load_relaxed(&h->block_limit);
		__u64 sequence;

		if (limit == 0)
			break;
		if (r->mode == GOIDSHIM_RING_DROP && load_relaxed(&h->block_next) >= limit) {
			ring_lose(r, lane, GOIDSHIM_LOST_FULL);
			return 0;
		}
		sequence = add_shared(&h->block_next, 1);
		if (!back_block(r, (__u32)(sequence % limit)))
			limit_blocks(r);
		else if (take_block(r, lane, (__u32)(sequence % limit), sequence))
			return block_at(r, (__u32)(sequence % limit));
	}
	ring_lose(r, lane, GOIDSHIM_LOST_NO_BLOCK);
	return 0;
}

static struct goidshim_block *current_block(const struct ring *r, __u32 lane)
{
	__u32 block = ring_lane(r, lane)->block;

	return block ? block_at(r, block - 1) : 0;
}

void *ring_reserve(const struct ring *r, __u32 lane, __u32 size)
{
	struct goidshim_block *b = current_block(r, lane);
	__u32 room = r->header->block_size - sizeof(*b);

	if (b && b->committed + size > room) {
		store_relaxed(&ring_lane(r, lane)->block, 0);
		__atomic_store_n(&b->state, GOIDSHIM_BLOCK_FULL, __ATOMIC_RELEASE);
		b = 0;
	}
	if (!b)
		b = next_block(r, lane);
	return b ? (unsigned char *)(b + 1) + b->committed : 0;
}

void ring_commit(const struct ring *r, __u32 lane, __u32 size)
{
	struct goidshim_block *b = current_block(r, lane);

	store_relaxed(&b->records, b->records + 1);
	__atomic_store_n(&b->committed, b->committed + size, __ATOMIC_RELEASE);
	count_own(&ring_lane(r, lane)->records, 1);
}

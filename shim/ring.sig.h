/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ring's producer side. A producer context (one thread's handler, or one
 * thread's interposed calls) owns a lane, the lane owns the block it writes,
 * and nothing but the claiming of lanes and blocks is shared.
 *
 * Everything here is signal-safe, takes no lock and waits for nobody: when a
 * record cannot be written it is dropped and counted.
 */
#ifndef SHIM_RING_SIG_H
#define SHIM_RING_SIG_H

#include "goidshim/format.h"

#define RING_NO_LANE 0xffffffffu

/* A mapped ring. Filled once by segment_create(), constant afterwards. */
struct ring {
	struct goidshim_header *header;
	unsigned char *lanes;
	unsigned char *blocks;
	__u64 map_size;
	__u32 pid;
	__u32 mode;		/* enum goidshim_ring_mode */
};

static inline struct goidshim_lane *ring_lane(const struct ring *r, __u32 lane)
{
	return (struct goidshim_lane *)(r->lanes + (__u64)lane * sizeof(struct goidshim_lane));
}

/*
 * Makes memory in the mapping present and writable now, so that a full file
 * system shows as an error here and not as SIGBUS at a store. 0 or -errno.
 */
int ring_back(void *start, __u64 size);

/* Takes a lane for thread `tid`: its index, or RING_NO_LANE (counted). */
__u32 ring_lane_claim(const struct ring *r, __u32 kind, __u32 tid);

/* Gives a lane back. The block that it was writing stays with it. */
void ring_lane_release(const struct ring *r, __u32 lane);

/*
 * Space for a record of `size` bytes (a multiple of 8, at most a block), or
 * null (counted in the lane). Nothing is visible to readers before
 * ring_commit() with the same size; a reservation that is never committed is
 * simply reused.
 */
void *ring_reserve(const struct ring *r, __u32 lane, __u32 size);
void ring_commit(const struct ring *r, __u32 lane, __u32 size);

/* Counts a loss of a producer that has a lane, and of one that has none. */
void ring_lose(const struct ring *r, __u32 lane, enum goidshim_lost reason);
void ring_lose_without_lane(const struct ring *r, enum goidshim_lost reason);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What those who held a lock did while others waited for it: the records of any
 * event that their goroutines, or their threads where they ran none, left during
 * the wait. Pure arithmetic. Signal-safe: no.
 */
#ifndef TOOLS_HOLDERS_H
#define TOOLS_HOLDERS_H

#include "tools/profile/stacks.h"

#define HOLDERS_NONE UINT32_MAX

struct holders_sighting;
struct holders_wait;

/* Where the holders were seen in the waits of a series. */
struct holders_place {
	uint32_t stack;			/* in holders->stacks; HOLDERS_NONE: they were not seen */
	__u64 weight_ns;		/* for how long, as far as records tell */
};

struct holders {
	struct stacks stacks;		/* of everything that was seen */
	struct holders_sighting *sightings;
	size_t sighting_count;
	size_t sighting_room;
	struct holders_wait *waits;
	size_t wait_count;
	size_t wait_room;
	struct holders_place *places;	/* by number of series; filled by holders_match */
	size_t place_count;
};

/* Any record that begins with a sample, and how long it stands for. Returns 0 or -ENOMEM. */
int holders_see(struct holders *holders, const struct goidshim_sample *sample, uint32_t era,
		__u64 weight_ns);

/* A wait for a lock, and the series that it belongs to. Returns 0 or -ENOMEM. */
int holders_add(struct holders *holders, const struct goidshim_wait *wait, uint32_t series);

/* Finds the places, once all is added. Returns 0 or -ENOMEM. */
int holders_match(struct holders *holders);

/* The stack that was seen longest in waits of these series; HOLDERS_NONE if none was. */
uint32_t holders_meanwhile(const struct holders *holders, const uint32_t *series, size_t count);

void holders_free(struct holders *holders);

#endif

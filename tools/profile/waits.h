/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waits, added up: those for locks, or those in the kernel; by goroutine and stack,
 * and for locks by lock and holder. Every wait above the ring's limit has a record,
 * so the sums are no estimates. Pure arithmetic: no files, no names. Signal-safe: no.
 */
#ifndef TOOLS_WAITS_H
#define TOOLS_WAITS_H

#include "tools/profile/stacks.h"

struct waits_sums {
	__u64 count;
	__u64 total_ns;		/* stops at INT64_MAX */
	__u64 longest_ns;
};

struct waits {
	struct stacks stacks;	/* its series' weights are nanoseconds */
	__u64 *longest_ns;	/* by number of series */
	size_t longest_room;
	struct waits_sums total;
};

/* What waits of one group have in common; or-ed. */
enum waits_field {
	WAITS_BY_GOROUTINE = 1 << 0,	/* the waiter; without one: its class and reason */
	WAITS_BY_HOLDER = 1 << 1,	/* its goroutine; without one: its thread */
	WAITS_BY_LOCK = 1 << 2,		/* address and kind */
	WAITS_BY_KIND = 1 << 3,
	WAITS_BY_STACK = 1 << 4,
};

struct waits_group {
	const uint32_t *members;	/* numbers of series */
	size_t member_count;
	uint32_t series;		/* of the members, the one that waited longest in all */
	struct waits_sums sums;
};

/* Groups, those that waited longest in all first. */
struct waits_groups {
	struct waits_group *groups;
	size_t count;
	uint32_t *members;
};

/* Adds sums to sums. */
void waits_add_sums(struct waits_sums *to, const struct waits_sums *more);

/* Adds a LOCK or a BLOCK record; *ret_series is where it went. Returns 0 or -ENOMEM. */
int waits_add(struct waits *waits, const struct goidshim_wait *wait, uint32_t era,
	      uint32_t *ret_series);
void waits_free(struct waits *waits);

/*
 * The waits of a group (`within`; NULL: all) by what `fields` says; the members of
 * the groups point into *ret. Free it even after an error. Returns 0 or -ENOMEM.
 */
int waits_group(const struct waits *waits, unsigned fields, const struct waits_group *within,
		struct waits_groups *ret);
void waits_groups_free(struct waits_groups *groups);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The samples of a ring, added up: CPU time by goroutine, and by reason where
 * no goroutine could be named. Pure arithmetic: no files, no names.
 */
#ifndef TOOLS_PROFILE_H
#define TOOLS_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "goidshim/format.h"

/* A goroutine: goids count from 1 in each Go runtime (object) of the process. */
struct profile_goroutine {
	__u64 goid;
	__u64 start_pc;		/* 0: a callback from a C thread, or unknown */
	__u64 go_pc;		/* return address of the go statement; 0 unknown */
	__u64 parent_goid;	/* 0 unknown */
	__u64 samples;
	__u64 periods;		/* sum of the three below */
	__u64 periods_go;
	__u64 periods_c;
	__u64 periods_runtime;
	__u8 object;
};

/* Samples of one class and reason without a goroutine. */
struct profile_unattributed {
	__u64 samples;
	__u64 periods;
};

struct profile {
	struct profile_goroutine *goroutines;	/* in the order of appearance; see profile_sort */
	size_t goroutine_count;
	/* The last row and column are for values of a newer writer. */
	struct profile_unattributed
		unattributed[GOIDSHIM_CLASS_MAX + 1][GOIDSHIM_REASON_MAX + 1];
	__u64 samples;
	__u64 periods;
	__u64 unattributed_periods;
	__u64 first_ns;			/* times of the oldest and newest sample; 0 if none */
	__u64 last_ns;
	__u32 *slots;			/* hash table: index in goroutines + 1 */
	size_t slot_count;
};

struct profile *profile_new(void);	/* NULL: out of memory */
void profile_free(struct profile *profile);

/* Returns 0 or -ENOMEM. */
int profile_add(struct profile *profile, const struct goidshim_sample *sample);

/* Orders the goroutines by CPU time, most first. No profile_add after it. */
void profile_sort(struct profile *profile);

/* CPU time in nanoseconds that `periods` stand for; stops at INT64_MAX. */
__u64 profile_cpu_ns(__u64 periods, __u64 period_ns);

#endif

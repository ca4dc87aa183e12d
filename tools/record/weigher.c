/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A weight must not depend on how long ago the thread's last sample was: that is
 * short where the thread goes from one goroutine to the next and sleeps between,
 * so goroutines that work in short bursts would get less than they used (half, at
 * bursts of half a period). So a sample weighs one period and a small part of what
 * all samples before it have left over; what it finds itself goes to later ones.
 */
#include "tools/record/weigher.h"

/* Over so many samples a difference is made up for. */
#define SPREAD 32

static __u32 round_due(struct weigher_thread *t, __s64 period_ns)
{
	__s64 periods = (t->due_ns + period_ns / 2) / period_ns;

	if (periods < 0)
		periods = 0;
	t->due_ns -= periods * period_ns;
	return (__u32)periods;
}

__u32 weigher_weigh(struct weigher *weigher, __u32 tid, __u64 start_ns, __u64 cpu_ns)
{
	struct weigher_thread *t = &weigher->threads[tid % WEIGHER_SLOTS];
	__s64 period_ns = (__s64)weigher->period_ns;
	__s64 weight_ns;

	if (t->tid != tid || t->start_ns != start_ns) {
		*t = (struct weigher_thread){ .tid = tid, .start_ns = start_ns, .cpu_ns = cpu_ns };
		return 1;
	}
	weight_ns = period_ns + t->owed_ns / SPREAD;
	if (weight_ns < 0)
		weight_ns = 0;
	t->owed_ns += (__s64)(cpu_ns - t->cpu_ns) - weight_ns;
	t->cpu_ns = cpu_ns;
	t->due_ns += weight_ns;
	return round_due(t, period_ns);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Weights of samples against threads whose CPU time, and whose sampler, are known. */
#include "tools/record/weigher.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

TestSuite(weigher, .timeout = 20);

#define PERIOD 1000000ull
#define TID 4711u
#define START 77u

static struct weigher weigher;

static void init(void)
{
	weigher = (struct weigher){ .period_ns = PERIOD };
}

/* `count` samples, `step_ns` of CPU time apart; returns what they weigh. */
static __u64 weigh_steps(__u64 *cpu_ns, unsigned count, __u64 step_ns)
{
	__u64 periods = 0;

	for (unsigned i = 0; i < count; i++) {
		*cpu_ns += step_ns;
		periods += weigher_weigh(&weigher, TID, START, *cpu_ns);
	}
	return periods;
}

Test(weigher, a_first_sample_weighs_one_whatever_its_thread_used_before, .init = init)
{
	cr_assert(eq(u32, weigher_weigh(&weigher, TID, START, 1000 * PERIOD), 1));
}

Test(weigher, a_tid_that_is_used_again_begins_anew, .init = init)
{
	weigher_weigh(&weigher, TID, START, 500 * PERIOD);
	cr_assert(eq(u32, weigher_weigh(&weigher, TID, START + 1, 0), 1));
	cr_assert(eq(u32, weigher_weigh(&weigher, TID, START + 1, PERIOD), 1));
}

Test(weigher, two_threads_in_one_slot_weigh_one_each, .init = init)
{
	for (unsigned i = 1; i < 100; i++) {
		cr_assert(eq(u32, weigher_weigh(&weigher, TID, START, 3 * i * PERIOD), 1));
		cr_assert(eq(u32, weigher_weigh(&weigher, TID + WEIGHER_SLOTS, START, 0), 1));
	}
}

Test(weigher, samples_that_come_in_time_weigh_one_each, .init = init)
{
	__u64 cpu_ns = 0;

	cr_assert(eq(u64, weigh_steps(&cpu_ns, 1000, PERIOD), 1000));
}

/* Too few ticks, too many, far too many: the sum is what the thread used. */
Test(weigher, the_sum_of_weights_is_the_cpu_time, .init = init)
{
	static const __u64 steps[] = { 2 * PERIOD, PERIOD * 5 / 4, PERIOD * 9 / 10, PERIOD / 10 };

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		__u64 cpu_ns = 0, periods, used;

		init();
		periods = weigh_steps(&cpu_ns, 10000, steps[i]);
		used = cpu_ns / PERIOD;
		cr_assert(periods + 33 >= used && periods <= used + 33,
			  "step %llu: %llu periods weighed, %llu used", steps[i], periods, used);
	}
}

/* The host took the CPU for 500 periods: none is forgotten, none counted twice. */
Test(weigher, what_a_long_gap_left_out_is_made_up_for, .init = init)
{
	__u64 cpu_ns = 0, periods;

	periods = weigh_steps(&cpu_ns, 10, PERIOD) + weigh_steps(&cpu_ns, 1, 500 * PERIOD);
	periods += weigh_steps(&cpu_ns, 500, PERIOD);
	cr_assert(ge(u64, periods, 1009));
	cr_assert(le(u64, periods, 1010));
}

/*
 * A thread goes from a goroutine that works in short bursts to one that works in
 * long ones and back, and sleeps between. The sampler ticks by the wall; the CPU
 * time that it sees is the scheduler's, as of its own tick each four periods.
 */
struct alternation {
	__u64 burst_ns[2];
	__u64 wall_ns;
	__u64 cpu_ns;
	__u64 periods[2];
};

/* What the scheduler has accounted `done_ns` into a burst that began at `began_ns`. */
static __u64 accounted(__u64 began_ns, __u64 done_ns)
{
	__u64 tick = (began_ns + done_ns) / (4 * PERIOD) * (4 * PERIOD);

	return tick > began_ns ? tick - began_ns : 0;
}

static void burst(struct alternation *a, int who)
{
	__u64 end = a->wall_ns + a->burst_ns[who];
	__u64 tick = (a->wall_ns / PERIOD + 1) * PERIOD;

	for (; tick < end; tick += PERIOD)
		a->periods[who] += weigher_weigh(
			&weigher, TID, START,
			a->cpu_ns + accounted(a->wall_ns, tick - a->wall_ns));
	a->wall_ns = end;
	a->cpu_ns += a->burst_ns[who];
}

Test(weigher, short_bursts_get_what_they_used, .init = init)
{
	struct alternation a = { .burst_ns = { PERIOD / 2, 5 * PERIOD } };
	double share;

	srand(1);
	for (int i = 0; i < 40000; i++) {
		a.wall_ns += (__u64)rand() % (3 * PERIOD);
		burst(&a, i % 2);
	}
	/* 10,000 samples of 110,000 expected: one point is ten standard deviations. */
	share = 100.0 * (double)a.periods[0] / (double)(a.periods[0] + a.periods[1]);
	cr_assert(share > 8.1 && share < 10.1, "%.2f %% of 9.09", share);
}

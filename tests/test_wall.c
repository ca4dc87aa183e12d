/* SPDX-License-Identifier: BSD-2-Clause */
/* Event wall: how often a thread is looked at, and that the sums have no bias. */
#include "shim/wall.sig.h"

#include <criterion/criterion.h>
#include <math.h>

#define SEED 0x9e3779b97f4a7c15ull

TestSuite(wall, .timeout = 60);

static struct wall_thread begin(void)
{
	wall.awake = 0;
	wall_count_thread();
	return (struct wall_thread){ .random = SEED };
}

/* Looks at the thread until period `to`; what its looks counted for is added to the sums. */
struct sums {
	unsigned long looks, served, unserved;
};

static struct sums look(struct wall_thread *t, unsigned long to, bool (*serves)(unsigned long))
{
	struct sums sums = { 0 };
	__u32 weight;

	for (unsigned long period = 1; period <= to;) {
		bool is_served = serves(period);
		__u32 next = wall_next(t, is_served, &weight);

		sums.looks++;
		*(is_served ? &sums.served : &sums.unserved) += weight;
		period += next;
	}
	return sums;
}

static bool always(unsigned long period)
{
	return true;
}

static bool never(unsigned long period)
{
	return false;
}

Test(wall, a_thread_at_work_is_looked_at_every_period)
{
	struct wall_thread t = begin();
	struct sums sums = look(&t, 1000, always);

	cr_assert_eq(sums.looks, 1000);
	cr_assert_eq(sums.served, 1000);
	cr_assert_eq(wall.awake, 1);
}

/* 1/8 of 80000 looks: 10000 with a deviation of sqrt(80000 * 7) / 8 = 94, each for 8 periods. */
Test(wall, an_idle_thread_is_looked_at_seldom)
{
	struct wall_thread t = begin();
	struct sums sums = look(&t, 80000, never);

	cr_assert_float_eq((double)sums.looks, 10000, 4 * 94, "%lu looks", sums.looks);
	cr_assert_float_eq((double)sums.unserved, 80000, 4 * 8 * 94, "%lu periods", sums.unserved);
	cr_assert_eq(wall.awake, 0);
	look(&t, 1, always);
	cr_assert_eq(wall.awake, 1);
}

/* At work for 5 periods of 100, for 300 of 1000, for 1 of 64: always after a long idleness. */
static bool for_a_moment(unsigned long period)
{
	return period % 100 >= 95;
}

static bool for_long(unsigned long period)
{
	return period % 1000 >= 700;
}

static bool for_one(unsigned long period)
{
	return period % 64 == 0;
}

/*
 * A stretch of n periods at work after idleness counts for n on average. The first
 * look in it comes after a geometric number of periods and counts for 8, so its
 * deviation is at most that of such a number: 8. Of k stretches: 8 sqrt(k).
 */
static void no_bias(bool (*serves)(unsigned long), unsigned long stretches, unsigned long truth)
{
	struct wall_thread t = begin();
	struct sums sums = look(&t, 6400000, serves);

	cr_assert_float_eq((double)sums.served, (double)truth, 4 * 8 * sqrt((double)stretches),
			   "%lu periods, in truth %lu", sums.served, truth);
}

Test(wall, sums_have_no_bias)
{
	no_bias(for_a_moment, 64000, 64000 * 5);
	no_bias(for_long, 6400, 6400 * 300);
	no_bias(for_one, 100000, 100000);
}

/* Four times the crowd: a quarter of the looks, 2500 of 10000 with a deviation of 87 periods. */
Test(wall, a_crowd_shares)
{
	struct wall_thread t = begin();
	struct sums sums;

	wall.awake = 4 * WALL_CROWD;
	sums = look(&t, 10000, always);
	cr_assert_float_eq((double)sums.looks, 2500, 4 * 43, "%lu looks", sums.looks);
	cr_assert_float_eq((double)sums.served, 10000, 4 * 4 * 43, "%lu periods", sums.served);
}

Test(wall, a_thread_that_ends_is_forgotten_once)
{
	struct wall_thread t = begin(), idle = begin();

	wall.awake = 0;
	wall_count_thread();
	wall_count_thread();
	look(&idle, 20, never);
	cr_assert_eq(wall.awake, 1);
	wall_forget_thread(&idle);
	wall_forget_thread(&t);
	cr_assert_eq(wall.awake, 0);
	/* A signal that was on its way. */
	look(&t, 20, never);
	cr_assert_eq(wall.awake, 0);
}

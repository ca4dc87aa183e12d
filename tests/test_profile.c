/* SPDX-License-Identifier: BSD-2-Clause */
/* Adding samples up. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdint.h>

#include "tools/profile/profile.h"

TestSuite(profile, .timeout = 20);

static void add(struct profile *p, __u64 goid, __u8 class_, __u32 periods)
{
	const struct goidshim_sample sample = {
		.time_ns = 100,
		.goid = goid,
		.class_ = class_,
		.periods = periods,
		.start_pc = goid * 16,
	};

	cr_assert(eq(int, profile_add(p, &sample), 0));
}

Test(profile, splits_a_goroutine_by_class)
{
	struct profile *p = profile_new();

	add(p, 7, GOIDSHIM_CLASS_GO, 1);
	add(p, 7, GOIDSHIM_CLASS_C, 10);
	add(p, 7, GOIDSHIM_CLASS_C, 10);
	add(p, 7, GOIDSHIM_CLASS_RUNTIME, 100);
	cr_assert(eq(sz, p->goroutine_count, 1));
	cr_expect(eq(u64, p->goroutines[0].samples, 4));
	cr_expect(eq(u64, p->goroutines[0].periods, 121));
	cr_expect(eq(u64, p->goroutines[0].periods_go, 1));
	cr_expect(eq(u64, p->goroutines[0].periods_c, 20));
	cr_expect(eq(u64, p->goroutines[0].periods_runtime, 100));
	profile_free(p);
}

Test(profile, keeps_what_has_no_goroutine_apart)
{
	struct profile *p = profile_new();
	struct goidshim_sample sample = { .class_ = GOIDSHIM_CLASS_SCHED, .periods = 3 };

	add(p, 1, GOIDSHIM_CLASS_GO, 1);
	sample.reason = GOIDSHIM_REASON_NO_CURG;
	cr_assert(eq(int, profile_add(p, &sample), 0));
	sample.class_ = 200;
	sample.reason = 201;
	cr_assert(eq(int, profile_add(p, &sample), 0));
	cr_expect(eq(u64, p->samples, 3));
	cr_expect(eq(u64, p->periods, 7));
	cr_expect(eq(u64, p->unattributed_periods, 6));
	cr_expect(eq(u64, p->unattributed[GOIDSHIM_CLASS_SCHED][GOIDSHIM_REASON_NO_CURG].periods, 3));
	cr_expect(eq(u64, p->unattributed[GOIDSHIM_CLASS_MAX][GOIDSHIM_REASON_MAX].samples, 1));
	profile_free(p);
}

Test(profile, tells_goroutines_of_two_runtimes_apart)
{
	struct profile *p = profile_new();
	struct goidshim_sample sample = { .goid = 1, .class_ = GOIDSHIM_CLASS_GO, .periods = 1 };

	cr_assert(eq(int, profile_add(p, &sample), 0));
	sample.object = 1;
	cr_assert(eq(int, profile_add(p, &sample), 0));
	cr_expect(eq(sz, p->goroutine_count, 2));
	profile_free(p);
}

Test(profile, holds_many_goroutines_and_sorts_them)
{
	enum { MANY = 100000 };
	struct profile *p = profile_new();

	for (__u64 round = 0; round < 2; round++)
		for (__u64 goid = 1; goid <= MANY; goid++)
			add(p, goid << 20, GOIDSHIM_CLASS_GO, (__u32)(1 + goid % 1000));
	cr_assert(eq(sz, p->goroutine_count, MANY));
	profile_sort(p);
	for (size_t i = 0; i < MANY; i++) {
		const struct profile_goroutine *g = &p->goroutines[i];

		cr_assert(eq(u64, g->samples, 2));
		cr_assert(eq(u64, g->periods, 2 * (1 + (g->goid >> 20) % 1000)));
		cr_assert(i == 0 || g[-1].periods > g->periods ||
			  (g[-1].periods == g->periods && g[-1].goid < g->goid));
	}
	profile_free(p);
}

Test(profile, learns_late_what_an_early_sample_could_not_read)
{
	struct profile *p = profile_new();
	struct goidshim_sample sample = { .goid = 5, .class_ = GOIDSHIM_CLASS_C, .periods = 1 };

	cr_assert(eq(int, profile_add(p, &sample), 0));
	sample.start_pc = 0x1234;
	sample.parent_goid = 2;
	cr_assert(eq(int, profile_add(p, &sample), 0));
	cr_expect(eq(u64, p->goroutines[0].start_pc, 0x1234));
	cr_expect(eq(u64, p->goroutines[0].parent_goid, 2));
	profile_free(p);
}

Test(profile, cpu_time_stops_at_the_largest_number)
{
	cr_expect(eq(u64, profile_cpu_ns(3, 1000), 3000));
	cr_expect(eq(u64, profile_cpu_ns(1ull << 40, 1ull << 40), INT64_MAX));
	cr_expect(eq(u64, profile_cpu_ns(1ull << 63, 1), INT64_MAX));
}

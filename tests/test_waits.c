/* SPDX-License-Identifier: BSD-2-Clause */
/* Adding waits up, and finding what holders did meanwhile. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdint.h>

#include "tools/profile/holders.h"
#include "tools/profile/waits.h"

TestSuite(waits, .timeout = 20);

static struct goidshim_wait make(__u64 goid, __u64 holder, __u64 lock, __u64 end_ns, __u64 ns)
{
	return (struct goidshim_wait){
		.sample = { .record = { .type = GOIDSHIM_RECORD_LOCK,
					.size = sizeof(struct goidshim_wait) },
			    .time_ns = end_ns, .goid = goid, .pc = 0x1000 + goid,
			    .class_ = goid ? GOIDSHIM_CLASS_C : GOIDSHIM_CLASS_C_THREAD },
		.start_ns = end_ns - ns,
		.duration_ns = ns,
		.address = lock,
		.kind = GOIDSHIM_LOCK_MUTEX,
		.holder_tid = 7,
		.holder_goid = holder,
		.holder_class = holder ? GOIDSHIM_CLASS_C : GOIDSHIM_CLASS_C_THREAD,
	};
}

static uint32_t add(struct waits *waits, __u64 goid, __u64 holder, __u64 lock, __u64 ns)
{
	const struct goidshim_wait wait = make(goid, holder, lock, 1000000, ns);
	uint32_t series;

	cr_assert(eq(int, waits_add(waits, &wait, 0, &series), 0));
	return series;
}

Test(waits, groups_have_the_sums_of_their_members)
{
	struct waits waits = { 0 };
	struct waits_groups groups, within;

	add(&waits, 1, 9, 0xa, 100);
	add(&waits, 2, 9, 0xa, 10);
	add(&waits, 1, 8, 0xb, 500);
	add(&waits, 1, 8, 0xb, 40);
	add(&waits, 0, 9, 0xb, 7);
	cr_expect(eq(u64, waits.total.count, 5));
	cr_expect(eq(u64, waits.total.total_ns, 657));
	cr_expect(eq(u64, waits.total.longest_ns, 500));

	cr_assert(eq(int, waits_group(&waits, WAITS_BY_GOROUTINE, NULL, &groups), 0));
	cr_assert(eq(sz, groups.count, 3));
	cr_expect(eq(u64, groups.groups[0].sums.total_ns, 640));
	cr_expect(eq(u64, groups.groups[0].sums.count, 3));
	cr_expect(eq(u64, groups.groups[0].sums.longest_ns, 500));
	cr_expect(eq(u64, waits.stacks.series[groups.groups[0].series].goid, 1));
	cr_assert(eq(int, waits_group(&waits, WAITS_BY_HOLDER, &groups.groups[0], &within), 0));
	cr_assert(eq(sz, within.count, 2));
	cr_expect(eq(u64, within.groups[0].sums.total_ns, 540));
	cr_expect(eq(u64, within.groups[1].sums.total_ns, 100));
	waits_groups_free(&within);
	waits_groups_free(&groups);

	cr_assert(eq(int, waits_group(&waits, WAITS_BY_LOCK, NULL, &groups), 0));
	cr_assert(eq(sz, groups.count, 2));
	cr_expect(eq(u64, groups.groups[0].sums.total_ns, 547));
	cr_expect(eq(u64, groups.groups[1].sums.total_ns, 110));
	waits_groups_free(&groups);
	waits_free(&waits);
}

Test(waits, sums_stop_at_the_largest_number)
{
	struct waits waits = { 0 };

	add(&waits, 1, 9, 0xa, UINT64_MAX);
	add(&waits, 1, 9, 0xa, UINT64_MAX);
	cr_expect(eq(u64, waits.total.total_ns, INT64_MAX));
	waits_free(&waits);
}

Test(waits, of_none_there_are_no_groups)
{
	struct waits waits = { 0 };
	struct waits_groups groups;

	cr_assert(eq(int, waits_group(&waits, WAITS_BY_STACK, NULL, &groups), 0));
	cr_expect(eq(sz, groups.count, 0));
	waits_groups_free(&groups);
	waits_free(&waits);
}

static void see(struct holders *holders, __u64 goid, __u32 tid, __u64 time_ns, __u64 pc,
		__u64 weight_ns)
{
	const struct goidshim_sample sample = {
		.record = { .type = GOIDSHIM_RECORD_SAMPLE, .size = sizeof(sample) },
		.time_ns = time_ns, .goid = goid, .tid = tid, .pc = pc, .periods = 1,
	};

	cr_assert(eq(int, holders_see(holders, &sample, 0, weight_ns), 0));
}

static __u64 pc_of(const struct holders *holders, uint32_t stack)
{
	return stack == HOLDERS_NONE ? 0 : holders->stacks.pcs[holders->stacks.stacks[stack].first];
}

Test(waits, a_holder_is_where_it_was_seen_longest_during_the_wait)
{
	struct goidshim_wait by_goroutine = make(1, 9, 0xa, 2000, 1000);
	struct goidshim_wait by_thread = make(1, 0, 0xa, 2000, 1000);
	struct goidshim_wait unseen = make(1, 5, 0xa, 2000, 1000);
	const uint32_t series[] = { 0, 1, 2 };
	struct holders holders = { 0 };

	see(&holders, 9, 3, 500, 0x10, 100);	/* before it */
	see(&holders, 9, 3, 1100, 0x20, 10);
	see(&holders, 9, 4, 1200, 0x30, 10);	/* on another thread, the same goroutine */
	see(&holders, 9, 4, 1300, 0x30, 10);
	see(&holders, 6, 4, 1400, 0x40, 100);	/* another goroutine on its thread */
	see(&holders, 9, 3, 2500, 0x50, 100);	/* after it */
	see(&holders, 0, 7, 1500, 0x60, 1);
	cr_assert(eq(int, holders_add(&holders, &by_goroutine, 0), 0));
	cr_assert(eq(int, holders_add(&holders, &by_thread, 1), 0));
	cr_assert(eq(int, holders_add(&holders, &unseen, 2), 0));
	cr_assert(eq(int, holders_match(&holders), 0));
	cr_expect(eq(u64, pc_of(&holders, holders_meanwhile(&holders, &series[0], 1)), 0x30));
	cr_expect(eq(u64, pc_of(&holders, holders_meanwhile(&holders, &series[1], 1)), 0x60));
	cr_expect(eq(u32, holders_meanwhile(&holders, &series[2], 1), HOLDERS_NONE));
	cr_expect(eq(u64, pc_of(&holders, holders_meanwhile(&holders, series, 3)), 0x30));
	holders_free(&holders);
}

Test(waits, long_waits_are_looked_at_here_and_there)
{
	struct goidshim_wait wait = make(1, 9, 0xa, 1000000, 1000000);
	const uint32_t series = 0;
	struct holders holders = { 0 };

	for (__u64 at = 0; at < 100000; at++)
		see(&holders, 9, 3, at * 10, at % 10 ? 0x20 : 0x10, 5);
	cr_assert(eq(int, holders_add(&holders, &wait, 0), 0));
	cr_assert(eq(int, holders_match(&holders), 0));
	cr_expect(eq(u64, pc_of(&holders, holders_meanwhile(&holders, &series, 1)), 0x20));
	cr_expect(holders.places[0].weight_ns <= 33 * 5, "%llu", holders.places[0].weight_ns);
	holders_free(&holders);
}

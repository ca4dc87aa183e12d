/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sampler of C memory: its gaps, its index, its live slots.
 */
#include "tests/heap-alone.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>

TestSuite(heap, .timeout = 30);

/*
 * Gaps are geometric: mean 1 / p and variance (1 - p) / p^2 for
 * p = 1 - exp(-1 / interval). Of a million draws the mean deviates by 0.1 %, the
 * variance by sqrt((9 - 1) / 10^6) = 0.28 % (an exponential's kurtosis is 9);
 * five deviations are allowed.
 */
Test(heap, gaps_have_the_mean_and_the_variance_of_their_law)
{
	static const __u64 intervals[] = { 2, 64, 4096, 512 << 10, 1 << 30 };
	const double n = 1000000;

	for (size_t k = 0; k < sizeof(intervals) / sizeof(intervals[0]); k++) {
		double p = -expm1(-1 / (double)intervals[k]), sum = 0, squares = 0;

		heap_alone_begin(intervals[k]);
		while (!heap_draw(1))
			heap_thread.left = 0;
		for (int i = 0; i < (int)n; i++) {
			double gap;

			heap_thread.left = 0;
			cr_assert(heap_draw(1) > 0);
			gap = (double)heap_thread.left * p;
			sum += gap;
			squares += gap * gap;
		}
		sum /= n;
		squares = (squares / n - sum * sum) / (1 - p);
		cr_expect(fabs(sum - 1) < 0.005, "interval %llu: mean %f", intervals[k], sum);
		cr_expect(fabs(squares - 1) < 0.0142, "interval %llu: variance %f", intervals[k],
			  squares);
	}
}

/* A million allocations: the share deviates by sqrt(q (1 - q) / 10^6); five are allowed. */
Test(heap, takes_each_size_with_its_probability)
{
	static const __u64 sizes[] = { 0, 1, 16, 1000, 4096, 20000 };
	const int n = 1000000;

	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		double q = -expm1(-(double)(sizes[k] ? sizes[k] : 1) / 4096), share;
		int taken = 0;

		heap_alone_begin(4096);
		for (int i = 0; i < n; i++)
			taken += heap_is_due(sizes[k]) && heap_draw(sizes[k]);
		share = (double)taken / n;
		cr_expect(fabs(share - q) < 5 * sqrt(q * (1 - q) / n), "size %llu: %f, not %f",
			  sizes[k], share, q);
	}
}

/*
 * The estimates that go with what is taken add up to all bytes. Of a million
 * allocations one's estimate has a variance of at most interval * (interval + 2
 * size), so that their sum deviates by sqrt of that / (1000 * size); five are allowed.
 */
Test(heap, estimates_add_up_to_all_bytes)
{
	static const __u64 sizes[] = { 16, 1000, 4096, 20000 };
	const int n = 1000000;

	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		double size = (double)sizes[k], sum = 0, deviation;

		heap_alone_begin(4096);
		for (int i = 0; i < n; i++)
			if (heap_is_due(sizes[k]))
				sum += (double)heap_draw(sizes[k]);
		sum /= n * size;
		deviation = sqrt(4096 * (4096 + 2 * size)) / (1000 * size);
		if (size < 4096)
			deviation = sqrt(size / 4096) * (4096 + size) / (1000 * size);
		cr_expect(fabs(sum - 1) < 5 * deviation, "size %llu: %f", sizes[k], sum);
	}
}

Test(heap, takes_everything_at_interval_1)
{
	heap_alone_begin(1);
	for (__u64 size = 0; size < 10000; size++)
		cr_assert(heap_is_due(size) && heap_draw(size));
}

/* What fails counts too, and must not put the count out of reach. */
Test(heap, goes_on_after_sizes_that_cannot_be)
{
	static const __u64 sizes[] = { ~0ull, ~0ull / 2, ~0ull / 2 + 1, 1ull << 62 };

	heap_alone_begin(4096);
	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		unsigned taken = 0;

		for (int i = 0; i < 10; i++)
			if (heap_is_due(sizes[k]))
				heap_draw(sizes[k]);
		for (int i = 0; i < 1000; i++)
			taken += heap_is_due(4096) && heap_draw(4096);
		cr_expect(taken > 500, "after %llu: %u of 1000", sizes[k], taken);
	}
}

Test(heap, follows_as_many_as_there_are_slots)
{
	const __u64 base = 0x7f1200000000;

	heap_alone_begin(1);
	for (__u64 i = 0; i < HEAP_ALONE_SLOTS; i++)
		heap_alone_record(base + 48 * i);
	cr_expect(eq(u32, heap_alone_lost, 0));
	cr_expect(eq(u32, heap_alone_count(), HEAP_ALONE_SLOTS));
	heap_alone_record(0x5555000);
	cr_expect(eq(u32, heap_alone_lost, 1));
	cr_expect(eq(u32, heap_alone_recorded, HEAP_ALONE_SLOTS + 1));
	for (__u64 i = 0; i < HEAP_ALONE_SLOTS; i++) {
		cr_assert(heap_may_know(base + 48 * i));
		cr_assert(eq(u32, heap_take(base + 48 * i + 8), HEAP_NO_SLOT));
		heap_forget(base + 48 * i);
		cr_assert(eq(u32, heap_take(base + 48 * i), HEAP_NO_SLOT));
	}
	cr_expect(eq(u32, heap_alone_count(), 0));
	for (__u64 i = 0; i < HEAP_ALONE_SLOTS; i++)
		cr_assert(not(heap_may_know(base + 48 * i)));
}

Test(heap, uses_slots_again)
{
	heap_alone_begin(1);
	for (__u64 i = 1; i < 10ull * HEAP_ALONE_SLOTS; i++) {
		heap_alone_record(i * 16);
		heap_forget(i * 16);
	}
	cr_expect(eq(u32, heap_alone_lost, 0));
	cr_expect(eq(u32, heap_alone_used(), 1));
	cr_expect(eq(u64, heap_alone_live(0)->generation % 2, 0));
}

Test(heap, takes_an_address_had_again_for_freed_unseen)
{
	heap_alone_begin(1);
	heap_alone_record(0x1000);
	heap_alone_record(0x1000);
	cr_expect(eq(u32, heap_alone_count(), 1));
	heap_forget(0x1000);
	cr_expect(eq(u32, heap_alone_count(), 0));
	cr_expect(not(heap_may_know(0x1000)));
}

Test(heap, puts_back_what_was_not_freed)
{
	__u32 slot;

	heap_alone_begin(1);
	heap_alone_record(0x2000);
	slot = heap_take(0x2000);
	cr_assert(ne(u32, slot, HEAP_NO_SLOT));
	cr_expect(eq(u32, heap_alone_count(), 1));
	heap_put_back(0x2000, slot);
	cr_expect(eq(u32, heap_take(0x2000), slot));
}

Test(heap, leaves_addresses_alone_that_it_cannot_hold)
{
	heap_alone_begin(1);
	heap_alone_record(0x1234567);
	heap_alone_record(1ull << 47);
	cr_expect(eq(u32, heap_alone_lost, 2));
	cr_expect(eq(u32, heap_alone_count(), 0));
}

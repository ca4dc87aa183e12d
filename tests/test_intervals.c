/* SPDX-License-Identifier: BSD-2-Clause */
/* Nested ranges against the plain definition: the last added of the smallest that hold it. */
#include "tools/tables/intervals.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

TestSuite(intervals, .timeout = 20);

#define SPACE 512

struct model {
	uint64_t low, high;
};

/* What the map must answer: the narrowest range; of equal ones the later. */
static int expected(const struct model *ranges, int count, uint64_t address)
{
	int best = -1;

	for (int i = 0; i < count; i++)
		if (address >= ranges[i].low && address < ranges[i].high &&
		    (best < 0 || ranges[i].high - ranges[i].low <=
					 ranges[best].high - ranges[best].low))
			best = i;
	return best;
}

/* A random range inside a random earlier one, so that all nest: bits of a binary tree. */
static struct model nested_range(void)
{
	uint64_t size = (uint64_t)SPACE >> (rand() % 8);
	uint64_t low = size * ((uint64_t)rand() % (SPACE / size));

	return (struct model){ low, low + size };
}

Test(intervals, nested_ranges_answer_with_the_innermost)
{
	for (unsigned int seed = 0; seed < 300; seed++) {
		struct intervals map = { 0 };
		struct model ranges[40];
		int count;

		srand(seed);
		count = rand() % 40;
		for (int i = 0; i < count; i++) {
			ranges[i] = nested_range();
			cr_assert(zero(int, intervals_add(&map, ranges[i].low, ranges[i].high,
							  (uint32_t)i)));
		}
		cr_assert(zero(int, intervals_seal(&map)));
		for (uint64_t address = 0; address < SPACE + 8; address++) {
			uint32_t id = 0;
			int want = expected(ranges, count, address);
			bool found = intervals_find(&map, address, &id);

			cr_assert(eq(int, found ? (int)id : -1, want), "seed %u address %lu", seed,
				  (unsigned long)address);
		}
		intervals_free(&map);
	}
}

/* Ranges that cross are cut, not lost: every covered address has an answer that covers it. */
Test(intervals, crossing_ranges_are_safe)
{
	for (unsigned int seed = 0; seed < 300; seed++) {
		struct intervals map = { 0 };
		struct model ranges[40];

		srand(seed);
		for (uint32_t i = 0; i < 40; i++) {
			ranges[i].low = (uint64_t)rand() % SPACE;
			ranges[i].high = (uint64_t)rand() % SPACE;
			cr_assert(zero(int, intervals_add(&map, ranges[i].low, ranges[i].high, i)));
		}
		cr_assert(zero(int, intervals_seal(&map)));
		for (uint64_t address = 0; address < SPACE; address++) {
			uint32_t id;

			if (!intervals_find(&map, address, &id))
				continue;
			cr_assert(ranges[id].low <= address && address < ranges[id].high,
				  "seed %u address %lu", seed, (unsigned long)address);
		}
		intervals_free(&map);
	}
}

Test(intervals, the_ends_of_the_address_space)
{
	struct intervals map = { 0 };
	uint32_t id = 7;

	cr_assert(zero(int, intervals_seal(&map)));
	cr_expect(not(intervals_find(&map, 0, &id)));
	cr_assert(zero(int, intervals_add(&map, 0, UINT64_MAX, 1)));
	cr_assert(zero(int, intervals_add(&map, 5, 5, 2)));
	cr_assert(zero(int, intervals_add(&map, UINT64_MAX - 1, UINT64_MAX, 3)));
	cr_assert(zero(int, intervals_seal(&map)));
	cr_expect(intervals_find(&map, 0, &id) && id == 1);
	cr_expect(intervals_find(&map, 5, &id) && id == 1);
	cr_expect(intervals_find(&map, UINT64_MAX - 1, &id) && id == 3);
	cr_expect(not(intervals_find(&map, UINT64_MAX, &id)));
	intervals_free(&map);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nested ranges flattened by one sweep: walking the ranges by where they begin,
 * a stack holds those still open, and every boundary cuts a segment that belongs
 * to the top of the stack. n ranges make at most 2n segments.
 */
#include "tools/tables/intervals.h"

#include <errno.h>
#include <stdlib.h>

static int append(struct intervals *map, struct interval range)
{
	if (map->count == map->room) {
		size_t room = map->room ? map->room * 2 : 64;
		struct interval *ranges = reallocarray(map->ranges, room, sizeof(*ranges));

		if (!ranges)
			return -ENOMEM;
		map->ranges = ranges;
		map->room = room;
	}
	map->ranges[map->count++] = range;
	return 0;
}

int intervals_add(struct intervals *map, uint64_t low, uint64_t high, uint32_t id)
{
	if (low >= high)
		return 0;
	return append(map, (struct interval){ low, high, id, (uint32_t)map->count });
}

/* Outer before inner: by beginning, then the longer, then the one added first. */
static int compare(const void *a, const void *b)
{
	const struct interval *x = a, *y = b;

	if (x->low != y->low)
		return x->low < y->low ? -1 : 1;
	if (x->high != y->high)
		return x->high > y->high ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* Appends [from, to) of `owner`, glued to the last segment where it continues it. */
static int cut(struct intervals *out, uint64_t from, uint64_t to, const struct interval *owner)
{
	struct interval *last = out->count ? &out->ranges[out->count - 1] : NULL;

	if (from >= to)
		return 0;
	if (last && last->high == from && last->id == owner->id) {
		last->high = to;
		return 0;
	}
	return append(out, (struct interval){ from, to, owner->id, owner->order });
}

/* Closes open ranges that end at or before `until`; `*at` is where the sweep stands. */
static int close_ranges(struct intervals *out, struct interval *open, size_t *depth,
			uint64_t until, uint64_t *at)
{
	while (*depth && open[*depth - 1].high <= until) {
		const struct interval *top = &open[--*depth];

		if (cut(out, *at, top->high, top))
			return -ENOMEM;
		*at = top->high;
	}
	return 0;
}

static int sweep(const struct intervals *map, struct interval *open, struct intervals *out)
{
	size_t depth = 0;
	uint64_t at = 0;

	for (size_t i = 0; i < map->count; i++) {
		struct interval range = map->ranges[i];

		if (close_ranges(out, open, &depth, range.low, &at))
			return -ENOMEM;
		if (depth && cut(out, at, range.low, &open[depth - 1]))
			return -ENOMEM;
		if (depth && range.high > open[depth - 1].high)
			range.high = open[depth - 1].high;
		open[depth++] = range;
		at = range.low;
	}
	return close_ranges(out, open, &depth, UINT64_MAX, &at);
}

int intervals_seal(struct intervals *map)
{
	struct intervals out = { 0 };
	struct interval *open;
	int r = -ENOMEM;

	if (!map->count)
		return 0;
	qsort(map->ranges, map->count, sizeof(*map->ranges), compare);
	open = calloc(map->count, sizeof(*open));
	if (open)
		r = sweep(map, open, &out);
	free(open);
	intervals_free(map);
	if (r)
		intervals_free(&out);
	*map = out;
	return r;
}

bool intervals_find(const struct intervals *map, uint64_t address, uint32_t *ret_id)
{
	size_t low = 0, high = map->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (map->ranges[middle].low <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || address >= map->ranges[low - 1].high)
		return false;
	*ret_id = map->ranges[low - 1].id;
	return true;
}

void intervals_free(struct intervals *map)
{
	free(map->ranges);
	*map = (struct intervals){ 0 };
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A record of a call (a wait, an allocation) tells where its thread was when the
 * call ended, and a call that was made under a lock ends before the lock is given
 * back. So every record is a point in time: its time_ns.
 */
#include "tools/profile/holders.h"

#include <errno.h>
#include <stdlib.h>

#include "tools/tables/array.h"

#define SIGHTINGS_MAX 32	/* looked at for one wait */

/* Who: a goroutine of one Go runtime, or a thread while it runs none. */
struct who {
	__u64 goid;
	__u32 object_or_tid;
};

struct holders_sighting {
	struct who who;
	uint32_t stack;
	__u64 time_ns;
	__u64 weight_ns;
};

struct holders_wait {
	struct who holder;
	uint32_t series;
	__u64 start_ns;
	__u64 end_ns;
};

static struct who who_is(__u64 goid, __u8 object, __u32 tid)
{
	return (struct who){ goid, goid ? object : tid };
}

int holders_see(struct holders *holders, const struct goidshim_sample *sample, uint32_t era,
		__u64 weight_ns)
{
	struct series series;
	int err = stacks_add(&holders->stacks, sample, era, 0, &series);

	if (!err)
		err = array_reserve(&holders->sightings, holders->sighting_count, 1,
				    &holders->sighting_room, sizeof(*holders->sightings));
	if (err)
		return err;
	holders->sightings[holders->sighting_count++] = (struct holders_sighting){
		.who = who_is(sample->goid, sample->object, sample->tid),
		.stack = series.stack,
		.time_ns = sample->time_ns,
		.weight_ns = weight_ns ? weight_ns : 1,
	};
	return 0;
}

int holders_add(struct holders *holders, const struct goidshim_wait *wait, uint32_t series)
{
	if (!wait->holder_goid && !wait->holder_tid)
		return 0;
	if (array_reserve(&holders->waits, holders->wait_count, 1, &holders->wait_room,
			  sizeof(*holders->waits)))
		return -ENOMEM;
	holders->waits[holders->wait_count++] = (struct holders_wait){
		.holder = who_is(wait->holder_goid, wait->holder_object, wait->holder_tid),
		.series = series,
		.start_ns = wait->start_ns,
		.end_ns = wait->sample.time_ns,
	};
	return 0;
}

static int compare_who(const struct who *a, const struct who *b)
{
	if (a->goid != b->goid)
		return a->goid < b->goid ? -1 : 1;
	return (a->object_or_tid > b->object_or_tid) - (a->object_or_tid < b->object_or_tid);
}

static int compare_sightings(const void *va, const void *vb)
{
	const struct holders_sighting *a = va, *b = vb;
	int order = compare_who(&a->who, &b->who);

	return order ? order : (a->time_ns > b->time_ns) - (a->time_ns < b->time_ns);
}

/* The first sighting of this holder at or after `time_ns`, or where it would be. */
static size_t find_sighting(const struct holders *holders, const struct who *holder, __u64 time_ns)
{
	const struct holders_sighting key = { .who = *holder, .time_ns = time_ns };
	size_t low = 0, high = holders->sighting_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_sightings(&holders->sightings[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* What a wait saw of its holder: stacks, and for how long each. */
struct seen {
	uint32_t series;
	uint32_t stack;
	__u64 weight_ns;
};

static int compare_seen(const void *va, const void *vb)
{
	const struct seen *a = va, *b = vb;

	if (a->series != b->series)
		return a->series < b->series ? -1 : 1;
	return (a->stack > b->stack) - (a->stack < b->stack);
}

/* Of a long wait some sightings, evenly, so that the work grows with the waits alone. */
static int collect_seen(const struct holders *holders, struct seen **ret_seen, size_t *ret_count)
{
	size_t room = 0;

	for (size_t i = 0; i < holders->wait_count; i++) {
		const struct holders_wait *wait = &holders->waits[i];
		size_t first = find_sighting(holders, &wait->holder, wait->start_ns);
		size_t end = find_sighting(holders, &wait->holder, wait->end_ns);

		for (size_t j = first; j < end; j += 1 + (end - first) / SIGHTINGS_MAX) {
			const struct holders_sighting *s = &holders->sightings[j];

			if (array_reserve(ret_seen, *ret_count, 1, &room, sizeof(**ret_seen)))
				return -ENOMEM;
			(*ret_seen)[(*ret_count)++] =
				(struct seen){ wait->series, s->stack, s->weight_ns };
		}
	}
	return 0;
}

/* Of each series the stack of the most weight. */
static void fill_places(struct holders *holders, struct seen *seen, size_t count)
{
	__u64 weight = 0;

	qsort(seen, count, sizeof(*seen), compare_seen);
	for (size_t i = 0; i < count; i++) {
		struct holders_place *place = &holders->places[seen[i].series];

		weight = i > 0 && !compare_seen(&seen[i - 1], &seen[i]) ? weight : 0;
		weight += seen[i].weight_ns;
		if (weight > place->weight_ns)
			*place = (struct holders_place){ seen[i].stack, weight };
	}
}

int holders_match(struct holders *holders)
{
	struct seen *seen = NULL;
	size_t count = 0;
	int err;

	for (size_t i = 0; i < holders->wait_count; i++)
		if (holders->waits[i].series >= holders->place_count)
			holders->place_count = holders->waits[i].series + 1ul;
	holders->places = calloc(holders->place_count + 1, sizeof(*holders->places));
	if (!holders->places)
		return -ENOMEM;
	for (size_t i = 0; i < holders->place_count; i++)
		holders->places[i].stack = HOLDERS_NONE;
	if (holders->sighting_count > 0)
		qsort(holders->sightings, holders->sighting_count, sizeof(*holders->sightings),
		      compare_sightings);
	err = collect_seen(holders, &seen, &count);
	if (!err && count > 0)
		fill_places(holders, seen, count);
	free(seen);
	return err;
}

uint32_t holders_meanwhile(const struct holders *holders, const uint32_t *series, size_t count)
{
	struct holders_place best = { HOLDERS_NONE, 0 };

	for (size_t i = 0; i < count; i++)
		if (series[i] < holders->place_count &&
		    holders->places[series[i]].weight_ns > best.weight_ns)
			best = holders->places[series[i]];
	return best.stack;
}

void holders_free(struct holders *holders)
{
	stacks_free(&holders->stacks);
	free(holders->sightings);
	free(holders->waits);
	free(holders->places);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A module that was unloaded leaves its note; whoever is mapped at its addresses
 * later was noted later. Modules that share addresses with others, few if any,
 * are apart from the rest: among them the time decides.
 */
#include "tools/symbols/modulemap.h"

#include <errno.h>
#include <stdlib.h>

#include "tools/tables/intervals.h"

struct module {
	bool tried;
	int error;
	struct csymbols *symbols;	/* NULL: not tried, or an error */
	bool is_contested;	/* shares addresses with another */
	uint32_t era;		/* from which on it is there; 0: always */
};

struct modulemap {
	const struct reader *reader;
	struct modulefile_paths paths;
	struct intervals map;		/* modules that are not contested */
	struct intervals contested;	/* addresses of those that are */
	struct module *modules;
	size_t count;
	uint64_t *era_ns;		/* when each era from 1 on begins, ascending */
	uint32_t eras;
};

int modulemap_open(const struct reader *reader, const struct modulefile_paths *paths,
		   struct modulemap **ret_map)
{
	struct modulemap *map = calloc(1, sizeof(*map));

	if (!map)
		return -ENOMEM;
	map->reader = reader;
	map->paths = *paths;
	*ret_map = map;
	return 0;
}

void modulemap_close(struct modulemap *map)
{
	if (!map)
		return;
	for (size_t i = 0; i < map->count; i++)
		csymbols_close(map->modules[i].symbols);
	free(map->modules);
	intervals_free(&map->map);
	intervals_free(&map->contested);
	free(map->era_ns);
	free(map);
}

static bool overlap(const struct goidshim_module *a, const struct goidshim_module *b)
{
	return a->start < b->end && b->start < a->end;
}

/* Module i is new: whose place does it take? There is room in era_ns for one more. */
static void enter(struct modulemap *map, size_t i)
{
	const struct goidshim_module *module = reader_module(map->reader, i);
	uint64_t begins = map->eras ? map->era_ns[map->eras - 1] : 0;

	for (size_t j = 0; j < i; j++) {
		if (!overlap(module, reader_module(map->reader, j)))
			continue;
		map->modules[i].is_contested = map->modules[j].is_contested = true;
	}
	if (!map->modules[i].is_contested)
		return;
	map->era_ns[map->eras++] = module->time_ns > begins ? module->time_ns : begins;
	map->modules[i].era = map->eras;
}

static int compare_low(const void *a, const void *b)
{
	const struct interval *x = a, *y = b;

	return x->low < y->low ? -1 : x->low > y->low;
}

/* Joins ranges, sorted, where they overlap: returns how many are left. */
static size_t join(struct interval *ranges, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || ranges[i].low > ranges[kept - 1].high)
			ranges[kept++] = ranges[i];
		else if (ranges[i].high > ranges[kept - 1].high)
			ranges[kept - 1].high = ranges[i].high;
	}
	return kept;
}

static int build(struct modulemap *map)
{
	intervals_free(&map->map);
	intervals_free(&map->contested);
	for (size_t i = 0; i < map->count; i++) {
		const struct goidshim_module *module = reader_module(map->reader, i);
		bool is_contested = map->modules[i].is_contested;

		if (intervals_add(is_contested ? &map->contested : &map->map, module->start,
				  module->end, (uint32_t)i))
			return -ENOMEM;
	}
	if (map->contested.count) {
		qsort(map->contested.ranges, map->contested.count, sizeof(*map->contested.ranges),
		      compare_low);
		map->contested.count = join(map->contested.ranges, map->contested.count);
	}
	return intervals_seal(&map->map);
}

/* Takes in the modules noted since the last time. */
static void update(struct modulemap *map)
{
	size_t count = reader_module_count(map->reader);
	struct module *modules;
	uint64_t *era_ns;

	if (count == map->count || count >= MODULEMAP_NONE)
		return;
	modules = reallocarray(map->modules, count, sizeof(*modules));
	if (!modules)
		return;
	map->modules = modules;
	era_ns = reallocarray(map->era_ns, count, sizeof(*era_ns));
	if (!era_ns)
		return;
	map->era_ns = era_ns;
	for (; map->count < count; map->count++) {
		modules[map->count] = (struct module){ 0 };
		enter(map, map->count);
	}
	build(map);
}

static bool is_contested(const struct modulemap *map, uint64_t address)
{
	uint32_t unused;

	return intervals_find(&map->contested, address, &unused);
}

/* The era that has begun last. */
static uint32_t era_at(const struct modulemap *map, uint64_t time_ns)
{
	uint32_t low = 0, high = map->eras;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (map->era_ns[middle] <= time_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t modulemap_era(struct modulemap *map, uint64_t time_ns, const __u64 *pcs, size_t count)
{
	update(map);
	for (size_t i = 0; map->eras && i < count; i++)
		if (is_contested(map, pcs[i]) || is_contested(map, pcs[i] - 1))
			return era_at(map, time_ns);
	return 0;
}

/* The last that had come by then, or else the first that came: its note may be late. */
static uint32_t find_contested(const struct modulemap *map, uint64_t address, uint32_t era)
{
	uint32_t found = MODULEMAP_NONE;

	for (size_t i = map->count; i-- > 0;) {
		const struct goidshim_module *module = reader_module(map->reader, i);

		if (!map->modules[i].is_contested || address < module->start ||
		    address >= module->end)
			continue;
		found = (uint32_t)i;
		if (map->modules[i].era <= era)
			break;
	}
	return found;
}

uint32_t modulemap_find(struct modulemap *map, uint64_t address, uint32_t era)
{
	uint32_t module;

	update(map);
	if (is_contested(map, address))
		return find_contested(map, address, era);
	return intervals_find(&map->map, address, &module) ? module : MODULEMAP_NONE;
}

unsigned int modulemap_frames(struct modulemap *map, uint32_t module, uint64_t address,
			      struct csymbols_frame frames[static CSYMBOLS_FRAMES_MAX])
{
	const struct goidshim_module *note = reader_module(map->reader, module);
	struct module *m = &map->modules[module];

	if (!m->tried) {
		m->tried = true;
		m->error = csymbols_open(&map->paths, note, &m->symbols);
	}
	if (m->error)
		return 0;
	return csymbols_find(m->symbols, address - note->load_bias, frames);
}

int modulemap_error(const struct modulemap *map, uint32_t module)
{
	return module < map->count ? map->modules[module].error : 0;
}

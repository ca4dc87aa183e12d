/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A module that was unloaded leaves its note; whoever is mapped at its addresses
 * later was noted later, and later wins.
 */
#include "tools/modulemap.h"

#include <errno.h>
#include <stdlib.h>

#include "tools/intervals.h"

struct module {
	bool tried;
	int error;
	struct csymbols *symbols;	/* NULL: not tried, or an error */
};

struct modulemap {
	const struct reader *reader;
	struct modulefile_paths paths;
	struct intervals map;
	struct module *modules;
	size_t count;
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
	free(map);
}

/* Takes in the modules noted since the last time. */
static void update(struct modulemap *map)
{
	size_t count = reader_module_count(map->reader);
	struct module *modules;

	if (count == map->count || count >= MODULEMAP_NONE)
		return;
	modules = reallocarray(map->modules, count, sizeof(*modules));
	if (!modules)
		return;
	map->modules = modules;
	while (map->count < count)
		modules[map->count++] = (struct module){ 0 };
	intervals_free(&map->map);
	for (size_t i = 0; i < count; i++) {
		const struct goidshim_module *module = reader_module(map->reader, i);

		intervals_add(&map->map, module->start, module->end, (uint32_t)i);
	}
	intervals_seal(&map->map);
}

uint32_t modulemap_find(struct modulemap *map, uint64_t address)
{
	uint32_t module;

	update(map);
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

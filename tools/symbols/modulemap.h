/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The modules of a ring by run-time address, and the C symbols of each, opened
 * when first asked for. Signal-safe: no.
 */
#ifndef TOOLS_MODULEMAP_H
#define TOOLS_MODULEMAP_H

#include "tools/ring/reader.h"
#include "tools/symbols/csymbols.h"

#define MODULEMAP_NONE UINT32_MAX

struct modulemap;

/* `reader` and `paths` are borrowed. Returns 0 or -ENOMEM. */
int modulemap_open(const struct reader *reader, const struct modulefile_paths *paths,
		   struct modulemap **ret_map);
void modulemap_close(struct modulemap *map);

/*
 * Where a module is noted at addresses that another was noted at before, it has
 * taken that one's place, which begins a new era. The era of a stack taken at
 * `time_ns`; 0 also for every stack that has no pc where places were taken. The
 * pcs may be return addresses. Modules noted after modulemap_open are seen too.
 */
uint32_t modulemap_era(struct modulemap *map, uint64_t time_ns, const __u64 *pcs, size_t count);

#define MODULEMAP_LATEST UINT32_MAX	/* an era: whatever was there last */

/* The module mapped at `address` in an era: a number for reader_module, or MODULEMAP_NONE. */
uint32_t modulemap_find(struct modulemap *map, uint64_t address, uint32_t era);

/*
 * The C frames at `address`, which modulemap_find says is in `module`. Returns
 * how many; 0: the module's file cannot be used, see modulemap_error.
 */
unsigned int modulemap_frames(struct modulemap *map, uint32_t module, uint64_t address,
			      struct csymbols_frame frames[static CSYMBOLS_FRAMES_MAX]);

/* Why `module` gave no frames: 0 (it did, or was not asked) or what csymbols_open returned. */
int modulemap_error(const struct modulemap *map, uint32_t module);

#endif

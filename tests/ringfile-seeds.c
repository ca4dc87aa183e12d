/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes rings of several shapes into a folder: the seed corpus of fuzz_reader.
 * The first of them is what tests/golden/v1.ring was made with.
 */
#include <err.h>
#include <stdio.h>

#include "tests/ringfile.h"

static void save(const struct ringfile_shape *shape, void (*fill)(const struct ringfile *),
		 const char *folder, const char *name)
{
	struct ringfile ring;
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	ringfile_open(&ring, shape);
	if (fill)
		fill(&ring);
	ringfile_save(&ring, path);
	ringfile_close(&ring);
}

static void fill_deep(const struct ringfile *ring)
{
	ringfile_claim(ring, 0, 0);
	ringfile_sample(ring, 0, 1, 1, GOIDSHIM_MAX_STACK);
}

static void fill_events(const struct ringfile *ring)
{
	ringfile_fill(ring);
	ringfile_fill_events(ring, 4);
}

int main(int argc, char **argv)
{
	const struct ringfile_shape usual = { 0 };
	const struct ringfile_shape newer = { .newer_header = 64, .newer_lane = 8 };
	const struct ringfile_shape wide = { .lanes = 1, .blocks = 1, .block_size = 4096 };
	const struct ringfile_shape slots = { .block_size = 2048, .live_slots = 2,
					      .inside_size = 512 };

	if (argc != 2)
		errx(2, "usage: ringfile-seeds FOLDER");
	save(&usual, ringfile_fill, argv[1], "full.ring");
	save(&usual, NULL, argv[1], "empty.ring");
	save(&newer, ringfile_fill, argv[1], "newer.ring");
	save(&slots, fill_events, argv[1], "events.ring");
	save(&wide, fill_deep, argv[1], "deep.ring");
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For fuzzers of what reads memory: the input at the end of a mapping, so that a
 * read beyond it is a fault.
 */
#ifndef TESTS_FUZZ_PLACE_H
#define TESTS_FUZZ_PLACE_H

#include <err.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

enum { FUZZ_ROOM = 1 << 20 };

/* A copy of `size` bytes, FUZZ_ROOM at most, that ends where a page ends. */
static inline uint8_t *fuzz_place(const uint8_t *data, size_t size)
{
	static uint8_t *room;

	if (room == NULL) {
		room = mmap(NULL, FUZZ_ROOM + 4096, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (room == MAP_FAILED || munmap(room + FUZZ_ROOM, 4096) != 0)
			err(99, "mmap");
	}
	return memcpy(room + FUZZ_ROOM - size, data, size);
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libFuzzer over a whole ring file, through the reader and every exporter:
 *
 *	./configure CC=clang --enable-sanitizers && make tests/fuzz_reader tests/ringfile-seeds
 *	mkdir seeds && tests/ringfile-seeds seeds && tests/fuzz_reader seeds
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/rendering.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	char path[32];

	if (fd < 0)
		fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		err(99, "memfd");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (const struct exporter *const *e = export_all; *e; e++) {
		const char *why;
		bool damaged;
		char *text;

		if (rendering_make(path, *e, &text, &damaged, &why) == 0)
			free(text);
	}
	return 0;
}

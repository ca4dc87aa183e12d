/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libFuzzer over a C module's file, through everything that names its code:
 *
 *	./configure CC=clang CXX=clang++ --enable-sanitizers && make tests/fuzz_csymbols
 *	mkdir seeds && make tests/fixture_native && cp tests/fixture_native seeds
 *	tests/fuzz_csymbols -max_len=200000 seeds
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tools/symbols/csymbols.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct modulefile_paths paths = { .debug_dir = "/nonexistent" };
	union {
		struct goidshim_module module;
		char room[sizeof(struct goidshim_module) + 64];
	} note = { 0 };
	struct csymbols_frame frames[CSYMBOLS_FRAMES_MAX];
	struct csymbols *symbols;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		err(1, "memfd");
	snprintf(note.room + sizeof(note.module), 64, "/proc/self/fd/%d", fd);
	if (!csymbols_open(&paths, &note.module, &symbols)) {
		for (uint64_t address = 0; address < 0x3000; address += 61) {
			unsigned int count = csymbols_find(symbols, address, frames);

			for (unsigned int i = 0; i < count; i++)
				if (!strlen(frames[i].function))
					abort();
		}
		csymbols_close(symbols);
	}
	close(fd);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libFuzzer over a Go program's file, through everything that parses it:
 *
 *	./configure CC=clang --enable-sanitizers && make tests/fuzz_gobinary tests/gosynth-seeds
 *	mkdir seeds && tests/gosynth-seeds seeds && tests/fuzz_gobinary -max_len=65536 seeds
 */
#include <err.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probe/golayout.h"
#include "tools/symbols/gofile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every logical frame at a pc, its strings read to their ends. */
static size_t ask(const struct gopclntab *tab, __u64 pc)
{
	struct gopclntab_function function;
	struct gopclntab_frames frames;
	struct gopclntab_frame frame;
	size_t length = 0;
	__s32 delta;

	if (gopclntab_find(tab, pc, &function))
		return 0;
	gopclntab_sp_delta(tab, &function, pc, &delta);
	gopclntab_frames_begin(tab, &function, pc, &frames);
	while (gopclntab_frames_next(&frames, &frame))
		length += strlen(frame.name) + strlen(frame.file);
	return length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct goidshim_golayout layout;
	struct golayout_report report;
	static volatile size_t sink;
	struct gobinary binary;
	struct gofile file;
	const char *error;
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		err(99, "memfd");
	if (gofile_open_fd(fd, &file, &error))
		return 0;
	if (gobinary_find(&file.image, &binary) == 0) {
		golayout_resolve(&binary, &layout, &report);
		for (__u64 i = 0; i < 256; i++)
			sink += ask(&binary.functions, binary.functions.min_pc + i * 13);
	}
	gofile_close(&file);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* probe/goimage, probe/gocode and probe/gobinary: what is Go is found, what is not is refused. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probe/gobinary.h"
#include "tests/gosynth.h"

TestSuite(gobinary, .timeout = 60);

static struct gosynth synth;

/* mov _cgo_init(%rip),%rax; test %rax,%rax; je: the entry is at GOSYNTH_TEXT. */
static const struct gosynth_function functions[] = {
	{ "runtime.rt0_go", "48 8b 05 f9 f3 1f 00 48 85 c0 74 10" },
	{ "runtime.mcall", "90" },
	{ "main.main", "c3" },
};

static void write_synth(unsigned minor)
{
	gosynth_write(&synth, minor, functions, 3);
}

Test(gobinary, finds_version_tables_and_text)
{
	struct gobinary binary;

	for (unsigned minor = 19; minor <= 28; minor++) {
		write_synth(minor);
		cr_assert(eq(int, gobinary_find(&synth.image, &binary), 0));
		cr_expect(eq(uint, binary.minor, minor));
		cr_expect(eq(ulong, binary.moduledata, GOSYNTH_MODULEDATA));
		cr_expect(eq(ulong, binary.text, GOSYNTH_TEXT));
		cr_expect(eq(ulong, binary.etext, GOSYNTH_TEXT + 3 * GOSYNTH_FUNCTION_SIZE));
		cr_expect(eq(uint, binary.functions.func_count, 3));
		cr_expect(binary.functions.funcdata.size > 0, "gofunc of 1.%u", minor);
	}
}

Test(gobinary, tells_cgo_by_what_entry_code_tests)
{
	struct gobinary binary;

	write_synth(27);
	cr_assert(eq(int, gobinary_find(&synth.image, &binary), 0));
	cr_expect(not(binary.has_cgo));
	gosynth_poke(&synth, GOSYNTH_CGO_INIT, GOSYNTH_TEXT);
	cr_assert(eq(int, gobinary_find(&synth.image, &binary), 0));
	cr_expect(binary.has_cgo);
}

Test(gobinary, without_buildinfo_the_version_is_unknown)
{
	struct gobinary binary;

	write_synth(27);
	memset(synth.data, 0, 0x100);
	cr_assert(eq(int, gobinary_find(&synth.image, &binary), 0));
	cr_expect(eq(uint, binary.minor, 0));
	cr_expect(binary.version[0] == 0);
}

Test(gobinary, refuses_what_is_not_go)
{
	struct gobinary binary;

	write_synth(27);
	memset(synth.data, 0, sizeof(synth.data));
	cr_expect(eq(int, gobinary_find(&synth.image, &binary), -ENOENT));
}

Test(gobinary, refuses_go_with_unknown_tables)
{
	struct gobinary binary;

	write_synth(30);
	synth.rodata[0] = 0xf2;
	cr_expect(eq(int, gobinary_find(&synth.image, &binary), -ENOTSUP));
}

Test(gobinary, refuses_tables_that_make_no_sense)
{
	struct gobinary binary;

	write_synth(27);
	gosynth_poke(&synth, GOSYNTH_MODULEDATA + 112, ~0ull);	/* pclntable's size */
	cr_expect(eq(int, gobinary_find(&synth.image, &binary), -EBADMSG));
	write_synth(27);
	gosynth_poke(&synth, GOSYNTH_MODULEDATA + 168, 0);	/* maxpc */
	cr_expect(eq(int, gobinary_find(&synth.image, &binary), -EBADMSG));
}

Test(gobinary, looks_up_the_longest_function_of_a_name)
{
	static const struct gosynth_function twice[] = {
		{ "runtime.mcall", "90" },
		{ "runtime.mcall",
		  "0000000000000000000000000000000000000000000000000000000000000000"
		  "0000000000000000000000000000000000000000000000000000000000000000"
		  "0000000000000000000000000000000000000000000000000000000000000000"
		  "0000000000000000000000000000000000000000000000000000000000000000"
		  "00" },
		{ "runtime.mcall", "90" },
	};
	struct gobinary_function wanted[] = { { .name = "runtime.mcall" },
					      { .name = "runtime.gogo" } };
	struct gobinary binary;

	gosynth_write(&synth, 27, twice, 3);
	cr_assert(eq(int, gobinary_find(&synth.image, &binary), 0));
	cr_assert(eq(uint, gobinary_lookup(&binary, wanted, 2), 1));
	cr_expect(eq(ulong, wanted[0].entry, GOSYNTH_TEXT + GOSYNTH_FUNCTION_SIZE));
	cr_expect(eq(ulong, wanted[0].end - wanted[0].entry, 144));
	cr_expect(eq(ulong, wanted[1].entry, 0));
}

/* Ask everything there is to ask. */
static void exercise(const struct gobinary *binary)
{
	const struct gopclntab *tab = &binary->functions;
	struct gopclntab_function function;
	struct gopclntab_frames frames;
	struct gopclntab_frame frame;
	unsigned length = 0;
	__s32 delta;

	for (__u64 pc = GOSYNTH_TEXT - 8; pc < GOSYNTH_TEXT + 0x200; pc += 8) {
		if (gopclntab_find(tab, pc, &function))
			continue;
		gopclntab_sp_delta(tab, &function, pc, &delta);
		gopclntab_frames_begin(tab, &function, pc, &frames);
		while (gopclntab_frames_next(&frames, &frame))
			length += (unsigned)(strlen(frame.name) + strlen(frame.file));
	}
	cr_assert(length < 1u << 30);
}

/*
 * Every byte of header, tables and moduledata set to each of some bad values: the
 * sanitizers see a wild read. The image's own bounds are tight: heap blocks.
 */
Test(gobinary, survives_any_damaged_byte)
{
	static const __u8 values[] = { 0x00, 0x7f, 0x80, 0xff };
	struct gobinary binary;
	unsigned found = 0;

	write_synth(27);
	for (unsigned i = 0; i < 2 * GOSYNTH_SIZE; i++) {
		__u8 *byte = i < GOSYNTH_SIZE ? &synth.rodata[i] : &synth.data[i - GOSYNTH_SIZE];
		__u8 saved = *byte;

		/* The unused rest of the segments. */
		if (saved == 0 && (i % GOSYNTH_SIZE > 0xc00) && (i % 64))
			continue;
		for (unsigned v = 0; v < sizeof(values); v++) {
			*byte = values[v];
			if (gobinary_find(&synth.image, &binary) == 0) {
				found++;
				exercise(&binary);
			}
		}
		*byte = saved;
	}
	cr_expect(found > 1000);
}

Test(gobinary, survives_truncation)
{
	struct gobinary binary;

	write_synth(27);
	for (unsigned size = 0; size <= GOSYNTH_SIZE; size += 8) {
		for (unsigned segment = 0; segment < 3; segment++) {
			struct goimage image = synth.image;
			__u8 *copy = malloc(size ? size : 1);

			memcpy(copy, image.segments[segment].bytes, size);
			image.segments[segment].bytes = copy;
			image.segments[segment].file_size = size;
			if (gobinary_find(&image, &binary) == 0)
				exercise(&binary);
			free(copy);
		}
	}
}

Test(gobinary, image_gives_bytes_of_whole_ranges_only)
{
	__u64 word;

	write_synth(27);
	cr_expect(goimage_bytes(&synth.image, GOSYNTH_DATA, GOSYNTH_SIZE) == synth.data);
	cr_expect(goimage_bytes(&synth.image, GOSYNTH_DATA, GOSYNTH_SIZE + 1) == NULL);
	cr_expect(goimage_bytes(&synth.image, GOSYNTH_DATA + 1, GOSYNTH_SIZE) == NULL);
	cr_expect(goimage_bytes(&synth.image, GOSYNTH_DATA - 1, 1) == NULL);
	cr_expect(goimage_bytes(&synth.image, GOSYNTH_DATA + 8, ~0ull) == NULL);
	cr_expect(eq(ulong, goimage_room(&synth.image, GOSYNTH_DATA + GOSYNTH_SIZE - 3), 3));
	cr_expect(eq(ulong, goimage_room(&synth.image, GOSYNTH_DATA + GOSYNTH_SIZE), 0));
	/* .bss reads as zero, up to its end. */
	word = 1;
	cr_expect(eq(int, goimage_read_u64(&synth.image, GOSYNTH_DATA + GOSYNTH_SIZE, &word), 0));
	cr_expect(eq(ulong, word, 0));
	cr_expect(eq(int, goimage_read_u64(&synth.image, GOSYNTH_DATA + 2 * GOSYNTH_SIZE, &word),
		     -EFAULT));
}

Test(gobinary, image_refuses_impossible_segments)
{
	struct goimage image = { 0 };
	struct goimage_segment segment = { .vaddr = ~0ull - 10, .mem_size = 100 };

	cr_expect(eq(int, goimage_add_segment(&image, &segment), -EBADMSG));
	segment = (struct goimage_segment){ .vaddr = 0, .mem_size = 1, .file_size = 2 };
	cr_expect(eq(int, goimage_add_segment(&image, &segment), -EBADMSG));
	segment.file_size = 1;
	for (unsigned i = 0; i < GOIMAGE_MAX_SEGMENTS; i++)
		cr_expect(eq(int, goimage_add_segment(&image, &segment), 0));
	cr_expect(eq(int, goimage_add_segment(&image, &segment), -E2BIG));
}

Test(gobinary, patterns_match_and_read_operands)
{
	static const __u8 bytes[] = { 0x90, 0x48, 0x8b, 0x05, 0xfe, 0xff, 0xff, 0xff, 0x4c, 0x80 };
	const struct gocode code = { bytes, sizeof(bytes) };
	__s32 values[GOCODE_MAX_VALUES];

	cr_expect(eq(long, gocode_search(&code, "4. 8b .5 <4> 4c <1>", 0, values), 1));
	cr_expect(eq(int, values[0], -2));
	cr_expect(eq(int, values[1], -128));
	cr_expect(eq(long, gocode_search(&code, "4c <0> 80", 0, values), 8));
	cr_expect(eq(int, values[0], 0));
	/* Not past the end, and not before `from`. */
	cr_expect(eq(long, gocode_search(&code, "4c <4>", 0, values), -ENOENT));
	cr_expect(eq(long, gocode_search(&code, "80 ..", 0, values), -ENOENT));
	cr_expect(eq(long, gocode_search(&code, "48 8b", 2, values), -ENOENT));
}

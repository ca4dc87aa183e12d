/* SPDX-License-Identifier: BSD-2-Clause */
/* probe/gopclntab.sig: lookups in tables of which every byte is known. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "probe/gobinary.h"
#include "tests/gosynth.h"

TestSuite(gopclntab, .timeout = 20);

#define COUNT 40

static struct gosynth synth;
static struct gobinary binary;

static void open_synth(unsigned minor)
{
	static char names[COUNT][8];
	static struct gosynth_function functions[COUNT];

	for (unsigned i = 0; i < COUNT; i++) {
		snprintf(names[i], sizeof(names[i]), "f%02u", i);
		functions[i] = (struct gosynth_function){ names[i], "c3" };
	}
	gosynth_write(&synth, minor, functions, COUNT);
	cr_assert(eq(int, gobinary_find(&synth.image, &binary), 0));
}

static void expect_found(const struct gopclntab *tab, __u64 pc)
{
	struct gopclntab_function function;
	unsigned index = (unsigned)((pc - GOSYNTH_TEXT) / GOSYNTH_FUNCTION_SIZE);
	char name[8];

	snprintf(name, sizeof(name), "f%02u", index);
	cr_assert(eq(int, gopclntab_find(tab, pc, &function), 0));
	cr_assert(eq(str, (char *)function.name, name));
	cr_assert(eq(ulong, function.entry, GOSYNTH_TEXT + index * GOSYNTH_FUNCTION_SIZE));
	cr_assert(eq(ulong, function.end, function.entry + GOSYNTH_FUNCTION_SIZE));
}

Test(gopclntab, finds_every_pc_by_search)
{
	open_synth(27);
	binary.functions.buckets.size = 0;
	for (unsigned i = 0; i < COUNT * GOSYNTH_FUNCTION_SIZE; i++)
		expect_found(&binary.functions, GOSYNTH_TEXT + i);
}

Test(gopclntab, finds_every_pc_by_whatever_hint)
{
	/* Hints from "the first function" to nonsense. */
	static const __u8 hints[] = { 0, 1, 30, 39, 40, 255 };

	open_synth(27);
	cr_assert(binary.functions.buckets.size > 0);
	for (unsigned h = 0; h < sizeof(hints); h++) {
		memset((__u8 *)binary.functions.buckets.bytes, hints[h],
		       binary.functions.buckets.size);
		memset((__u8 *)binary.functions.buckets.bytes, 0, 4);
		for (unsigned i = 0; i < COUNT * GOSYNTH_FUNCTION_SIZE; i += 3)
			expect_found(&binary.functions, GOSYNTH_TEXT + i);
	}
}

Test(gopclntab, finds_nothing_outside)
{
	struct gopclntab_function function;

	open_synth(27);
	cr_expect(eq(int, gopclntab_find(&binary.functions, GOSYNTH_TEXT - 1, &function), -ENOENT));
	cr_expect(eq(int, gopclntab_find(&binary.functions, binary.etext, &function), -ENOENT));
	cr_expect(eq(int, gopclntab_find(&binary.functions, ~0ull, &function), -ENOENT));
	cr_expect(eq(int, gopclntab_function(&binary.functions, COUNT, &function), -ENOENT));
}

Test(gopclntab, sp_delta_of_each_run)
{
	static const struct { unsigned offset; int delta; } rows[] = {
		{ 0, 0 }, { 15, 0 }, { 16, 24 }, { 47, 24 }, { 48, 8 }, { 127, 8 },
	};
	struct gopclntab_function function;
	__s32 delta;

	open_synth(27);
	cr_assert(eq(int, gopclntab_function(&binary.functions, 3, &function), 0));
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_assert(eq(int, gopclntab_sp_delta(&binary.functions, &function,
						     function.entry + rows[i].offset, &delta), 0));
		cr_expect(eq(int, delta, rows[i].delta), "at %u", rows[i].offset);
	}
	cr_expect(eq(int, gopclntab_sp_delta(&binary.functions, &function, function.end, &delta),
		     -ENODATA));
}

/* Expect the logical frames at `offset` in a function: "name:line ..." */
static void expect_frames(unsigned offset, const char *expected)
{
	struct gopclntab_function function;
	struct gopclntab_frames frames;
	struct gopclntab_frame frame;
	char text[256] = "";

	cr_assert(eq(int, gopclntab_function(&binary.functions, 5, &function), 0));
	gopclntab_frames_begin(&binary.functions, &function, function.entry + offset, &frames);
	while (gopclntab_frames_next(&frames, &frame)) {
		size_t length = strlen(text);

		snprintf(text + length, sizeof(text) - length, "%s:%d%s ", frame.name, frame.line,
			 frame.is_inlined ? "i" : "");
		cr_expect(strcmp(frame.file, "main.go") == 0, "%s", frame.file);
	}
	cr_expect(strcmp(text, expected) == 0, "at %u: %s", offset, text);
}

Test(gopclntab, inlined_calls_innermost_first)
{
	static const unsigned minors[] = { 19, 20, 27 };

	for (unsigned i = 0; i < 3; i++) {
		open_synth(minors[i]);
		expect_frames(0, "f05:10 ");
		expect_frames(20, "main.outer:11i f05:10 ");
		expect_frames(40, "main.inner:12i main.outer:11i f05:10 ");
		expect_frames(60, "f05:13 ");
	}
}

Test(gopclntab, start_line_since_1_20)
{
	struct gopclntab_function function;

	open_synth(19);
	cr_assert(eq(int, gopclntab_function(&binary.functions, 0, &function), 0));
	cr_expect(eq(int, function.start_line, 0));
	open_synth(20);
	cr_assert(eq(int, gopclntab_function(&binary.functions, 0, &function), 0));
	cr_expect(eq(int, function.start_line, 9));
}

/* An inlined call that says that it is called by itself. */
Test(gopclntab, ends_a_circle_of_inlined_calls)
{
	struct gopclntab_function function;
	struct gopclntab_frames frames;
	struct gopclntab_frame frame;
	unsigned count = 0;

	open_synth(27);
	((__u8 *)binary.functions.funcdata.bytes)[16 + 8] = 20;
	cr_assert(eq(int, gopclntab_function(&binary.functions, 0, &function), 0));
	gopclntab_frames_begin(&binary.functions, &function, function.entry + 20, &frames);
	while (gopclntab_frames_next(&frames, &frame))
		count++;
	cr_expect(eq(int, frame.is_inlined, 0));
	cr_expect(count > 1 && count < 10000);
}

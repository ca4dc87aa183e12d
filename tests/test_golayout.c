/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probe/golayout: two witnesses and the judgement over them. That they speak the
 * truth about real programs is check-layout.tap's business; here they are made to
 * differ, and to be silent.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <string.h>

#include "probe/golayout.h"
#include "tests/gosynth.h"

TestSuite(golayout, .timeout = 20);

#define COUNT GOSYNTH_RUNTIME_COUNT

static struct gosynth synth;
static struct gobinary binary;
static struct goidshim_golayout layout;
static struct golayout_report report;

/* Resolve these functions as a program of Go 1.`minor`, with one replaced. */
static int resolve(unsigned minor, const char *name, const char *code)
{
	struct gosynth_function functions[COUNT];

	memcpy(functions, gosynth_runtime, sizeof(functions));
	for (unsigned i = 0; name && i < COUNT; i++) {
		if (strcmp(functions[i].name, name) == 0)
			functions[i].code = code;
	}
	gosynth_write(&synth, minor, functions, COUNT);
	cr_assert(eq(int, gobinary_find(&synth.image, &binary), 0));
	return golayout_resolve(&binary, &layout, &report);
}

Test(golayout, witnesses_agree)
{
	cr_assert(eq(int, resolve(27, NULL, NULL), 0));
	cr_expect(eq(uint, report.disagreements, 0));
	cr_expect(eq(int, layout.fields_proved, GOLAYOUT_FIELD_COUNT - 1));
	cr_expect(eq(long, layout.tls_offset, -8));
	cr_expect(eq(int, layout.go_minor, 27));
	cr_expect(eq(int, layout.g_goid, 152));
	cr_expect(eq(int, layout.m_curg, 184));
	cr_expect(eq(int, layout.m_ncgo, 328));
	for (unsigned i = GOLAYOUT_G_STACK_LO; i < GOLAYOUT_FIELD_COUNT; i++)
		cr_expect(eq(int, report.fields[i].origin, GOLAYOUT_ORIGIN_BOTH), "%s",
			  golayout_field_name(i));
}

Test(golayout, code_wins_and_the_table_is_not_trusted_further)
{
	/* curg elsewhere than in the table; and nothing proves startpc. */
	static const char elsewhere[] = "48 3b 83 c0 00 00 00 75 5d";

	cr_assert(eq(int, resolve(27, "runtime.systemstack", elsewhere), 0));
	cr_expect(eq(uint, report.disagreements, 1));
	cr_expect(eq(int, layout.m_curg, 192));
	cr_expect(eq(int, report.fields[GOLAYOUT_M_CURG].origin, GOLAYOUT_ORIGIN_CODE));
	/* newproc1's clue for labels speaks of another curg: it proves nothing now. */
	cr_expect(eq(uint, layout.g_labels, GOIDSHIM_NO_OFFSET));
	cr_expect(eq(int, report.fields[GOLAYOUT_G_LABELS].origin, GOLAYOUT_ORIGIN_NONE));
}

Test(golayout, table_fills_in_where_code_is_silent)
{
	cr_assert(eq(int, resolve(27, "runtime.systemstack", "90"), 0));
	cr_expect(eq(uint, report.disagreements, 0));
	cr_expect(eq(int, layout.m_curg, 184));
	cr_assert(eq(int, resolve(27, "runtime.isSystemGoroutine", "90"), 0));
	cr_expect(eq(int, layout.g_startpc, 304));
	cr_expect(eq(int, report.fields[GOLAYOUT_G_STARTPC].origin, GOLAYOUT_ORIGIN_TABLE));
}

Test(golayout, unknown_version_takes_what_is_proved)
{
	cr_assert(eq(int, resolve(31, "runtime.cgocallbackg", "90"), 0));
	cr_expect(not(report.version_in_table));
	cr_expect(golayout_table_source(31) == NULL);
	cr_expect(eq(uint, report.disagreements, 0));
	cr_expect(eq(int, layout.g_goid, 152));
	cr_expect(eq(uint, layout.m_is_extra_in_c, GOIDSHIM_NO_OFFSET));
	cr_expect(eq(int, report.fields[GOLAYOUT_G_GOID].origin, GOLAYOUT_ORIGIN_CODE));
}

Test(golayout, unknown_version_without_proof_is_refused)
{
	cr_expect(eq(int, resolve(31, "runtime.asmcgocall", "90"), -ENOTSUP));
	cr_expect(report.refusal != NULL);
	cr_expect(eq(int, resolve(31, "runtime.checkdead.func1", "90"), -ENOTSUP));
	cr_expect(strstr(report.refusal, "g.atomicstatus") != NULL);
}

Test(golayout, a_field_the_version_should_not_have_is_a_disagreement)
{
	/* 1.27's code in a program that calls itself 1.19. */
	cr_assert(eq(int, resolve(19, NULL, NULL), 0));
	cr_expect(report.disagreements > 0);
	cr_expect(eq(int, report.fields[GOLAYOUT_G_PARENT_GOID].origin, GOLAYOUT_ORIGIN_CODE));
	cr_expect(eq(int, layout.m_curg, 184));
}

Test(golayout, tls_offsets_that_differ_are_refused)
{
	static const char elsewhere[] =
		"49 89 5e 40 48 8d 5c 24 10 49 89 5e 38 48 8b 5d 00 49 89 5e 60 49 8b 5e 30"
		"64 4c 89 34 25 f0 ff ff ff";

	cr_expect(eq(int, resolve(27, "runtime.mcall", elsewhere), -ENOTSUP));
	cr_expect(report.refusal != NULL);
}

Test(golayout, tls_offset_outside_the_executables_block_is_refused)
{
	cr_assert(eq(int, resolve(27, NULL, NULL), 0));
	synth.image.tls_mem_size = 0x100;
	cr_expect(eq(int, golayout_resolve(&binary, &layout, &report), 0));
	/* Two instructions that agree on an impossible place. */
	gosynth_write(&synth, 27, gosynth_runtime, COUNT);
	for (unsigned i = 0; i + 4 < GOSYNTH_SIZE; i++) {
		if (memcmp(synth.text + i, "\x25\xf8\xff\xff\xff", 5) == 0)
			synth.text[i + 1] = 0x00;	/* -256 */
	}
	cr_expect(eq(int, golayout_resolve(&binary, &layout, &report), -ENOTSUP));
	synth.image.tls_mem_size = 0x100;
	cr_expect(eq(int, golayout_resolve(&binary, &layout, &report), 0));
	cr_expect(eq(long, layout.tls_offset, -256));
}

/* mov slot(%rip),%rcx; mov %fs:(%rcx),%rdi, over the executable's form of it. */
static void load_from_got(unsigned function, unsigned at)
{
	static const __u8 code[] = { 0x48, 0x8b, 0x0d, 0, 0, 0, 0, 0x64, 0x48, 0x8b, 0x39 };
	__u64 place = function * GOSYNTH_FUNCTION_SIZE + at;
	__s32 distance = (__s32)(GOSYNTH_GOT - (GOSYNTH_TEXT + place + 7));

	memcpy(synth.text + place, code, sizeof(code));
	memcpy(synth.text + place + 3, &distance, sizeof(distance));
}

Test(golayout, got_slot_is_read_in_a_process_only)
{
	resolve(27, NULL, NULL);
	/* Behind the other instructions of asmcgocall and mcall; the old accesses go. */
	for (unsigned i = 0; i + 9 < GOSYNTH_SIZE; i++) {
		if (synth.text[i] == 0x64 && synth.text[i + 4] == 0x25)
			memset(synth.text + i, 0x90, 9);
	}
	load_from_got(1, 100);
	load_from_got(2, 100);
	gosynth_poke(&synth, GOSYNTH_GOT, (__u64)-448);
	synth.image.is_executable = false;
	cr_assert(eq(int, golayout_resolve(&binary, &layout, &report), 0));
	cr_expect(report.tls_from_got);
	cr_expect(not(report.fields[GOLAYOUT_TLS_OFFSET].is_used));
	cr_expect(eq(long, layout.tls_offset, 0));
	synth.image.is_live = true;
	cr_assert(eq(int, golayout_resolve(&binary, &layout, &report), 0));
	cr_expect(eq(long, layout.tls_offset, -448));
	/* Not filled in, or nonsense. */
	gosynth_poke(&synth, GOSYNTH_GOT, 0);
	cr_expect(eq(int, golayout_resolve(&binary, &layout, &report), -ENOTSUP));
}

Test(golayout, every_field_has_a_name_and_every_row_a_source)
{
	for (unsigned i = 0; i < GOLAYOUT_FIELD_COUNT; i++)
		cr_expect(golayout_field_name(i) != NULL && strlen(golayout_field_name(i)) > 2);
	for (unsigned minor = 19; minor <= 27; minor++)
		cr_expect(golayout_table_source(minor) != NULL);
	cr_expect(golayout_table_source(18) == NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * golookup: what probe's reader says of a Go program's pcs, as text, for
 * check-layout.tap to hold against what the program's own runtime says.
 *
 *	golookup list BINARY		pcs worth asking about, one a line
 *	golookup find BINARY NAME	the link-time address of a function
 *	golookup pcs BINARY <pcs	pc entry spdelta name file:line, innermost
 *	golookup stacks BINARY <pcs	pc, then name file:line of each logical frame
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe/gobinary.h"
#include "tools/symbols/gofile.h"

/* Every place where the line or the SP delta changes, and the last pc but one. */
static void list_table(const struct gopclntab *tab, const struct gopclntab_function *function,
		       enum gopclntab_table table)
{
	struct gopclntab_ranges ranges;
	struct gopclntab_range range;

	gopclntab_ranges_begin(tab, function, table, &ranges);
	while (gopclntab_ranges_next(&ranges, &range)) {
		if (range.start + 1 < function->end)
			printf("%#" PRIx64 "\n", (uint64_t)range.start);
	}
}

static int list(const struct gopclntab *tab)
{
	struct gopclntab_function function;

	for (__u32 i = 0; i < tab->func_count; i++) {
		struct gopclntab_ranges ranges;
		struct gopclntab_range range;

		if (gopclntab_function(tab, i, &function))
			return 1;
		/* C code, and what the linker made, have no tables: the runtime would throw. */
		gopclntab_ranges_begin(tab, &function, GOPCLNTAB_SP, &ranges);
		if (!gopclntab_ranges_next(&ranges, &range))
			continue;
		list_table(tab, &function, GOPCLNTAB_SP);
		list_table(tab, &function, GOPCLNTAB_LINE);
	}
	return 0;
}

static int find(const struct gopclntab *tab, const char *name)
{
	struct gopclntab_function function;

	for (__u32 i = 0; i < tab->func_count; i++) {
		if (gopclntab_function(tab, i, &function) == 0 && strcmp(function.name, name) == 0)
			return printf("%#" PRIx64 "\n", (uint64_t)function.entry) < 0;
	}
	return 1;
}

/* Without type arguments, as the runtime prints it since Go 1.21. */
static void print_name(const char *name)
{
	const char *open = strchr(name, '['), *close = strrchr(name, ']');

	if (open && close > open)
		printf(" %.*s[...]%s", (int)(open - name), name, close + 1);
	else
		printf(" %s", name);
}

static void print_pc(const struct gopclntab *tab, __u64 pc, bool is_stack)
{
	struct gopclntab_function function;
	struct gopclntab_frames frames;
	struct gopclntab_frame frame;
	__s32 delta = -1;

	printf("%#" PRIx64, (uint64_t)pc);
	if (gopclntab_find(tab, pc, &function)) {
		puts(" not found");
		return;
	}
	if (gopclntab_sp_delta(tab, &function, pc, &delta))
		delta = -1;
	if (!is_stack)
		printf(" %#" PRIx64 " %d", (uint64_t)function.entry, delta);
	gopclntab_frames_begin(tab, &function, pc, &frames);
	while (gopclntab_frames_next(&frames, &frame)) {
		print_name(frame.name);
		printf(" %s:%d", frame.file, frame.line);
		if (!is_stack)
			break;
	}
	putchar('\n');
}

static int answer(const struct gopclntab *tab, bool is_stack)
{
	char line[8192];

	while (fgets(line, sizeof(line), stdin))
		print_pc(tab, strtoull(line, NULL, 0), is_stack);
	return 0;
}

int main(int argc, char **argv)
{
	static struct gofile file;
	struct gobinary binary;
	const char *error;

	if (argc < 3 || gofile_open(argv[2], &file, &error) ||
	    gobinary_find(&file.image, &binary))
		return 99;
	if (strcmp(argv[1], "list") == 0)
		return list(&binary.functions);
	if (strcmp(argv[1], "find") == 0 && argc == 4)
		return find(&binary.functions, argv[3]);
	if (strcmp(argv[1], "pcs") == 0 || strcmp(argv[1], "stacks") == 0)
		return answer(&binary.functions, argv[1][0] == 's');
	return 99;
}

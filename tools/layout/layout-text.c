/* SPDX-License-Identifier: BSD-2-Clause */
/* goidshim-layout's table for people. */
#include "tools/layout/layout.h"

#include <inttypes.h>

static void print_cell(FILE *out, bool is_known, __s64 value)
{
	if (is_known)
		fprintf(out, " %8" PRId64, (int64_t)value);
	else
		fprintf(out, " %8s", "-");
}

static void print_field(const struct layout *layout, enum golayout_field field, FILE *out)
{
	const struct golayout_entry *entry = &layout->report.fields[field];

	fprintf(out, "%-16s", golayout_field_name(field));
	print_cell(out, entry->is_used, entry->used);
	print_cell(out, entry->in_table, entry->table);
	print_cell(out, entry->in_code, entry->code);
	print_cell(out, layout->dwarf.is_known[field], layout->dwarf.value[field]);
	fputs(layout_disagrees(layout, field) ? "  DISAGREE\n" : "\n", out);
}

static void print_verdict(const struct layout *layout, FILE *out)
{
	const char *source = golayout_table_source(layout->binary.minor);

	if (source)
		fprintf(out, "\nThe table's row: %s\n", source);
	else
		fputs("\nThis Go version is not in the table: only what is proved is used.\n", out);
	if (layout->report.tls_from_got)
		fputs("The TLS offset is in a GOT slot that the dynamic linker fills in.\n", out);
	if (layout->report.refusal)
		fprintf(out, "Refused: %s.\n", layout->report.refusal);
	if (layout->disagreements)
		fprintf(out, "The sources disagree on %u of the fields.\n", layout->disagreements);
	else
		fputs("All sources agree.\n", out);
}

void layout_print_text(const struct layout *layout, FILE *out)
{
	const struct gobinary *binary = &layout->binary;
	const char *obstacle = layout_obstacle(layout);

	fprintf(out, "%s: %s, %s, %s\n", layout->path,
		binary->version[0] ? binary->version : "unknown Go version",
		binary->has_cgo ? "cgo" : "no cgo", layout_file_type(layout));
	if (obstacle)
		fprintf(out, "Note: %s.\n", obstacle);
	fprintf(out, "%u functions, Go code at 0x%" PRIx64 "-0x%" PRIx64 "\n\n",
		binary->functions.func_count, (uint64_t)binary->text, (uint64_t)binary->etext);
	fprintf(out, "%-16s %8s %8s %8s %8s\n", "", "used", "table", "code", "DWARF");
	for (unsigned i = 0; i < GOLAYOUT_FIELD_COUNT; i++)
		print_field(layout, i, out);
	print_verdict(layout, out);
}

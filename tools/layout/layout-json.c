/* SPDX-License-Identifier: BSD-2-Clause */
/* goidshim-layout's object for programs. */
#include "tools/layout/layout.h"

#include <elfutils/libdwelf.h>
#include <jansson.h>

static json_t *number_or_null(bool is_known, __s64 value)
{
	return is_known ? json_integer(value) : json_null();
}

static json_t *string_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

static json_t *field_object(const struct layout *layout, enum golayout_field field)
{
	const struct golayout_entry *entry = &layout->report.fields[field];

	return json_pack("{s:o, s:o, s:o, s:o, s:s, s:b}",
			 "used", number_or_null(entry->is_used, entry->used),
			 "table", number_or_null(entry->in_table, entry->table),
			 "code", number_or_null(entry->in_code, entry->code),
			 "dwarf", number_or_null(layout->dwarf.is_known[field],
						 layout->dwarf.value[field]),
			 "origin", golayout_origin_name(entry->origin),
			 "agree", !layout_disagrees(layout, field));
}

static json_t *build_id(const struct layout *layout)
{
	char text[2 * 64 + 1];
	const void *id;
	ssize_t size = dwelf_elf_gnu_build_id(layout->file.elf, &id);

	if (size <= 0 || size > 64)
		return json_null();
	for (ssize_t i = 0; i < size; i++)
		snprintf(text + 2 * i, 3, "%02x", ((const unsigned char *)id)[i]);
	return json_string(text);
}

void layout_print_json(const struct layout *layout, FILE *out)
{
	const struct gobinary *binary = &layout->binary;
	json_t *fields = json_object();
	json_t *root;

	for (unsigned i = 0; i < GOLAYOUT_FIELD_COUNT; i++)
		json_object_set_new(fields, golayout_field_name(i), field_object(layout, i));
	root = json_pack("{s:o, s:o, s:i, s:b, s:s, s:b, s:o, s:o, s:i, s:I, s:I, s:b, s:o, s:o,"
			 " s:i, s:b, s:o}",
			 "path", json_string(layout->path) ?: json_null(),
			 "go_version", string_or_null(binary->version[0] ? binary->version : NULL),
			 "go_minor", (int)binary->minor,
			 "cgo", binary->has_cgo,
			 "type", layout_file_type(layout),
			 "dynamic", layout->file.is_dynamic,
			 "build_id", build_id(layout),
			 "obstacle", string_or_null(layout_obstacle(layout)),
			 "functions", (int)binary->functions.func_count,
			 "text", (json_int_t)binary->text,
			 "etext", (json_int_t)binary->etext,
			 "tls_offset_at_run_time", layout->report.tls_from_got,
			 "table_source", string_or_null(golayout_table_source(binary->minor)),
			 "refusal", string_or_null(layout->report.refusal),
			 "disagreements", (int)layout->disagreements,
			 "agree", layout->disagreements == 0,
			 "fields", fields);
	json_dumpf(root, out, JSON_INDENT(2));
	fputc('\n', out);
	json_decref(root);
}

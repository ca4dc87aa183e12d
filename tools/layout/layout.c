/* SPDX-License-Identifier: BSD-2-Clause */
/* Gathering what the sources say of one file. See layout.h. */
#include "tools/layout/layout.h"

#include <errno.h>
#include <string.h>

static const char *explain(int err)
{
	switch (err) {
	case -ENOENT:
		return "there is no Go runtime in this file";
	case -ENOTSUP:
		return "built by a Go version whose tables have a form unknown here";
	default:
		return "Go's tables in this file are damaged";
	}
}

bool layout_disagrees(const struct layout *layout, enum golayout_field field)
{
	const struct golayout_entry *entry = &layout->report.fields[field];
	bool in_dwarf = layout->dwarf.is_known[field];

	if (entry->in_table && entry->in_code && entry->table != entry->code)
		return true;
	if (in_dwarf && entry->in_table && layout->dwarf.value[field] != entry->table)
		return true;
	if (in_dwarf && entry->in_code && layout->dwarf.value[field] != entry->code)
		return true;
	/* A field that the table says this version does not have. */
	return field != GOLAYOUT_TLS_OFFSET && layout->report.version_in_table &&
	       !entry->in_table && (entry->in_code || in_dwarf);
}

int layout_read(const char *path, struct layout *ret, const char **ret_error)
{
	int err;

	memset(ret, 0, sizeof(*ret));
	ret->path = path;
	err = gofile_open(path, &ret->file, ret_error);
	if (err)
		return err;
	err = gobinary_find(&ret->file.image, &ret->binary);
	if (err) {
		*ret_error = explain(err);
		gofile_close(&ret->file);
		return err;
	}
	golayout_resolve(&ret->binary, &ret->resolved, &ret->report);
	godwarf_read(&ret->file, &ret->dwarf);
	for (unsigned i = 0; i < GOLAYOUT_FIELD_COUNT; i++)
		ret->disagreements += layout_disagrees(ret, i);
	return 0;
}

void layout_close(struct layout *layout)
{
	gofile_close(&layout->file);
}

const char *layout_file_type(const struct layout *layout)
{
	if (!layout->file.is_shared)
		return "executable";
	return layout->file.image.is_executable ? "position-independent executable" :
						  "shared library";
}

const char *layout_obstacle(const struct layout *layout)
{
	if (!layout->file.is_dynamic && !layout->file.is_shared)
		return "statically linked: LD_PRELOAD has no effect on it";
	if (!layout->binary.has_cgo)
		return "without cgo Go sets the FS base itself: the shim stands down in it";
	return NULL;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * layout: everything goidshim-layout learns of one file, and the formats that it
 * is shown in. Signal-safe: no.
 */
#ifndef TOOLS_LAYOUT_H
#define TOOLS_LAYOUT_H

#include <stdio.h>

#include "tools/layout/godwarf.h"

struct layout {
	const char *path;
	struct gofile file;
	struct gobinary binary;
	struct golayout_report report;
	struct godwarf dwarf;
	struct goidshim_golayout resolved;	/* where report.refusal is NULL */
	unsigned disagreements;			/* fields on which any two of the sources differ */
};

/*
 * layout_read - examine the file at path
 *
 * Returns 0, or -errno with one clause in *ret_error that follows the path in a
 * message. A layout that golayout refused is still a success: see report.refusal.
 */
int layout_read(const char *path, struct layout *ret, const char **ret_error);
void layout_close(struct layout *layout);

/* Do the sources that speak of this field differ? */
bool layout_disagrees(const struct layout *layout, enum golayout_field field);

/* "executable", "position-independent executable", "shared library". */
const char *layout_file_type(const struct layout *layout);

/* What keeps goidshim from working in this program, or NULL. */
const char *layout_obstacle(const struct layout *layout);

/* The formats. */
void layout_print_text(const struct layout *layout, FILE *out);
void layout_print_json(const struct layout *layout, FILE *out);
void layout_print_c(const struct layout *layout, FILE *out);

#endif

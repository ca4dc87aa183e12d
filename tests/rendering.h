/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an exporter prints for a ring file: the path that goidshim-dump takes,
 * without its command line.
 */
#ifndef TESTS_RENDERING_H
#define TESTS_RENDERING_H

#include "tools/formats/export.h"

/*
 * Reads the ring at `path` and renders it to `out`. Returns 0 and whether parts
 * were skipped, or -errno with the reader's words in *ret_why.
 */
int rendering_write(const char *path, const struct exporter *exporter, FILE *out,
		    bool *ret_damaged, const char **ret_why);

/* The same as a text in memory, to be freed after 0. */
int rendering_make(const char *path, const struct exporter *exporter, char **ret_text,
		   bool *ret_damaged, const char **ret_why);

#endif

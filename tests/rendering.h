/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an exporter prints for a ring file, as text in memory: the path that
 * goidshim-dump takes, without its command line.
 */
#ifndef TESTS_RENDERING_H
#define TESTS_RENDERING_H

#include "tools/export.h"

/*
 * Reads the ring at `path` and renders it. Returns 0 with a text to free and
 * whether parts were skipped, or -errno with the reader's words in *ret_why.
 */
int rendering_make(const char *path, const struct exporter *exporter, char **ret_text,
		   bool *ret_damaged, const char **ret_why);

#endif

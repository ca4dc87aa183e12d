/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * summary: a line or two about a finished ring, for goidshim-record. The full
 * account is goidshim-dump's. Ordinary code.
 */
#ifndef TOOLS_SUMMARY_H
#define TOOLS_SUMMARY_H

#include <stdio.h>

/* Returns 0, or -errno if there is no ring at `path` or it cannot be read. */
int summary_print(FILE *out, const char *path);

/*
 * Summarizes each ring of this user in `folder` that was begun at or after
 * `since_ns` (CLOCK_MONOTONIC). Returns how many.
 */
int summary_print_since(FILE *out, const char *folder, unsigned long long since_ns);

#endif

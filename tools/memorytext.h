/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * C memory for people: how much, and three tables of who has it: by goroutine,
 * by the function that goroutines started in, by call site. A part of the text
 * report, and all of `goidshim-dump --leaks`. Signal-safe: no.
 */
#ifndef TOOLS_MEMORYTEXT_H
#define TOOLS_MEMORYTEXT_H

#include "tools/export.h"

/* Prints it; c->memory is not NULL, and is sorted by this. Returns 0 or -ENOMEM. */
int memorytext_put(const struct export_context *c);

#endif

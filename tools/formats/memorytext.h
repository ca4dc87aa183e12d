/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * C memory for people: how much, and three tables of who has it: by goroutine,
 * by the function that goroutines started in, by call site. A part of the text
 * report, and all of `goidshim-dump --leaks`. Signal-safe: no.
 */
#ifndef TOOLS_MEMORYTEXT_H
#define TOOLS_MEMORYTEXT_H

#include "tools/formats/export.h"
#include "tools/profile/memory.h"

/* Prints it; the memory is sorted. Returns 0 or -ENOMEM. */
int memorytext_put(const struct export_context *c, const struct memory *memory);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lines of folded stacks: "root;caller;leaf", and behind it what the caller
 * knows of that stack. Signal-safe: no.
 */
#ifndef TOOLS_FOLDEDLINES_H
#define TOOLS_FOLDEDLINES_H

#include <stdio.h>

#include "tools/profile/calltree.h"

/* Writes the line of a node, or nothing; `stack` is `size` bytes of text. */
typedef void foldedlines_line(FILE *out, const char *stack, size_t size, uint32_t node,
			      const void *state);

/* Calls `put` for every node of a sorted tree but its root, in order. Returns 0 or -ENOMEM. */
int foldedlines_put(FILE *out, const struct calltree *tree, char *const *texts,
		    foldedlines_line *put, const void *state);

#endif

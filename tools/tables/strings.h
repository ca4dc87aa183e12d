/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each different text once, with a number; number 0 is the empty text.
 * Signal-safe: no.
 */
#ifndef TOOLS_STRINGS_H
#define TOOLS_STRINGS_H

#include "tools/tables/hashindex.h"

struct strings {
	char **texts;
	size_t count;
	size_t room;
	struct hashindex index;
};

/* Returns 0 or -ENOMEM. */
int strings_init(struct strings *strings);
void strings_free(struct strings *strings);

/* The number of `text` (NULL means ""). Returns 0 or -ENOMEM. */
int strings_add(struct strings *strings, const char *text, uint32_t *ret_id);

#endif

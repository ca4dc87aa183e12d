/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON written as it is produced, for output that is too large to be held as a
 * tree of values. Signal-safe: no.
 */
#ifndef TOOLS_JSON_H
#define TOOLS_JSON_H

#include <stdio.h>

/*
 * Writes printable text (see printable.h) as a JSON string. Its `<` is escaped,
 * so that no text can end the script element of an HTML page.
 */
void json_put_string(FILE *out, const char *text);

#endif

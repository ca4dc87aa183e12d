/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text from a ring or an ELF file, made fit to print: valid UTF-8 without
 * control characters, so that a hostile name can neither drive a terminal nor
 * break JSON.
 */
#ifndef TOOLS_PRINTABLE_H
#define TOOLS_PRINTABLE_H

#include <stddef.h>

/* Copies what fits in `size` bytes (> 0) with the NUL; '?' for what is not text. Returns `to`. */
char *printable_copy(char *to, size_t size, const char *from);

/* Columns that a printable text takes. */
size_t printable_width(const char *text);

/* The longest tail of a printable text that is at most `width` columns wide. */
const char *printable_tail(const char *text, size_t width);

#endif

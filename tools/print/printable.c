/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/print/printable.h"

#include <stdbool.h>
#include <string.h>

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* Bytes of the printable character at `text`; 0 if there is none. */
static size_t character_size(const char *text)
{
	const unsigned char *c = (const unsigned char *)text;

	if (c[0] >= 0x20 && c[0] < 0x7f)
		return 1;
	/* U+00A0 on: below are the C1 controls. No overlong forms, no surrogates. */
	if (c[0] >= 0xc2 && c[0] < 0xe0 && is_continuation(text[1]))
		return c[0] > 0xc2 || c[1] >= 0xa0 ? 2 : 0;
	if (c[0] >= 0xe0 && c[0] < 0xf0 && is_continuation(text[1]) && is_continuation(text[2]))
		return (c[0] > 0xe0 || c[1] >= 0xa0) && (c[0] != 0xed || c[1] < 0xa0) ? 3 : 0;
	if (c[0] >= 0xf0 && c[0] < 0xf5 && is_continuation(text[1]) && is_continuation(text[2]) &&
	    is_continuation(text[3]))
		return (c[0] > 0xf0 || c[1] >= 0x90) && (c[0] < 0xf4 || c[1] < 0x90) ? 4 : 0;
	return 0;
}

char *printable_copy(char *to, size_t size, const char *from)
{
	size_t used = 0;

	while (*from) {
		size_t n = character_size(from);

		if (used + (n ? n : 1) >= size)
			break;
		if (n == 0) {
			to[used++] = '?';
			from++;
		} else {
			memcpy(to + used, from, n);
			used += n;
			from += n;
		}
	}
	to[used] = '\0';
	return to;
}

size_t printable_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += !is_continuation(*text);
	return width;
}

const char *printable_tail(const char *text, size_t width)
{
	for (size_t have = printable_width(text); have > width; have--)
		do
			text++;
		while (is_continuation(*text));
	return text;
}

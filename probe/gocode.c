/* SPDX-License-Identifier: BSD-2-Clause */
/* Matching patterns against machine code. See gocode.h for their syntax. */
#include "probe/gocode.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static int hex_digit(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

static bool half_matches(char pattern, __u8 half)
{
	return pattern == '.' || hex_digit(pattern) == half;
}

static __s32 read_operand(const __u8 *bytes, unsigned size)
{
	__s32 word = 0;

	if (size == 1)
		return (__s8)bytes[0];
	memcpy(&word, bytes, size);
	return word;
}

static bool matches(const char *pattern, const __u8 *bytes, const __u8 *end, __s32 *ret_values)
{
	while (*pattern) {
		if (*pattern == ' ') {
			pattern++;
		} else if (*pattern == '<') {
			unsigned size = hex_digit(pattern[1]);

			if ((__u64)(end - bytes) < size)
				return false;
			*ret_values++ = read_operand(bytes, size);
			bytes += size;
			pattern += 3;
		} else {
			if (bytes == end || !half_matches(pattern[0], *bytes >> 4) ||
			    !half_matches(pattern[1], *bytes & 15))
				return false;
			bytes++;
			pattern += 2;
		}
	}
	return true;
}

__s64 gocode_search(const struct gocode *code, const char *pattern, __u64 from,
		    __s32 ret_values[static GOCODE_MAX_VALUES])
{
	for (__u64 i = from; i < code->size; i++) {
		if (matches(pattern, code->bytes + i, code->bytes + code->size, ret_values))
			return (__s64)i;
	}
	return -ENOENT;
}

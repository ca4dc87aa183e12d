/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gocode: find a few instructions in machine code and read their operands.
 *
 * A pattern is text, so that a table of patterns can be read beside a
 * disassembly. Blanks are free, and the rest is
 *
 *	4c .b		two hex digits are one byte; a dot is any half byte
 *	<4>		a 32-bit operand, sign-extended: the next value
 *	<1>		an 8-bit operand, sign-extended: the next value
 *	<0>		no bytes: the next value is 0 (an operand without displacement)
 *
 * Ordinary code; allocates nothing; safe on hostile code bytes.
 */
#ifndef PROBE_GOCODE_H
#define PROBE_GOCODE_H

#include <linux/types.h>

#define GOCODE_MAX_VALUES 4

/* Bytes of code to search. */
struct gocode {
	const __u8 *bytes;
	__u64 size;
};

/*
 * gocode_search - the first match at or after `from`
 *
 * Returns the match's offset and its operands in ret_values, or -ENOENT.
 * A pattern has at most GOCODE_MAX_VALUES operands.
 */
__s64 gocode_search(const struct gocode *code, const char *pattern, __u64 from,
		    __s32 ret_values[static GOCODE_MAX_VALUES]);

#endif

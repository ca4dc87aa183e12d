/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads .eh_frame's bytes: numbers and pointers in the encodings that DWARF has
 * for them. Every read stays inside the bounds that the reader was opened with
 * and goes through peek, for what is at those addresses may be any program's. One
 * that cannot be done gives 0 and leaves `bad` set, to be looked at when convenient.
 *
 * Signal-safe: all of it.
 */
#ifndef SHIM_EHBYTES_SIG_H
#define SHIM_EHBYTES_SIG_H

#include <stdbool.h>

#include <linux/types.h>

#include "probe/peek.sig.h"

/* Pointer encodings of .eh_frame (DW_EH_PE_*). */
enum {
	PE_ABSPTR = 0x00,
	PE_ULEB128 = 0x01,
	PE_UDATA2 = 0x02,
	PE_UDATA4 = 0x03,
	PE_UDATA8 = 0x04,
	PE_SLEB128 = 0x09,
	PE_SDATA2 = 0x0a,
	PE_SDATA4 = 0x0b,
	PE_SDATA8 = 0x0c,
	PE_FORMAT = 0x0f,
	PE_PCREL = 0x10,
	PE_DATAREL = 0x30,
	PE_RELATIVE = 0x70,
	PE_INDIRECT = 0x80,
	PE_OMIT = 0xff,
	PE_SORTED_TABLE = PE_DATAREL | PE_SDATA4,
};

struct ehbytes {
	__u64 at;		/* the next byte, run-time address */
	__u64 end;
	__u64 window_at;	/* eight bytes around it, cached */
	__u64 window;
	bool bad;		/* a read left its bounds, or an encoding made no sense */
};

struct ehbytes ehbytes_open(__u64 at, __u64 end);

static inline __u8 ehbytes_u8(struct ehbytes *b)
{
	__u64 at = b->at;

	if (at >= b->end) {
		b->bad = true;
		return 0;
	}
	/* A word that begins on eight bytes never crosses into another page. */
	if ((at & ~7ull) != b->window_at) {
		if (!peek_u64(at & ~7ull, &b->window)) {
			b->bad = true;
			return 0;
		}
		b->window_at = at & ~7ull;
	}
	b->at = at + 1;
	return (__u8)(b->window >> (at & 7) * 8);
}

__u64 ehbytes_fixed(struct ehbytes *b, unsigned bytes); /* little-endian */
__u64 ehbytes_uleb(struct ehbytes *b);
__s64 ehbytes_sleb(struct ehbytes *b);
void ehbytes_skip(struct ehbytes *b, __u64 bytes);

/* A value in the format of `encoding`, whatever it may be relative to. */
__u64 ehbytes_format(struct ehbytes *b, __u8 encoding);

/* A pointer, made absolute; `data` is what PE_DATAREL counts from. */
__u64 ehbytes_address(struct ehbytes *b, __u8 encoding, __u64 data);

#endif

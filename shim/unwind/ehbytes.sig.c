/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/unwind/ehbytes.sig.h"

struct ehbytes ehbytes_open(__u64 at, __u64 end)
{
	struct ehbytes b;

	b.at = at;
	b.end = end;
	b.window_at = 1;	/* no window: never a multiple of 8 */
	b.bad = at > end;
	return b;
}

__u64 ehbytes_fixed(struct ehbytes *b, unsigned bytes)
{
	__u64 value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value |= (__u64)ehbytes_u8(b) << i * 8;
	return value;
}

/* The bits of a LEB128 number; how many its bytes had room for, and the last byte. */
static __u64 take_leb(struct ehbytes *b, unsigned *ret_bits, __u8 *ret_last)
{
	__u64 value = 0;
	unsigned shift = 0;
	__u8 byte;

	do {
		byte = ehbytes_u8(b);
		if (shift < 64)
			value |= (__u64)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80 && !b->bad);
	*ret_bits = shift;
	*ret_last = byte;
	return value;
}

__u64 ehbytes_uleb(struct ehbytes *b)
{
	unsigned bits;
	__u8 last;

	return take_leb(b, &bits, &last);
}

__s64 ehbytes_sleb(struct ehbytes *b)
{
	unsigned bits;
	__u8 last;
	__u64 value = take_leb(b, &bits, &last);

	if (bits < 64 && last & 0x40)
		value |= ~0ull << bits;
	return (__s64)value;
}

void ehbytes_skip(struct ehbytes *b, __u64 bytes)
{
	if (bytes > b->end - b->at)
		b->bad = true;
	else
		b->at += bytes;
}

__u64 ehbytes_format(struct ehbytes *b, __u8 encoding)
{
	switch (encoding & PE_FORMAT) {
	case PE_ABSPTR:
	case PE_UDATA8:
	case PE_SDATA8:
		return ehbytes_fixed(b, 8);
	case PE_UDATA4:
		return ehbytes_fixed(b, 4);
	case PE_SDATA4:
		return (__u64)(__s64)(__s32)ehbytes_fixed(b, 4);
	case PE_UDATA2:
		return ehbytes_fixed(b, 2);
	case PE_SDATA2:
		return (__u64)(__s64)(__s16)ehbytes_fixed(b, 2);
	case PE_ULEB128:
		return ehbytes_uleb(b);
	case PE_SLEB128:
		return (__u64)ehbytes_sleb(b);
	default:
		b->bad = true;
		return 0;
	}
}

__u64 ehbytes_address(struct ehbytes *b, __u8 encoding, __u64 data)
{
	__u64 at = b->at;
	__u64 value = ehbytes_format(b, encoding);

	switch (encoding & (PE_RELATIVE | PE_INDIRECT)) {
	case 0:
		return value;
	case PE_PCREL:
		return at + value;
	case PE_DATAREL:
		return data + value;
	default:
		b->bad = true;
		return 0;
	}
}

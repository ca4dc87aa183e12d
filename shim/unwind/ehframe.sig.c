/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/unwind/ehframe.sig.h"

#include "probe/peek.sig.h"

/* A CIE or FDE at `at`: where its contents begin and end. False at the terminator. */
static bool entry_bounds(const struct ehframe_section *section, __u64 at, __u64 *ret_begin,
			 __u64 *ret_end)
{
	struct ehbytes in = ehbytes_open(at, section->hi);
	__u64 length;

	if (at < section->lo)
		return false;
	length = ehbytes_fixed(&in, 4);
	if (length == 0xffffffff)
		length = ehbytes_fixed(&in, 8);
	if (in.bad || length < 4 || length > section->hi - in.at)
		return false;
	*ret_begin = in.at;
	*ret_end = in.at + length;
	return true;
}

bool ehframe_next_entry(const struct ehframe_section *section, __u64 *at, __u64 *ret_entry)
{
	__u64 begin, end;

	if (!entry_bounds(section, *at, &begin, &end))
		return false;
	*ret_entry = *at;
	*at = end;
	return true;
}

static void take_augmentation(struct ehbytes *in, const char *letters, struct cfiprogram_cie *cie)
{
	__u64 size = ehbytes_uleb(in);
	__u64 end = in->at + size;

	cie->has_augmentation = true;
	if (in->bad || size > in->end - in->at) {
		in->bad = true;
		return;
	}
	for (const char *c = letters; *c != '\0' && !in->bad; c++) {
		if (*c == 'R')
			cie->encoding = ehbytes_u8(in);
		else if (*c == 'P')
			ehbytes_format(in, ehbytes_u8(in));
		else if (*c == 'L')
			ehbytes_u8(in);
		else if (*c == 'S')
			cie->signal_frame = true;
		else
			in->bad = *c != 'B';
	}
	in->at = end;
}

static bool cie_read(const struct ehframe_section *section, __u64 at, struct cfiprogram_cie *cie)
{
	struct ehbytes in;
	__u64 begin, end;
	char letters[8];
	unsigned i = 0;
	__u8 version;

	if (cie->at == at && at != 0)
		return true;
	*cie = (struct cfiprogram_cie){ .encoding = PE_ABSPTR };
	if (!entry_bounds(section, at, &begin, &end))
		return false;
	in = ehbytes_open(begin, end);
	if (ehbytes_fixed(&in, 4) != 0)
		return false;
	version = ehbytes_u8(&in);
	do
		letters[i] = (char)ehbytes_u8(&in);
	while (letters[i] != '\0' && ++i < sizeof(letters) && !in.bad);
	cie->code_align = ehbytes_uleb(&in);
	cie->data_align = ehbytes_sleb(&in);
	if ((version == 1 ? ehbytes_u8(&in) : ehbytes_uleb(&in)) != CFI_PC)
		return false;
	if ((version != 1 && version != 3) || in.bad || i == sizeof(letters) ||
	    (letters[0] != 'z' && letters[0] != '\0'))
		return false;
	if (letters[0] == 'z')
		take_augmentation(&in, letters + 1, cie);
	cie->initial = in.at;
	cie->end = end;
	if (in.bad || !cfiprogram_run_initial(cie))
		return false;
	cie->at = at;
	return true;
}

bool ehframe_open(const struct ehframe_section *section, __u64 fde, struct cfiprogram_cie *cie,
		  struct cfiprogram *ret)
{
	__u64 begin, end, cie_at;

	if (!entry_bounds(section, fde, &begin, &end))
		return false;
	ret->in = ehbytes_open(begin, end);
	cie_at = ehbytes_fixed(&ret->in, 4);
	if (cie_at == 0 || cie_at > begin - section->lo)
		return false;
	if (!cie_read(section, begin - cie_at, cie)) {
		cie->at = 0;
		return false;
	}
	ret->start = ehbytes_address(&ret->in, cie->encoding, 0);
	ret->limit = ret->start + ehbytes_format(&ret->in, cie->encoding);
	if (cie->has_augmentation)
		ehbytes_skip(&ret->in, ehbytes_uleb(&ret->in));
	ret->location = ret->start;
	ret->cie = cie;
	ret->rule = cie->rule;
	ret->states = 0;
	ret->saves_rax = false;
	return !ret->in.bad && ret->limit > ret->start;
}

bool ehframe_header(const struct ehframe_section *section, __u64 *ret_eh_frame, __u64 *ret_table,
		    __u32 *ret_count)
{
	struct ehbytes in = ehbytes_open(section->hdr, section->hi);
	__u8 version = ehbytes_u8(&in);
	__u8 frame_encoding = ehbytes_u8(&in);
	__u8 count_encoding = ehbytes_u8(&in);
	__u8 table_encoding = ehbytes_u8(&in);
	__u64 count = 0;

	*ret_eh_frame = ehbytes_address(&in, frame_encoding, section->hdr);
	if (count_encoding != PE_OMIT)
		count = ehbytes_address(&in, count_encoding, section->hdr);
	if (in.bad || version != 1 || section->hdr < section->lo)
		return false;
	if (table_encoding != PE_SORTED_TABLE || count > (section->hi - in.at) / 8)
		count = 0;
	*ret_table = in.at;
	*ret_count = (__u32)count;
	return true;
}

/*
 * The last entry of the search table whose function begins at or before pc. The
 * table is pairs of __s32, relative to the header: function, entry.
 */
static bool search(const struct ehframe_section *section, __u64 pc, __u64 *ret_function,
		   __u64 *ret_fde)
{
	__u64 eh_frame, table, pair;
	__u32 low = 0, high;

	if (!ehframe_header(section, &eh_frame, &table, &high) || high == 0)
		return false;
	while (high - low > 1) {
		__u32 middle = low + (high - low) / 2;

		if (!peek_u64(table + middle * 8ull, &pair))
			return false;
		if (section->hdr + (__u64)(__s64)(__s32)pair <= pc)
			low = middle;
		else
			high = middle;
	}
	if (!peek_u64(table + low * 8ull, &pair))
		return false;
	*ret_function = section->hdr + (__u64)(__s64)(__s32)pair;
	*ret_fde = section->hdr + (__u64)((__s64)pair >> 32);
	return true;
}

bool ehframe_find(const struct ehframe_section *section, __u64 pc, __u64 *ret_fde)
{
	__u64 function;

	return search(section, pc, &function, ret_fde);
}

bool ehframe_has_function(const struct ehframe_section *section, __u64 address)
{
	__u64 function, fde;

	return search(section, address, &function, &fde) && function == address;
}

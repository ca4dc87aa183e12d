/* SPDX-License-Identifier: BSD-2-Clause */
/* Lookups in Go's function table. See gopclntab.sig.h for the contract. */
#include "probe/gopclntab.sig.h"

#include <asm/errno.h>

#define BUCKET_PCS	4096	/* pcs that one findfunctab bucket covers */
#define BUCKET_SIZE	20	/* u32 base index, then 16 one-byte increments */
#define SUBBUCKET_PCS	256
#define NO_FUNCDATA	0xffffffffu

/* A function's record: the fields at the same place in every version, then the rest. */
#define RECORD_ENTRY	0
#define RECORD_NAME	4
#define RECORD_PCSP	16
#define RECORD_PCFILE	20
#define RECORD_PCLN	24
#define RECORD_NPCDATA	28
#define RECORD_CU	32
#define RECORD_TAIL	36	/* startLine (1.20+), funcID, flag, pad, nfuncdata */

#define PCDATA_INL_TREE_INDEX	2
#define FUNCDATA_INL_TREE	3

static const char unknown[] = "?";

static __u32 load_u32(const __u8 *p)
{
	return p[0] | (__u32)p[1] << 8 | (__u32)p[2] << 16 | (__u32)p[3] << 24;
}

static const __u8 *bytes_at(const struct gopclntab_bytes *table, __u64 offset, __u64 size)
{
	if (offset > table->size || size > table->size - offset)
		return 0;
	return table->bytes + offset;
}

static int read_u32(const struct gopclntab_bytes *table, __u64 offset, __u32 *ret)
{
	const __u8 *p = bytes_at(table, offset, 4);

	if (!p)
		return -EBADMSG;
	*ret = load_u32(p);
	return 0;
}

/* A C string: the table's last byte is NUL, so every string in it ends inside it. */
static const char *string_at(const struct gopclntab_bytes *table, __u64 offset)
{
	return offset < table->size ? (const char *)table->bytes + offset : unknown;
}

static __u32 tail_size(const struct gopclntab *tab)
{
	return tab->has_start_line ? 8 : 4;
}

int gopclntab_function(const struct gopclntab *tab, __u32 index, struct gopclntab_function *ret)
{
	const __u8 *slot, *record, *tail;

	if (index >= tab->func_count)
		return -ENOENT;
	slot = bytes_at(&tab->functab, (__u64)index * 8, 12);
	if (!slot)
		return -EBADMSG;
	record = bytes_at(&tab->functab, load_u32(slot + 4), RECORD_TAIL + tail_size(tab));
	if (!record)
		return -EBADMSG;
	tail = record + RECORD_TAIL + tail_size(tab) - 4;
	ret->entry = tab->text + load_u32(slot);
	ret->end = tab->text + load_u32(slot + 8);
	ret->name = string_at(&tab->funcnames, load_u32(record + RECORD_NAME));
	ret->start_line = tab->has_start_line ? (__s32)load_u32(record + RECORD_TAIL) : 0;
	ret->func_id = tail[0];
	ret->flags = tail[1];
	ret->record = load_u32(slot + 4);
	return ret->entry < ret->end ? 0 : -EBADMSG;
}

/* Does ftab's entry `index` begin at or before `offset`? Callers keep index <= func_count. */
static bool begins_by(const struct gopclntab *tab, __u32 index, __u64 offset)
{
	const __u8 *slot = bytes_at(&tab->functab, (__u64)index * 8, 4);

	return slot && load_u32(slot) <= offset;
}

static __u32 search_index(const struct gopclntab *tab, __u64 offset)
{
	__u32 low = 0, high = tab->func_count;

	while (high - low > 1) {
		__u32 middle = low + (high - low) / 2;

		if (begins_by(tab, middle, offset))
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* The linker's own hint: at most a few entries before the right one. */
static __u32 hinted_index(const struct gopclntab *tab, __u64 pc)
{
	__u64 x = pc - tab->min_pc, offset = pc - tab->text;
	const __u8 *bucket;
	__u32 index;

	bucket = bytes_at(&tab->buckets, x / BUCKET_PCS * BUCKET_SIZE, BUCKET_SIZE);
	if (!bucket)
		return search_index(tab, offset);
	index = load_u32(bucket) + bucket[4 + x % BUCKET_PCS / SUBBUCKET_PCS];
	if (index >= tab->func_count || !begins_by(tab, index, offset))
		return search_index(tab, offset);
	while (index + 1 < tab->func_count && begins_by(tab, index + 1, offset))
		index++;
	return index;
}

int gopclntab_find(const struct gopclntab *tab, __u64 pc, struct gopclntab_function *ret)
{
	int err;

	if (pc < tab->min_pc || pc < tab->text || pc >= tab->etext)
		return -ENOENT;
	err = gopclntab_function(tab, hinted_index(tab, pc), ret);
	if (err)
		return err;
	return pc >= ret->entry && pc < ret->end ? 0 : -ENOENT;
}

static const __u8 *read_varint(const __u8 *p, const __u8 *end, __u32 *ret)
{
	__u32 value = 0;

	for (unsigned shift = 0; p < end && shift < 35; shift += 7) {
		__u8 byte = *p++;

		value |= (__u32)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = value;
			return p;
		}
	}
	return 0;
}

static void begin_at(const struct gopclntab *tab, __u64 entry, __u32 offset,
		     struct gopclntab_ranges *ret)
{
	ret->tab = tab;
	ret->next = offset ? bytes_at(&tab->pctab, offset, 1) : 0;
	ret->pc = entry;
	ret->value = -1;
	ret->is_first = true;
}

void gopclntab_ranges_begin(const struct gopclntab *tab, const struct gopclntab_function *function,
			    enum gopclntab_table table, struct gopclntab_ranges *ret)
{
	__u32 offset;

	if (read_u32(&tab->functab, (__u64)function->record + RECORD_PCSP + 4 * table, &offset))
		offset = 0;
	begin_at(tab, function->entry, offset, ret);
}

bool gopclntab_ranges_next(struct gopclntab_ranges *ranges, struct gopclntab_range *ret)
{
	const __u8 *end = ranges->tab->pctab.bytes + ranges->tab->pctab.size;
	const __u8 *p = ranges->next;
	__u32 delta, length;

	ranges->next = 0;
	if (!p)
		return false;
	p = read_varint(p, end, &delta);
	if (!p || (delta == 0 && !ranges->is_first))
		return false;
	p = read_varint(p, end, &length);
	if (!p)
		return false;
	ranges->value += (__s32)(delta >> 1 ^ -(delta & 1));
	ret->start = ranges->pc;
	ret->end = ranges->pc + length;
	ret->value = ranges->value;
	ranges->pc = ret->end;
	ranges->next = p;
	ranges->is_first = false;
	return true;
}

/* The value at pc of the table at `offset`. */
static int value_at(const struct gopclntab *tab, __u64 entry, __u32 offset, __u64 pc, __s32 *ret)
{
	struct gopclntab_ranges ranges;
	struct gopclntab_range range;

	begin_at(tab, entry, offset, &ranges);
	while (gopclntab_ranges_next(&ranges, &range)) {
		if (pc < range.end) {
			*ret = range.value;
			return 0;
		}
	}
	return -ENODATA;
}

static int field_value_at(const struct gopclntab *tab, const struct gopclntab_function *function,
			  unsigned field, __u64 pc, __s32 *ret)
{
	__u32 offset;
	int err = read_u32(&tab->functab, (__u64)function->record + field, &offset);

	return err ? err : value_at(tab, function->entry, offset, pc, ret);
}

int gopclntab_sp_delta(const struct gopclntab *tab, const struct gopclntab_function *function,
		       __u64 pc, __s32 *ret)
{
	return field_value_at(tab, function, RECORD_PCSP, pc, ret);
}

static const char *file_at(const struct gopclntab *tab, const struct gopclntab_function *function,
			   __u64 pc)
{
	__u32 cu, offset;
	__s32 file;

	if (field_value_at(tab, function, RECORD_PCFILE, pc, &file) || file < 0)
		return unknown;
	if (read_u32(&tab->functab, (__u64)function->record + RECORD_CU, &cu))
		return unknown;
	if (read_u32(&tab->cutab, ((__u64)cu + file) * 4, &offset) || offset == NO_FUNCDATA)
		return unknown;
	return string_at(&tab->filetab, offset);
}

/* The record's trailing arrays: npcdata offsets into pctab, then nfuncdata into funcdata. */
static int pcdata_offset(const struct gopclntab *tab, __u32 record, __u32 index, __u32 *ret)
{
	__u32 count;
	int err = read_u32(&tab->functab, (__u64)record + RECORD_NPCDATA, &count);

	if (err)
		return err;
	if (index >= count)
		return -ENODATA;
	return read_u32(&tab->functab,
			(__u64)record + RECORD_TAIL + tail_size(tab) + 4 * (__u64)index, ret);
}

static int funcdata_offset(const struct gopclntab *tab, __u32 record, __u32 index, __u32 *ret)
{
	__u64 tail_end = (__u64)record + RECORD_TAIL + tail_size(tab);
	const __u8 *count = bytes_at(&tab->functab, tail_end - 1, 1);
	__u32 pcdata_count;
	int err = read_u32(&tab->functab, (__u64)record + RECORD_NPCDATA, &pcdata_count);

	if (err || !count)
		return -EBADMSG;
	if (index >= *count)
		return -ENODATA;
	err = read_u32(&tab->functab, tail_end + 4 * ((__u64)pcdata_count + index), ret);
	if (err)
		return err;
	return *ret == NO_FUNCDATA ? -ENODATA : 0;
}

/* One row of a function's inlining tree, in the file and decoded. */
#define CALL_SIZE_1_18	20	/* i16 parent, u8 funcID, pad, i32 file, line, name, parentPc */
#define CALL_SIZE_1_20	16	/* u8 funcID, pad[3], i32 name, parentPc, startLine */

struct inlined_call {
	__u8 func_id;
	__u32 name;
	__u32 parent_pc;	/* of an instruction in the caller, from the function's entry */
	__s32 start_line;
};

static int read_call(const struct gopclntab *tab, __u32 record, __u32 row, struct inlined_call *ret)
{
	__u32 tree, size = tab->has_start_line ? CALL_SIZE_1_20 : CALL_SIZE_1_18;
	int err = funcdata_offset(tab, record, FUNCDATA_INL_TREE, &tree);
	const __u8 *call;

	if (err)
		return err;
	call = bytes_at(&tab->funcdata, tree + (__u64)row * size, size);
	if (!call)
		return -EBADMSG;
	ret->func_id = call[tab->has_start_line ? 0 : 2];
	ret->name = load_u32(call + (tab->has_start_line ? 4 : 12));
	ret->parent_pc = load_u32(call + (tab->has_start_line ? 8 : 16));
	ret->start_line = tab->has_start_line ? (__s32)load_u32(call + 12) : 0;
	return 0;
}

/* The inlined call that pc belongs to; not 0 if pc is in the function's own code. */
static int call_at(const struct gopclntab_frames *frames, struct inlined_call *ret)
{
	const struct gopclntab *tab = frames->tab;
	__u32 table, record = frames->function->record;
	__s32 row;
	int err = pcdata_offset(tab, record, PCDATA_INL_TREE_INDEX, &table);

	if (!err)
		err = value_at(tab, frames->function->entry, table, frames->pc, &row);
	if (!err && row < 0)
		err = -ENODATA;
	return err ? err : read_call(tab, record, (__u32)row, ret);
}

int gopclntab_check_inlining(const struct gopclntab *tab, const struct gopclntab_function *function)
{
	struct inlined_call call;
	const __u8 *name;
	int err = read_call(tab, function->record, 0, &call);

	if (err)
		return err;
	/* The very first name; but zeros are everywhere, so it proves nothing. */
	if (call.name == 0)
		return -ENODATA;
	/* A name begins behind the end of another, and the call is inside the function. */
	name = bytes_at(&tab->funcnames, call.name - 1, 2);
	if (!name || name[0] != 0 || name[1] == 0)
		return -EBADMSG;
	return call.parent_pc < function->end - function->entry ? 0 : -EBADMSG;
}

void gopclntab_frames_begin(const struct gopclntab *tab, const struct gopclntab_function *function,
			    __u64 pc, struct gopclntab_frames *ret)
{
	ret->tab = tab;
	ret->function = function;
	ret->pc = pc;
	ret->depth = 0;
}

/* A damaged tree could be a circle; no compiler inlines this deep. */
#define MAX_INLINE_DEPTH 1000

bool gopclntab_frames_next(struct gopclntab_frames *frames, struct gopclntab_frame *ret)
{
	const struct gopclntab_function *function = frames->function;
	const struct gopclntab *tab = frames->tab;
	struct inlined_call call;

	if (frames->pc == 0)
		return false;
	ret->file = file_at(tab, function, frames->pc);
	if (field_value_at(tab, function, RECORD_PCLN, frames->pc, &ret->line) || ret->line < 0)
		ret->line = 0;
	ret->is_inlined = frames->depth++ < MAX_INLINE_DEPTH && call_at(frames, &call) == 0;
	if (ret->is_inlined) {
		ret->name = string_at(&tab->funcnames, call.name);
		ret->func_id = call.func_id;
		ret->start_line = call.start_line;
		frames->pc = function->entry + call.parent_pc;
	} else {
		ret->name = function->name;
		ret->func_id = function->func_id;
		ret->start_line = function->start_line;
		frames->pc = 0;
	}
	return true;
}

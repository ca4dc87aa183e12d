/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/ring/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ring/image.h"
#include "tools/ring/notes.h"
#include "tools/ring/record.h"

/* How far a block has been read: `offset` bytes of its present `generation`. */
struct cursor {
	__u64 generation;
	__u32 offset;
};

/*
 * A block with records for this pass. The passes' blocks form a heap by `key`:
 * the order of claims, or the time of the first record that is not yet yielded.
 * `bytes` is filled when the block first comes to the top, so that a pass keeps
 * only those blocks in memory whose times overlap.
 */
struct pending {
	__u64 key;
	__u64 sequence;		/* breaks ties: order of claims */
	__u64 generation;
	unsigned char *bytes;
	const struct goidshim_record *record;	/* the next to yield, once loaded */
	__u32 block;
	__u32 lane;
	__u32 offset;		/* of the next record, from the end of the block's header */
	__u32 start;		/* offset of bytes[0] */
	__u32 end;
	bool is_cut;		/* by the end of the file: the last record may be half there */
};

struct reader {
	struct image image;
	struct notes notes;
	struct reader_totals totals;
	struct reader_damage damage;
	__u64 missed;

	struct cursor *cursors;		/* by block */
	__u64 *lane_sequence;		/* last sample seen of each lane */

	enum reader_order order;
	bool top_was_yielded;		/* the heap's top must be sorted in again */
	struct pending *heap;
	size_t heap_count;
	size_t heap_room;
	unsigned char *spare;		/* one block's buffer, kept for the next block */
	struct slot *slot;		/* a copy of one live or inside slot */
};

int reader_open(const char *path, const char **ret_why, struct reader **ret_reader)
{
	struct reader *reader = calloc(1, sizeof(*reader));
	int err = -ENOMEM;

	*ret_why = "needs more memory than there is";
	if (!reader)
		return err;
	err = image_open(path, &reader->image, ret_why);
	if (err)
		goto out_free;
	*ret_why = "needs more memory than there is";
	err = -ENOMEM;
	reader->cursors = calloc(reader->image.header.block_count + 1, sizeof(*reader->cursors));
	reader->lane_sequence =
		calloc(reader->image.header.lane_count + 1, sizeof(*reader->lane_sequence));
	if (!reader->cursors || !reader->lane_sequence)
		goto out_close;
	*ret_reader = reader;
	return 0;

out_close:
	free(reader->cursors);
	free(reader->lane_sequence);
	image_close(&reader->image);
out_free:
	free(reader);
	return err;
}

static void heap_clear(struct reader *reader)
{
	for (size_t i = 0; i < reader->heap_count; i++)
		free(reader->heap[i].bytes);
	reader->heap_count = 0;
	reader->top_was_yielded = false;
}

void reader_close(struct reader *reader)
{
	heap_clear(reader);
	free(reader->heap);
	free(reader->spare);
	free(reader->slot);
	free(reader->cursors);
	free(reader->lane_sequence);
	notes_free(&reader->notes);
	image_close(&reader->image);
	free(reader);
}

static void note_damage(struct reader *reader, enum reader_problem problem, __u64 times,
			__u64 bytes)
{
	reader->damage.times[problem] += times;
	reader->damage.bytes[problem] += bytes;
}

/* ---- the heap of blocks ---- */

static bool is_before(const struct pending *a, const struct pending *b)
{
	return a->key != b->key ? a->key < b->key : a->sequence < b->sequence;
}

static void heap_sink(struct reader *reader, size_t i)
{
	struct pending *heap = reader->heap;

	for (;;) {
		size_t child = 2 * i + 1;
		struct pending swap;

		if (child >= reader->heap_count)
			return;
		if (child + 1 < reader->heap_count && is_before(&heap[child + 1], &heap[child]))
			child++;
		if (!is_before(&heap[child], &heap[i]))
			return;
		swap = heap[i];
		heap[i] = heap[child];
		heap[child] = swap;
		i = child;
	}
}

static int heap_add(struct reader *reader, const struct pending *pending)
{
	if (reader->heap_count == reader->heap_room) {
		size_t room = reader->heap_room ? 2 * reader->heap_room : 64;
		void *grown = reallocarray(reader->heap, room, sizeof(*reader->heap));

		if (!grown)
			return -ENOMEM;
		reader->heap = grown;
		reader->heap_room = room;
	}
	reader->heap[reader->heap_count++] = *pending;
	return 0;
}

static void heap_build(struct reader *reader)
{
	for (size_t i = reader->heap_count / 2; i-- > 0;)
		heap_sink(reader, i);
}

static void heap_drop_top(struct reader *reader)
{
	struct pending *top = &reader->heap[0];

	if (!reader->spare)
		reader->spare = top->bytes;
	else
		free(top->bytes);
	*top = reader->heap[--reader->heap_count];
	heap_sink(reader, 0);
}

/* ---- the beginning of a pass ---- */

static void add_lane(struct reader_totals *totals, const struct goidshim_lane *lane)
{
	totals->owners += lane->owners;
	totals->records += lane->records;
	totals->samples += lane->samples;
	totals->periods += lane->periods;
	totals->rate_cpu_ns += lane->rate_cpu_ns;
	totals->rate_periods += lane->rate_periods;
	for (unsigned i = 0; i < GOIDSHIM_LOST_MAX; i++)
		totals->lost[i] += lane->lost[i];
}

static void read_lanes(struct reader *reader)
{
	const struct goidshim_header *h = &reader->image.header;
	__u32 count = h->lane_used < h->lane_count ? h->lane_used : h->lane_count;
	struct goidshim_lane lane;

	reader->totals = (struct reader_totals){ 0 };
	memcpy(reader->totals.lost, h->lost, sizeof(h->lost));
	reader->damage.times[READER_LANES_MISSING] = 0;
	for (__u32 i = 0; i < count; i++) {
		if (image_read(&reader->image, h->lanes_offset + (__u64)i * h->lane_size, &lane,
			       sizeof(lane)) != sizeof(lane)) {
			reader->damage.times[READER_LANES_MISSING] = count - i;
			break;
		}
		add_lane(&reader->totals, &lane);
	}
}

static __u64 block_offset(const struct reader *reader, __u32 block)
{
	const struct goidshim_header *h = &reader->image.header;

	return h->blocks_offset + (__u64)block * h->block_size;
}

static bool is_plausible(const struct reader *reader, const struct goidshim_block *block)
{
	const struct goidshim_header *h = &reader->image.header;

	return block->committed <= h->block_size - sizeof(*block) &&
	       block->committed % GOIDSHIM_RECORD_ALIGN == 0 && block->lane < h->lane_count &&
	       block->state <= GOIDSHIM_BLOCK_FULL;
}

/* The key of a block whose first unread record begins with these bytes. */
static __u64 first_key(const struct reader *reader, const struct goidshim_block *head,
		       const struct goidshim_thread *first)
{
	if (reader->order == READER_BY_CLAIM)
		return head->sequence;
	if (first->record.type == GOIDSHIM_RECORD_THREAD || record_has_sample(&first->record))
		return first->time_ns;
	/* Not to be yielded: to the top at once, to find one that is. */
	return 0;
}

/* Sorts a block in that has `head` as its header and unread records. */
static int add_pending(struct reader *reader, __u32 index, const struct goidshim_block *head,
		       __u32 start)
{
	struct goidshim_thread first = { 0 };
	struct pending pending = {
		.sequence = head->sequence,
		.generation = head->generation,
		.block = index,
		.lane = head->lane,
		.offset = start,
		.start = start,
		.end = head->committed,
	};

	if (reader->order == READER_BY_TIME)
		image_read(&reader->image, block_offset(reader, index) + sizeof(*head) + start,
			   &first, offsetof(struct goidshim_thread, fs_base));
	pending.key = first_key(reader, head, &first);
	return heap_add(reader, &pending);
}

static int scan_block(struct reader *reader, __u32 index, const struct goidshim_block *head)
{
	struct cursor *cursor = &reader->cursors[index];
	__u32 start = cursor->generation == head->generation ? cursor->offset & ~7u : 0;

	if (head->generation == 0)
		return 0;
	if (head->generation % 2 != 0) {
		reader->damage.claimed_blocks++;
		return 0;
	}
	if (cursor->generation == head->generation && head->committed == cursor->offset)
		return 0;
	cursor->generation = head->generation;
	cursor->offset = head->committed;
	if (!is_plausible(reader, head) || head->committed < start) {
		note_damage(reader, READER_BLOCK_HEADER, 1, reader->image.header.block_size);
		return 0;
	}
	return head->committed > start ? add_pending(reader, index, head, start) : 0;
}

static int scan_blocks(struct reader *reader)
{
	const struct goidshim_header *h = &reader->image.header;
	struct goidshim_block head;
	int err = 0;

	for (__u32 i = 0; i < h->block_count && !err; i++) {
		if (image_read(&reader->image, block_offset(reader, i), &head, sizeof(head)) !=
		    sizeof(head)) {
			reader->damage.times[READER_BLOCKS_MISSING] = h->block_count - i;
			break;
		}
		err = scan_block(reader, i, &head);
	}
	return err;
}

static void count_bad_notes(struct reader *reader)
{
	const struct notes *notes = &reader->notes;

	reader->damage.bytes[READER_NOTES_MISSING] = notes->missing_bytes;
	reader->damage.times[READER_NOTES_MISSING] = notes->missing_bytes > 0;
	reader->damage.bytes[READER_NOTES_BAD] = notes->bad_bytes;
	reader->damage.times[READER_NOTES_BAD] = notes->bad_records + (notes->bad_bytes > 0);
}

int reader_poll(struct reader *reader, enum reader_order order)
{
	int err;

	heap_clear(reader);
	reader->order = order;
	err = image_refresh(&reader->image);
	if (err)
		return err;
	/* Blocks before lanes: a loss that happens meanwhile is then counted. */
	err = scan_blocks(reader);
	if (err)
		return err;
	heap_build(reader);
	read_lanes(reader);
	err = notes_update(&reader->notes, &reader->image);
	count_bad_notes(reader);
	return err;
}

/* ---- the records of a pass ---- */

/* Copies the top's unread records, and looks whether they were overwritten meanwhile. */
static int load_top(struct reader *reader)
{
	struct pending *top = &reader->heap[0];
	__u64 at = block_offset(reader, top->block);
	__u32 size = top->end - top->start;
	__u64 generation = 0;
	size_t have;

	top->bytes = reader->spare ? reader->spare : malloc(reader->image.header.block_size);
	reader->spare = NULL;
	if (!top->bytes)
		return -ENOMEM;
	have = image_read(&reader->image, at + sizeof(struct goidshim_block) + top->start,
			  top->bytes, size);
	image_read(&reader->image, at + offsetof(struct goidshim_block, generation), &generation,
		   sizeof(generation));
	if (generation != top->generation) {
		reader->damage.claimed_blocks++;
		top->end = top->start;
	} else if (have < size) {
		note_damage(reader, READER_BLOCK_CUT, 1, size - have);
		top->end = top->start + (__u32)have;
		top->is_cut = true;
	}
	return 0;
}

/* The record at the top's offset, if it is one to yield; else steps over it. */
static const struct goidshim_record *check_next(struct reader *reader)
{
	struct pending *top = &reader->heap[0];
	__u32 left = top->end - top->offset;
	const struct goidshim_record *record =
		(const void *)(top->bytes + (top->offset - top->start));

	switch (record_check(record, left)) {
	case RECORD_GOOD:
		return record;
	case RECORD_UNKNOWN:
		reader->damage.unknown_records++;
		top->offset += record->size;
		return NULL;
	case RECORD_BAD_FIELDS:
		note_damage(reader, READER_RECORD_FIELDS, 1, record->size);
		top->offset += record->size;
		return NULL;
	case RECORD_BAD_SIZE:
		if (top->is_cut)
			note_damage(reader, READER_BLOCK_CUT, 0, left);
		else
			note_damage(reader, READER_RECORD_SIZE, 1, left);
		top->offset = top->end;
		return NULL;
	}
	return NULL;
}

/* Finds the top's next record, and puts the top where it then belongs. */
static void settle_top(struct reader *reader)
{
	struct pending *top = &reader->heap[0];
	const struct goidshim_record *record = NULL;

	while (!record && top->offset < top->end)
		record = check_next(reader);
	top->record = record;
	if (!record) {
		heap_drop_top(reader);
	} else if (reader->order == READER_BY_TIME) {
		top->key = ((const struct goidshim_thread *)record)->time_ns;
		heap_sink(reader, 0);
	}
}

static void follow_sequence(struct reader *reader, __u32 lane, const struct goidshim_sample *sample)
{
	__u64 *last = &reader->lane_sequence[lane];

	if (*last != 0 && sample->sequence > *last + 1)
		reader->missed += sample->sequence - *last - 1;
	if (sample->sequence > *last)
		*last = sample->sequence;
}

static void yield_top(struct reader *reader, struct reader_item *ret_item)
{
	struct pending *top = &reader->heap[0];

	*ret_item = (struct reader_item){ .lane = top->lane, .record = top->record };
	if (top->record->type == GOIDSHIM_RECORD_SAMPLE ||
	    top->record->type == GOIDSHIM_RECORD_WALL)
		follow_sequence(reader, top->lane, ret_item->sample);
	reader->top_was_yielded = true;
}

/*
 * A block that comes to the top may have to leave it again: once it is loaded,
 * because its first record was not good, and after each record.
 */
int reader_next(struct reader *reader, struct reader_item *ret_item)
{
	while (reader->heap_count > 0) {
		struct pending *top = &reader->heap[0];

		if (!top->bytes) {
			int err = load_top(reader);

			if (err)
				return err;
		} else if (reader->top_was_yielded) {
			reader->top_was_yielded = false;
			top->offset += top->record->size;
		} else {
			yield_top(reader, ret_item);
			return 1;
		}
		settle_top(reader);
	}
	return 0;
}

/* ---- live and inside slots ---- */

/* What both begin with; a record follows. */
struct slot {
	__u64 generation;
	__u32 state;
	__u32 reserved;
	struct goidshim_record record[];
};

_Static_assert(offsetof(struct goidshim_live, alloc) == sizeof(struct slot), "ring format");
_Static_assert(offsetof(struct goidshim_inside, wait) == sizeof(struct slot), "ring format");

static int make_slot(struct reader *reader)
{
	const struct goidshim_header *h = &reader->image.header;

	if (!reader->slot)
		reader->slot = malloc(h->live_size > h->inside_size ? h->live_size : h->inside_size);
	return reader->slot ? 0 : -ENOMEM;
}

/* Copies a slot; false unless it is in use, was not written meanwhile, and makes sense. */
static bool read_slot(struct reader *reader, __u64 at, __u32 size)
{
	struct slot *slot = reader->slot;
	__u64 generation = 0;

	if (image_read(&reader->image, at, slot, size) != size || slot->generation % 2 != 0 ||
	    slot->state != 1)
		return false;
	image_read(&reader->image, at, &generation, sizeof(generation));
	return generation == slot->generation &&
	       record_check(slot->record, size - sizeof(*slot)) == RECORD_GOOD;
}

int reader_next_live(struct reader *reader, __u32 *slot, const struct goidshim_alloc **ret_alloc)
{
	const struct goidshim_header *h = &reader->image.header;
	__u32 count = h->live_used < h->live_count ? h->live_used : h->live_count;

	if (*slot < count && make_slot(reader))
		return -ENOMEM;
	while (*slot < count) {
		__u64 at = h->live_offset + (__u64)(*slot)++ * h->live_size;

		if (read_slot(reader, at, h->live_size) &&
		    reader->slot->record->type == GOIDSHIM_RECORD_ALLOC) {
			*ret_alloc = (const struct goidshim_alloc *)reader->slot->record;
			return 1;
		}
	}
	return 0;
}

static bool is_wait(const struct goidshim_record *record)
{
	return record->type == GOIDSHIM_RECORD_LOCK || record->type == GOIDSHIM_RECORD_BLOCK;
}

/* A thread that has ended, or was killed, has left its slot as it was. */
static bool is_owner(const struct reader *reader, __u32 lane, __u32 tid)
{
	const struct goidshim_header *h = &reader->image.header;
	__u32 owner = 0;

	image_read(&reader->image,
		   h->lanes_offset + (__u64)lane * h->lane_size +
			   offsetof(struct goidshim_lane, owner_tid),
		   &owner, sizeof(owner));
	return owner == tid;
}

int reader_next_inside(struct reader *reader, __u32 *slot, const struct goidshim_wait **ret_wait)
{
	const struct goidshim_header *h = &reader->image.header;
	__u32 lanes = h->lane_used < h->lane_count ? h->lane_used : h->lane_count;
	__u32 count = h->inside_offset ? lanes : 0;

	if (*slot < count && make_slot(reader))
		return -ENOMEM;
	while (*slot < count) {
		__u32 lane = (*slot)++;
		__u64 at = h->inside_offset + (__u64)lane * h->inside_size;
		const struct goidshim_wait *wait = (const void *)reader->slot->record;

		if (read_slot(reader, at, h->inside_size) && is_wait(reader->slot->record) &&
		    is_owner(reader, lane, wait->sample.tid)) {
			*ret_wait = wait;
			return 1;
		}
	}
	return 0;
}

/* ---- what else is known ---- */

const struct goidshim_header *reader_header(const struct reader *reader)
{
	return &reader->image.header;
}

const struct reader_totals *reader_totals(const struct reader *reader)
{
	return &reader->totals;
}

__u64 reader_file_size(const struct reader *reader)
{
	return reader->image.file_size;
}

size_t reader_module_count(const struct reader *reader)
{
	return reader->notes.modules.count;
}

const struct goidshim_module *reader_module(const struct reader *reader, size_t i)
{
	return (const struct goidshim_module *)reader->notes.modules.records[i];
}

size_t reader_message_count(const struct reader *reader)
{
	return reader->notes.messages.count;
}

const struct goidshim_message *reader_message(const struct reader *reader, size_t i)
{
	return (const struct goidshim_message *)reader->notes.messages.records[i];
}

const struct reader_damage *reader_damage(const struct reader *reader)
{
	return &reader->damage;
}

bool reader_is_damaged(const struct reader *reader)
{
	for (unsigned i = 0; i < READER_PROBLEM_MAX; i++)
		if (reader->damage.times[i])
			return true;
	return false;
}

__u64 reader_missed(const struct reader *reader)
{
	return reader->missed;
}

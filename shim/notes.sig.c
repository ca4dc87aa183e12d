/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/notes.sig.h"

#include <stddef.h>

#include "shim/unwind/listing.sig.h"

static const struct ring *noted;
static __u64 reserved;		/* bytes of notes that somebody has, complete or not */

static struct goidshim_record *note_at(__u64 offset)
{
	const struct goidshim_header *h = noted->header;

	return (struct goidshim_record *)((unsigned char *)h + h->notes_offset + offset);
}

/* Space for a note, all zero, and where it is; NULL: there is no more. */
static void *reserve(__u32 size)
{
	__u64 offset = __atomic_load_n(&reserved, __ATOMIC_RELAXED);

	do {
		if (offset + size > noted->header->notes_size ||
		    ring_back(note_at(offset), size) < 0)
			return NULL;
	} while (!__atomic_compare_exchange_n(&reserved, &offset, offset + size, false,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return note_at(offset);
}

/*
 * A note is complete once its size is there. Who finds it so, in order, may be
 * its writer or the writer of one before it; both of them saw to theirs first.
 */
static void commit(struct goidshim_record *note, __u32 size)
{
	__u64 *committed = &noted->header->notes_committed;
	__u64 at;

	__atomic_store_n(&note->size, size, __ATOMIC_SEQ_CST);
	at = __atomic_load_n(committed, __ATOMIC_SEQ_CST);
	while (at < __atomic_load_n(&reserved, __ATOMIC_RELAXED)) {
		__u32 next = __atomic_load_n(&note_at(at)->size, __ATOMIC_SEQ_CST);

		if (next == 0)
			return;
		if (__atomic_compare_exchange_n(committed, &at, at + next, false,
						__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			at += next;
	}
}

static __u32 length_of(const char *text)
{
	__u32 length = 0;

	while (text[length] != '\0')
		length++;
	return length;
}

static void add_module(const struct module *m)
{
	const __u32 length = length_of(m->path);
	const __u32 size = (__u32)(sizeof(struct goidshim_module) + length + 8) / 8 * 8;
	struct goidshim_module *note = reserve(size);

	if (note == NULL)
		return;
	note->record.type = GOIDSHIM_RECORD_MODULE;
	note->time_ns = m->seen_ns;
	note->load_bias = m->bias;
	note->start = m->start & ~4095ull;
	note->end = m->end;
	note->inode = m->inode;
	note->device = m->device;
	note->file_size = m->file_size;
	note->mtime_ns = m->mtime_ns;
	note->index = m->index;
	note->build_id_size = m->build_id_size;
	__builtin_memcpy(note->build_id, m->build_id, sizeof(note->build_id));
	__builtin_memcpy(note->path, m->path, length);
	commit(&note->record, size);
}

void notes_start(const struct ring *ring)
{
	noted = ring;
	listing_tell(add_module);
}

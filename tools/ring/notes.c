/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/ring/notes.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ring/record.h"

/* Appends a private copy of `record`. The list doubles at powers of two. */
static int list_append(struct note_list *list, const struct goidshim_record *record)
{
	void *copy;

	if ((list->count & (list->count - 1)) == 0) {
		size_t room = list->count ? 2 * list->count : 1;
		void *grown = reallocarray(list->records, room, sizeof(*list->records));

		if (!grown)
			return -ENOMEM;
		list->records = grown;
	}
	copy = malloc(record->size);
	if (!copy)
		return -ENOMEM;
	list->records[list->count++] = memcpy(copy, record, record->size);
	return 0;
}

static void list_free(struct note_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->records[i]);
	free(list->records);
}

static int take_record(struct notes *notes, const struct goidshim_record *record)
{
	switch (record->type) {
	case GOIDSHIM_RECORD_MODULE:
		return list_append(&notes->modules, record);
	case GOIDSHIM_RECORD_MESSAGE:
		return list_append(&notes->messages, record);
	default:
		return 0;
	}
}

static int take_records(struct notes *notes, const unsigned char *bytes, size_t size)
{
	size_t offset = 0;
	int err = 0;

	while (offset < size && !err) {
		const struct goidshim_record *record = (const void *)(bytes + offset);
		enum record_verdict verdict = record_check(record, size - offset);

		if (verdict == RECORD_BAD_SIZE) {
			notes->bad_bytes += size - offset;
			break;
		}
		if (verdict == RECORD_BAD_FIELDS)
			notes->bad_records++;
		if (verdict == RECORD_GOOD)
			err = take_record(notes, record);
		offset += record->size;
	}
	return err;
}

int notes_update(struct notes *notes, const struct image *image)
{
	const struct goidshim_header *h = &image->header;
	__u64 end = h->notes_committed;
	unsigned char *bytes;
	size_t size, have;
	int err;

	/* As of now: later than the header, and than any record that was read since. */
	image_read(image, offsetof(struct goidshim_header, notes_committed), &end, sizeof(end));
	if (end > h->notes_size)
		end = h->notes_size;
	if (end <= notes->done)
		return 0;
	size = end - notes->done;
	bytes = malloc(size);
	if (!bytes)
		return -ENOMEM;
	have = image_read(image, h->notes_offset + notes->done, bytes, size);
	notes->missing_bytes += size - have;
	err = take_records(notes, bytes, have);
	notes->done = end;
	free(bytes);
	return err;
}

void notes_free(struct notes *notes)
{
	list_free(&notes->modules);
	list_free(&notes->messages);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The notes of a ring: the modules of the target and what the shim logged.
 * Notes are append-only, so what was read once stays, and is read once.
 */
#ifndef TOOLS_NOTES_H
#define TOOLS_NOTES_H

#include "tools/ring/image.h"

struct note_list {
	struct goidshim_record **records;	/* private copies, in the order of the notes */
	size_t count;
};

struct notes {
	struct note_list modules;		/* struct goidshim_module */
	struct note_list messages;		/* struct goidshim_message */
	__u64 done;		/* bytes of the notes region read so far */
	__u64 bad_records;	/* records with impossible contents, skipped */
	__u64 bad_bytes;	/* bytes behind a record with an impossible size */
	__u64 missing_bytes;	/* committed, but beyond the end of the file */
};

/* Reads what was appended since the last call. Returns 0 or -ENOMEM. */
int notes_update(struct notes *notes, const struct image *image);
void notes_free(struct notes *notes);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringwriter: writes a ring file from outside the target, for samples that the
 * kernel took. One writer and one lane, so none of the shim's care about
 * signals and threads; the same format to the byte. Ordinary code.
 */
#ifndef TOOLS_RINGWRITER_H
#define TOOLS_RINGWRITER_H

#include <stddef.h>

#include "goidshim/format.h"

struct ringwriter;

/*
 * ringwriter_create - make the file `path` and map it, unpublished
 *
 * `facts` is the header but for magic and geometry. An existing file is never
 * touched. Returns 0, or -errno: -EEXIST, -ENOSPC, ...
 */
int ringwriter_create(const char *path, const struct goidshim_header *facts,
		      struct ringwriter **ret);

/* Readers see the ring from here on. */
void ringwriter_publish(struct ringwriter *writer);

/* Unmaps; the file stays. */
void ringwriter_close(struct ringwriter *writer);

/* The live header and the one lane, for the counters that the caller keeps. */
struct goidshim_header *ringwriter_header(struct ringwriter *writer);
struct goidshim_lane *ringwriter_lane(struct ringwriter *writer);

/*
 * Space for a record of `size` bytes (multiple of 8, less than a block); the
 * oldest block is given up for it when the ring is full. Never fails. Readers
 * see the record after ringwriter_commit() with the same size.
 */
void *ringwriter_reserve(struct ringwriter *writer, __u32 size);
void ringwriter_commit(struct ringwriter *writer, __u32 size);

/* Appends a note. Returns 0, or -ENOSPC if the notes are full. */
int ringwriter_note(struct ringwriter *writer, const struct goidshim_record *note);

#endif

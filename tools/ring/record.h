/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is this a record? The one place that decides whether bytes of a ring may be
 * read as a struct of format.h. Pure: it looks at the bytes and nothing else.
 */
#ifndef TOOLS_RECORD_H
#define TOOLS_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "goidshim/format.h"

enum record_verdict {
	RECORD_GOOD = 0,
	RECORD_UNKNOWN = 1,	/* a type of a newer writer; its size is credible: skip it */
	RECORD_BAD_FIELDS = 2,	/* its size is credible, its contents are not: skip it */
	RECORD_BAD_SIZE = 3,	/* nothing that follows it in these bytes can be found */
};

/*
 * Judges the record at `bytes` (8-byte aligned), of which `available` bytes may
 * be read. After RECORD_GOOD every field, array and string of the type's struct
 * lies within the record's own size. Signal-safe: no.
 */
enum record_verdict record_check(const void *bytes, size_t available);

/* Does a record of this type begin with a struct goidshim_sample? */
bool record_has_sample(const struct goidshim_record *record);

/*
 * The frames and the labels of a sample, or of another record that begins with
 * one, that record_check accepted.
 */
const __u64 *record_frames(const struct goidshim_sample *sample);
const char *record_labels(const struct goidshim_sample *sample);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The consumer of a ring: every record of a live or finished ring, validated.
 *
 * A reader works in passes. A pass yields what is in the ring and has not been
 * yielded yet, so one pass reads a finished ring and passes repeated follow a
 * live one. Nothing in the file is trusted: damage is skipped, counted and
 * described, and the rest is still read. Nothing here is signal-safe.
 *
 *	err = reader_open(path, &why, &reader);
 *	err = reader_poll(reader, READER_BY_TIME);
 *	while ((err = reader_next(reader, &item)) > 0)
 *		...
 */
#ifndef TOOLS_READER_H
#define TOOLS_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "goidshim/format.h"

struct reader;

enum reader_order {
	READER_BY_CLAIM,	/* block after block: fastest; in order within each lane */
	READER_BY_TIME,		/* all lanes merged by the records' time_ns */
};

/* Why parts of a ring were skipped. */
enum reader_problem {
	READER_LANES_MISSING,	/* lanes beyond the end of the file */
	READER_NOTES_MISSING,	/* notes beyond the end of the file */
	READER_NOTES_BAD,	/* notes that make no sense */
	READER_BLOCKS_MISSING,	/* blocks beyond the end of the file */
	READER_BLOCK_HEADER,	/* a block whose header makes no sense */
	READER_BLOCK_CUT,	/* records committed, but beyond the end of the file */
	READER_RECORD_SIZE,	/* a record's size makes no sense: rest of its block */
	READER_RECORD_FIELDS,	/* a record's contents make no sense: that record */
	READER_PROBLEM_MAX
};

struct reader_damage {
	__u64 times[READER_PROBLEM_MAX];
	__u64 bytes[READER_PROBLEM_MAX];
	__u64 unknown_records;	/* of types of a newer writer: no damage */
	__u64 claimed_blocks;	/* being claimed, or claimed while we read: no damage */
};

/* What all lanes, and the header for those without a lane, have counted. */
struct reader_totals {
	__u64 owners;		/* threads that have had a lane */
	__u64 records;
	__u64 samples;
	__u64 periods;
	__u64 rate_cpu_ns;
	__u64 rate_periods;	/* achieved rate = rate_periods / rate_cpu_ns */
	__u64 lost[GOIDSHIM_LOST_MAX];	/* by enum goidshim_lost */
};

/* A record of a block. Valid until the next call that takes the reader. */
struct reader_item {
	__u32 lane;
	union {
		const struct goidshim_record *record;
		const struct goidshim_sample *sample;	/* record->type says which */
		const struct goidshim_thread *thread;
		const struct goidshim_alloc *alloc;
		const struct goidshim_wait *wait;
	};
};

/*
 * Opens the ring at `path`. Returns 0, or -errno with a clause in *ret_why that
 * follows the file's name in a message ("is not a goidshim ring").
 */
int reader_open(const char *path, const char **ret_why, struct reader **ret_reader);
void reader_close(struct reader *reader);

/*
 * Begins a pass over what was committed since the last one (everything, at
 * first), and reads header, lanes and notes again. Returns 0; -ENOMEM;
 * -EBADMSG if the file is no longer the ring that was opened.
 */
int reader_poll(struct reader *reader, enum reader_order order);

/* The next record of the pass: 1 with *ret_item, 0 at its end, or -ENOMEM. */
int reader_next(struct reader *reader, struct reader_item *ret_item);

/*
 * The memory that is in use: the record in the first live slot from *slot on
 * that is in use and makes sense. 1 with *slot behind it, 0 at the end, or
 * -ENOMEM. Valid until the next call that takes the reader. Begin with 0.
 */
int reader_next_live(struct reader *reader, __u32 *slot, const struct goidshim_alloc **ret_alloc);

/*
 * The waits that have not ended: the record in the first inside slot from *slot
 * on that is in use, makes sense and whose thread still owns the lane. Its
 * duration is 0. Returns as reader_next_live() does. Begin with 0.
 */
int reader_next_inside(struct reader *reader, __u32 *slot, const struct goidshim_wait **ret_wait);

/* All as of the last reader_poll (before it: as of reader_open). */
const struct goidshim_header *reader_header(const struct reader *reader);
const struct reader_totals *reader_totals(const struct reader *reader);
__u64 reader_file_size(const struct reader *reader);

/* Modules and log lines in the order in which the shim noted them. */
size_t reader_module_count(const struct reader *reader);
const struct goidshim_module *reader_module(const struct reader *reader, size_t i);
size_t reader_message_count(const struct reader *reader);
const struct goidshim_message *reader_message(const struct reader *reader, size_t i);

/* What had to be skipped so far, over all passes. */
const struct reader_damage *reader_damage(const struct reader *reader);
bool reader_is_damaged(const struct reader *reader);

/*
 * Samples that were overwritten between the passes that would have yielded
 * them: gaps in their lanes' sequences after the first sample seen of a lane.
 */
__u64 reader_missed(const struct reader *reader);

#endif

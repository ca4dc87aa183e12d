/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which samples a person asked for. Every condition that is given must hold; of
 * several goids, threads or start functions one must. Signal-safe: no.
 */
#ifndef TOOLS_FILTER_H
#define TOOLS_FILTER_H

#include "tools/ring/reader.h"
#include "tools/ring/threads.h"
#include "tools/symbols/symbolizer.h"

struct filter_verdict {
	__u64 start_pc;
	bool accepted;
};

struct filter {
	const char **goids;		/* numbers, as text */
	const char **starts;		/* shell patterns of function names */
	const char **threads;		/* thread ids, or shell patterns of names */
	const char **labels;		/* KEY=PATTERN */
	bool has_since, has_until;
	double since, until;		/* seconds after the recording began */
	bool c_only;
	/* Its own. */
	struct threads names;
	struct filter_verdict *verdicts;	/* on start functions that were asked for */
	size_t verdict_count;
	size_t verdict_room;
	struct hashindex verdict_index;
};

/*
 * Each adds a condition from the command line. Returns 0, -EINVAL when `text`
 * makes no sense for it, or -ENOMEM. `text` is borrowed.
 */
int filter_add_goid(struct filter *filter, const char *text);
int filter_add_start(struct filter *filter, const char *text);
int filter_add_thread(struct filter *filter, const char *text);
int filter_add_label(struct filter *filter, const char *text);
int filter_set_since(struct filter *filter, const char *text);
int filter_set_until(struct filter *filter, const char *text);

/* Seconds, as "2", "0.5" or "2s", up to 1e9. Returns 0 or -EINVAL. */
int filter_parse_seconds(const char *text, double *ret);

/*
 * Is this record wanted? Records that do not begin with a sample are. To be asked about every
 * record, since threads' names come in records.
 */
bool filter_accepts(struct filter *filter, const struct reader *reader,
		    struct symbolizer *symbolizer, const struct reader_item *item);

/* Forgets what it has learned of a ring; the conditions stay. */
void filter_forget(struct filter *filter);

void filter_free(struct filter *filter);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Output formats. Each is a file export-<name>.c with one table of what it does
 * with the records of a ring; goidshim-dump reads the ring and calls it.
 */
#ifndef TOOLS_EXPORT_H
#define TOOLS_EXPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "tools/print/progress.h"
#include "tools/ring/events.h"
#include "tools/ring/reader.h"
#include "tools/symbols/symbolizer.h"

/* What stands above each stack, in formats of one tree. */
enum export_root {
	EXPORT_ROOT_NONE,
	EXPORT_ROOT_GOROUTINE,
	EXPORT_ROOT_START,	/* the goroutine's first function */
	EXPORT_ROOT_THREAD,
};

/* What an exporter may look at. */
struct export_context {
	FILE *out;
	const char *path;		/* of the ring */
	const struct reader *reader;
	struct symbolizer *symbolizer;
	bool is_alive;			/* the target, when the ring was read last */
	bool is_followed;		/* the ring was read while the target ran */
	bool use_color;
	const struct event *event;	/* what stacks are of */
	const struct event *only;	/* the one event to be shown; NULL: all recorded */
	bool leaks;			/* in text: of C memory only what is in use */
	unsigned limit;			/* goroutines to list; 0: all */
	enum export_root root;
	struct progress *progress;	/* for work that grows with the ring; may be NULL */
};

struct exporter {
	const char *name;		/* as in --format=NAME */
	const char *about;		/* for --help */
	enum reader_order order;
	unsigned default_limit;		/* goroutines to list; 0: all */
	bool is_binary;			/* nothing for a terminal */
	/* All return 0 or -errno. `state` is the exporter's own. */
	int (*begin)(const struct export_context *context, void **ret_state);
	int (*record)(const struct export_context *context, void *state,
		      const struct reader_item *item);
	/* After the records: an allocation that is in use; it may have been a record, too. */
	int (*live)(const struct export_context *context, void *state,
		    const struct goidshim_alloc *alloc);	/* NULL: it does not matter */
	/* Writes what is still to be written. */
	int (*end)(const struct export_context *context, void *state);
	void (*free)(void *state);
};

extern const struct exporter export_text;
extern const struct exporter export_json;
extern const struct exporter export_ndjson;
extern const struct exporter export_folded;
extern const struct exporter export_pprof;
extern const struct exporter export_html;
extern const struct exporter export_perfetto;

/* NULL-terminated; the first is the default. */
extern const struct exporter *const export_all[];

/* NULL if there is none of that name. */
const struct exporter *export_find(const char *name);

/* Is this event to be shown? It was recorded, and no other was asked for. */
bool export_shows(const struct export_context *context, const struct event *event);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/dump/difftext.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/formats/textparts.h"
#include "tools/formats/whereabouts.h"
#include "tools/ring/names.h"
#include "tools/ring/target.h"
#include "tools/tables/array.h"

enum { FIGURES_WIDTH = 53, NAME_WIDTH = TEXTPARTS_WIDTH - FIGURES_WIDTH };

/* What both rings have under one name. */
struct row {
	uint32_t name;			/* in the table's strings */
	int64_t values[2][EVENTS_TYPES_MAX];
};

struct table {
	const struct event *event;
	struct strings strings;
	struct row *rows;		/* by number of string; [0] is all of them */
	size_t room;
};

/* Values are not negative. */
static void add_value(int64_t *to, int64_t more)
{
	if (__builtin_add_overflow(*to, more, to))
		*to = INT64_MAX;
}

static int add(struct table *table, const char *name, unsigned side,
	       const int64_t values[static EVENTS_TYPES_MAX])
{
	uint32_t id;

	if (strings_add(&table->strings, name, &id) ||
	    array_reserve(&table->rows, id, 1, &table->room, sizeof(*table->rows)))
		return -ENOMEM;
	table->rows[id].name = id;
	for (unsigned i = 0; i < table->event->type_count; i++) {
		add_value(&table->rows[id].values[side][i], values[i]);
		add_value(&table->rows[0].values[side][i], values[i]);
	}
	return 0;
}

typedef void name_series(const struct export_context *context, const struct profiled *profiled,
			 const struct series *series, char ret[static TITLES_SIZE]);

static void name_start(const struct export_context *context, const struct profiled *profiled,
		       const struct series *series, char ret[static TITLES_SIZE])
{
	if (series->goid)
		titles_start(context, series, ret);
	else
		snprintf(ret, TITLES_SIZE, "%s",
			 names_explain_unattributed(series->class_, series->reason));
}

static void name_stack(const struct export_context *context, const struct profiled *profiled,
		       const struct series *series, char ret[static TITLES_SIZE])
{
	whereabouts_of(&profiled->stacks, series->stack, context->symbolizer, ret);
}

static int fill(struct table *table, struct diff_ring rings[static 2], unsigned event,
		name_series *name)
{
	int err = strings_init(&table->strings);

	for (unsigned side = 0; side < 2; side++) {
		const struct export_context *context = &rings[side].contexts[event];
		const struct profiled *profiled = rings[side].profiled[event];

		for (size_t i = 0; i < profiled->stacks.series_count && !err; i++) {
			const struct series *series = &profiled->stacks.series[i];
			int64_t values[EVENTS_TYPES_MAX];
			char words[TITLES_SIZE];

			name(context, profiled, series, words);
			profiled_values(context, profiled, series, values);
			err = add(table, words, side, values);
		}
	}
	return err;
}

/* ---- printing ---- */

/* What stacks are weighed by. */
static int64_t weight(const struct row *row, const struct event *event, unsigned side)
{
	return row->values[side][event->type_count - 1];
}

static int compare(const void *va, const void *vb, void *event)
{
	const struct row *a = va, *b = vb;
	int64_t x = llabs(weight(a, event, 1) - weight(a, event, 0));
	int64_t y = llabs(weight(b, event, 1) - weight(b, event, 0));

	if (x == y) {
		x = weight(a, event, 1);
		y = weight(b, event, 1);
	}
	if (x != y)
		return x < y ? 1 : -1;
	return (a->name > b->name) - (a->name < b->name);
}

static bool is_of_bytes(const struct event *event)
{
	return strcmp(events_unit(event), "bytes") == 0;
}

static const char *amount(char buffer[static 40], const struct event *event, int64_t value,
			  const char *sign)
{
	char words[32];

	if (is_of_bytes(event))
		textparts_bytes(words, (double)llabs(value));
	else
		textparts_duration(words, (__u64)llabs(value));
	snprintf(buffer, 40, "%s%s", value < 0 ? "-" : value > 0 ? sign : "", words);
	return buffer;
}

static double percent(int64_t part, int64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

/* Of time the shares of all, before and after; of memory how many objects more there are. */
static void put_row(const struct export_context *c, const struct table *table,
		    const struct row *row, const char *name)
{
	const struct event *event = table->event;
	int64_t before = weight(row, event, 0), after = weight(row, event, 1);
	char was[40], is[40], change[40], more[32], shown[NAME_WIDTH + 4];

	if (is_of_bytes(event))
		snprintf(more, sizeof(more), "%+lld", (long long)(row->values[1][2] -
								  row->values[0][2]));
	else
		snprintf(more, sizeof(more), "%5.1f%% %5.1f%%",
			 percent(before, weight(&table->rows[0], event, 0)),
			 percent(after, weight(&table->rows[0], event, 1)));
	textparts_shorten(shown, sizeof(shown), name, NAME_WIDTH);
	fprintf(c->out, "%11s %11s %11s %14s  %s\n", amount(was, event, before, ""),
		amount(is, event, after, ""), amount(change, event, after - before, "+"), more,
		shown);
}

static void put_table(const struct export_context *c, struct table *table, const char *by)
{
	const struct event *event = table->event;
	size_t count = table->strings.count - 1, limit;
	char heading[128];

	qsort_r(table->rows + 1, count, sizeof(*table->rows), compare, (void *)event);
	while (count > 0 && !weight(&table->rows[count], event, 0) &&
	       !weight(&table->rows[count], event, 1))
		count--;
	limit = c->limit && c->limit < count ? c->limit : count;

	snprintf(heading, sizeof(heading), "%c%s by %s", event->title[0] & ~32, event->title + 1,
		 by);
	textparts_heading(c, heading);
	textparts_style(c, "2");
	fprintf(c->out, "%11s %11s %11s %14s  %s\n", "before", "after", "change",
		is_of_bytes(event) ? "objects" : "shares", by);
	textparts_style(c, "0");
	if (count == 0) {
		fprintf(c->out, "%11s\n", "none");
		return;
	}
	put_row(c, table, &table->rows[0], "(all)");
	for (size_t i = 1; i <= limit; i++)
		put_row(c, table, &table->rows[i], table->strings.texts[table->rows[i].name]);
	if (limit < count)
		fprintf(c->out, "%11s and %zu more (--limit=0 lists all)\n", "...", count - limit);
}

static int put_by(struct diff_ring rings[static 2], unsigned event, name_series *name,
		  const char *by)
{
	struct table table = { .event = events_all[event] };
	int err = fill(&table, rings, event, name);

	if (!err)
		put_table(&rings[0].contexts[event], &table, by);
	strings_free(&table.strings);
	free(table.rows);
	return err;
}

static void put_ring(const struct export_context *c, const char *label)
{
	const struct goidshim_header *h = reader_header(c->reader);
	time_t start = (time_t)(h->start_realtime_ns / 1000000000);
	char when[64] = "?";
	struct tm tm;

	if (localtime_r(&start, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	textparts_fact(c, label, "%s: %s, pid %u, recorded %s", c->path, target_exe(c->reader),
		       h->pid, when);
}

void difftext_begin(struct diff_ring rings[static 2], unsigned event)
{
	put_ring(&rings[0].contexts[event], "before");
	put_ring(&rings[1].contexts[event], "after");
}

int difftext_put(struct diff_ring rings[static 2], unsigned event)
{
	int err = put_by(rings, event, name_start, "start function");

	return err ? err : put_by(rings, event, name_stack, "place");
}

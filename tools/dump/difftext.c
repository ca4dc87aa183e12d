/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/dump/difftext.h"

#include <stdlib.h>
#include <time.h>

#include "tools/dump/difftable.h"
#include "tools/formats/textparts.h"
#include "tools/ring/target.h"

enum { FIGURES_WIDTH = 53, NAME_WIDTH = TEXTPARTS_WIDTH - FIGURES_WIDTH };

static const char *amount(char buffer[static 40], const struct event *event, int64_t value,
			  const char *sign)
{
	char words[32];

	if (events_is_of_bytes(event))
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
static void put_row(const struct export_context *c, const struct difftable *table,
		    const struct difftable_row *row, const char *name)
{
	const struct event *event = table->event;
	int64_t before = difftable_weight(table, row, 0), after = difftable_weight(table, row, 1);
	char was[40], is[40], change[40], more[32], shown[NAME_WIDTH + 4];

	if (events_is_of_bytes(event))
		snprintf(more, sizeof(more), "%+lld", (long long)(row->values[1][2] -
								  row->values[0][2]));
	else
		snprintf(more, sizeof(more), "%5.1f%% %5.1f%%",
			 percent(before, difftable_weight(table, &table->rows[0], 0)),
			 percent(after, difftable_weight(table, &table->rows[0], 1)));
	textparts_shorten(shown, sizeof(shown), name, NAME_WIDTH);
	fprintf(c->out, "%11s %11s %11s %14s  %s\n", amount(was, event, before, ""),
		amount(is, event, after, ""), amount(change, event, after - before, "+"), more,
		shown);
}

static void put_table(const struct export_context *c, const struct difftable *table, const char *by)
{
	const struct event *event = table->event;
	size_t count = table->count, limit = c->limit && c->limit < count ? c->limit : count;
	char heading[128];

	snprintf(heading, sizeof(heading), "%c%s by %s", event->title[0] & ~32, event->title + 1,
		 by);
	textparts_heading(c, heading);
	textparts_style(c, "2");
	fprintf(c->out, "%11s %11s %11s %14s  %s\n", "before", "after", "change",
		events_is_of_bytes(event) ? "objects" : "shares", by);
	textparts_style(c, "0");
	if (count == 0) {
		fprintf(c->out, "%11s\n", "none");
		return;
	}
	put_row(c, table, &table->rows[0], "(all)");
	for (size_t i = 1; i <= limit; i++)
		put_row(c, table, &table->rows[i], difftable_name(table, &table->rows[i]));
	if (limit < count)
		fprintf(c->out, "%11s and %zu more (--limit=0 lists all)\n", "...", count - limit);
}

static int put_by(struct diff_ring rings[static 2], unsigned event, enum difftable_by by,
		  const char *word)
{
	struct difftable table;
	int err = difftable_make(&table, rings, event, by);

	if (!err)
		put_table(&rings[0].contexts[event], &table, word);
	difftable_free(&table);
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
	int err = put_by(rings, event, DIFFTABLE_START, "start function");

	return err ? err : put_by(rings, event, DIFFTABLE_PLACE, "place");
}

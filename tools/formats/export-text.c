/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The report for people: what was recorded and how far to trust it, then the
 * goroutines by CPU time, then the time that no goroutine was found for. It
 * fits TEXTPARTS_WIDTH columns.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "probe/fsbase.h"
#include "tools/formats/export.h"
#include "tools/formats/memorytext.h"
#include "tools/formats/tally.h"
#include "tools/formats/textparts.h"
#include "tools/formats/waitstext.h"
#include "tools/print/printable.h"
#include "tools/profile/profile.h"
#include "tools/profile/report.h"
#include "tools/ring/names.h"
#include "tools/ring/target.h"

enum {
	SHARES_WIDTH = 32,	/* of the four percentages in a row, with all blanks */
	CELL_MAX = 40,		/* of a name */
	MESSAGES_MAX = 5,
};

static double percent(__u64 part, __u64 whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void put_target(const struct export_context *c)
{
	const struct goidshim_header *h = reader_header(c->reader);
	const char *exe = target_exe(c->reader);
	char text[400];

	textparts_style(c, "1");
	fputs(printable_copy(text, sizeof(text), exe), c->out);
	textparts_style(c, "0");
	fprintf(c->out, "  pid %u, %s", h->pid,
		c->is_alive ? "alive" : target_state(h) == TARGET_ELSEWHERE
						? "recorded on another machine or before a reboot"
						: "ended");
	for (__u32 i = 0; i < h->object_count; i++)
		fprintf(c->out, ", %s",
			printable_copy(text, sizeof(text), h->objects[i].go_version));
	fputs("\n\n", c->out);
}

static void put_recorded(const struct export_context *c, const struct profile *p)
{
	const struct goidshim_header *h = reader_header(c->reader);
	time_t start = (time_t)(h->start_realtime_ns / 1000000000);
	char when[64] = "?", samples[32];
	struct tm tm;

	if (localtime_r(&start, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	if (p->last_ns > h->start_ns)
		textparts_fact(c, "recorded", "%s, for %.1f s", when,
			 (double)(p->last_ns - h->start_ns) / 1e9);
	else
		textparts_fact(c, "recorded", "%s", when);
	textparts_fact(c, "CPU time", "%.2f s in %s samples; %s",
		 (double)profile_cpu_ns(p->periods, h->period_ns) / 1e9,
		 textparts_grouped(samples, p->samples),
		 h->user_only ? "user time only, time in the kernel is not included"
			      : "user time and time in the kernel");
}

static void put_sampling(const struct export_context *c)
{
	const struct goidshim_header *h = reader_header(c->reader);
	double achieved = report_rate_hz(reader_totals(c->reader));

	if (achieved > 0 && h->rate_hz > 0)
		textparts_fact(c, "rate", "%u Hz asked, %.1f Hz achieved (%.1f %%)", h->rate_hz,
			       achieved, 100 * achieved / h->rate_hz);
	else
		textparts_fact(c, "rate",
			       "%u Hz asked; too little CPU time to say what was achieved",
			       h->rate_hz);
	textparts_fact(c, "trigger", "%s: %s%s%s", names_trigger(h->trigger),
		 names_explain_trigger(h->trigger), h->trigger_note[0] ? "; " : "",
		 h->trigger_note);
}

static void put_discovery(const struct export_context *c)
{
	const struct goidshim_header *h = reader_header(c->reader);
	const char *method = fsbase_method_name(h->fsbase_method);

	/* A note that begins with the method's name needs it no second time. */
	if (strncmp(h->fsbase_note, method, strlen(method)) == 0)
		textparts_fact(c, "FS base", "%s", h->fsbase_note);
	else
		textparts_fact(c, "FS base", "%s%s%s", method, h->fsbase_note[0] ? "; " : "",
			 h->fsbase_note);
	for (__u32 i = 0; i < h->object_count; i++) {
		const struct goidshim_golayout *l = &h->objects[i].layout;

		textparts_fact(c, "goroutine",
			 "g at FS base %s %" PRIu64 ", goid at g + %u; offsets from %s (%u proved)",
			 l->tls_offset < 0 ? "-" : "+",
			 (uint64_t)(l->tls_offset < 0 ? -(__u64)l->tls_offset : (__u64)l->tls_offset),
			 l->g_goid, report_offsets_from(l), l->fields_proved);
	}
	if (h->object_count == 0)
		textparts_fact(c, "goroutine", "no Go runtime was found in this process");
}

static void put_lost(const struct export_context *c)
{
	__u64 lost[GOIDSHIM_LOST_MAX];
	bool any = false;
	char count[32];

	report_lost(c->reader, c->is_followed, lost);
	for (unsigned i = 0; i < GOIDSHIM_LOST_MAX; i++) {
		if (lost[i] == 0)
			continue;
		textparts_fact(c, any ? "" : "lost", "%s %s", textparts_grouped(count, lost[i]),
			 names_explain_lost(i));
		any = true;
	}
	if (!any)
		textparts_fact(c, "lost", "nothing");
}

static void put_damage(const struct export_context *c)
{
	const struct reader_damage *d = reader_damage(c->reader);
	char times[32], bytes[32];

	for (unsigned i = 0; i < READER_PROBLEM_MAX; i++)
		if (d->times[i])
			textparts_fact(c, "damaged", "%s: %s%s%s%s", names_explain_problem(i),
				 textparts_grouped(times, d->times[i]), d->bytes[i] ? ", " : "",
				 d->bytes[i] ? textparts_grouped(bytes, d->bytes[i]) : "",
				 d->bytes[i] ? " bytes skipped" : "");
	if (d->unknown_records)
		textparts_fact(c, "skipped",
			       "%s of a kind of record that is newer than this program",
			       textparts_grouped(times, d->unknown_records));
}

static void put_remarks(const struct export_context *c)
{
	size_t messages = reader_message_count(c->reader);
	size_t first = messages > MESSAGES_MAX ? messages - MESSAGES_MAX : 0;

	for (size_t i = 0; i < symbolizer_problem_count(c->symbolizer); i++)
		textparts_fact(c, "names", "%s", symbolizer_problem(c->symbolizer, i));
	for (size_t i = first; i < messages; i++)
		textparts_fact(c, "log", "%s", reader_message(c->reader, i)->text);
}

/* ---- the goroutines ---- */

/* What a line shows of a goroutine. */
struct row {
	const struct profile_goroutine *goroutine;
	bool is_system;
	char goid[24];
	char ms[32];
	char function[CELL_MAX + 4];
	char created_at[CELL_MAX + 4];
	char parent[24];
};

/* How wide the columns are. The figures take what they need, the names the rest. */
struct columns {
	int goid;
	int ms;
	int function;
	int created_at;
	int parent;	/* 0: none is known, as before Go 1.21 */
};

/* The time of an event, CPU or wall, and how it is called. */
struct table {
	const struct profile *profile;
	__u64 step_ns;
	const char *title;		/* "CPU time" */
	const char *unit;		/* "CPU ms" */
};

static const char *table_ms(char buffer[static 32], const struct table *t, __u64 periods)
{
	return textparts_milliseconds(buffer, profile_cpu_ns(periods, t->step_ns));
}

static void fill_row(struct row *row, const struct export_context *c, const struct table *t,
		     const struct profile_goroutine *goroutine)
{
	struct report_goroutine words;
	const char *function = words.function;

	report_goroutine(c->symbolizer, goroutine->start_pc, goroutine->go_pc, &words);
	if (words.kind == REPORT_CALLBACK)
		function = "(callback from a C thread)";
	row->goroutine = goroutine;
	row->is_system = words.kind == REPORT_SYSTEM;
	snprintf(row->goid, sizeof(row->goid), "%llu", goroutine->goid);
	table_ms(row->ms, t, goroutine->periods);
	textparts_shorten(row->function, sizeof(row->function),
			  textparts_after_slashes(function, 0), CELL_MAX);
	textparts_shorten(row->created_at, sizeof(row->created_at),
			  textparts_after_slashes(words.created_at, 1), CELL_MAX);
	if (goroutine->parent_goid)
		snprintf(row->parent, sizeof(row->parent), "%llu", goroutine->parent_goid);
}

/* The rows to be shown. Naming them may add to the symbolizer's problems. */
static struct row *make_rows(const struct export_context *c, const struct table *t, size_t count)
{
	struct row *rows = calloc(count + 1, sizeof(*rows));

	for (size_t i = 0; rows && i < count; i++)
		fill_row(&rows[i], c, t, &t->profile->goroutines[i]);
	return rows;
}

static void widen(int *width, const char *text)
{
	int wanted = (int)printable_width(text);

	if (*width < wanted)
		*width = wanted;
}

static int min(int a, int b)
{
	return a < b ? a : b;
}

static struct columns fit_columns(const struct row *rows, size_t count, const char *total_ms)
{
	struct columns columns = { .goid = 9, .ms = 12, .function = 14, .created_at = 10 };
	int room;

	widen(&columns.ms, total_ms);
	for (size_t i = 0; i < count; i++) {
		widen(&columns.goid, rows[i].goid);
		widen(&columns.function, rows[i].function);
		widen(&columns.created_at, rows[i].created_at);
		if (rows[i].parent[0])
			widen(&columns.parent, "by goid");
		widen(&columns.parent, rows[i].parent);
	}
	/* The wider of the names gives way, down to half of the room. */
	room = TEXTPARTS_WIDTH - columns.goid - columns.ms - SHARES_WIDTH - columns.parent - 4;
	if (columns.function + columns.created_at > room) {
		columns.created_at = min(columns.created_at, room - min(columns.function, room / 2));
		columns.function = room - columns.created_at;
	}
	return columns;
}

/* At most `width` columns of text; exactly as many unless it ends the line. */
static void put_cell(const struct export_context *c, const char *text, int width, bool is_last)
{
	char shown[CELL_MAX + 4];

	textparts_shorten(shown, sizeof(shown), text, (size_t)width);
	fputs(shown, c->out);
	if (!is_last)
		fprintf(c->out, "%*s  ", width - (int)printable_width(shown), "");
}

static void put_row(const struct export_context *c, const struct row *row,
		    const struct columns *columns, const struct table *t)
{
	const struct profile_goroutine *g = row->goroutine;

	fprintf(c->out, "%*s %*s %5.1f%%  %4.0f%% %4.0f%% %7.0f%%  ", columns->goid, row->goid,
		columns->ms, row->ms, percent(g->periods, t->profile->periods),
		percent(g->periods_c, g->periods), percent(g->periods_go, g->periods),
		percent(g->periods_runtime, g->periods));
	if (row->is_system)
		textparts_style(c, "2");
	put_cell(c, row->function, columns->function, !row->created_at[0] && !row->parent[0]);
	put_cell(c, row->created_at, columns->created_at, !row->parent[0]);
	fputs(row->parent, c->out);
	if (row->is_system)
		textparts_style(c, "0");
	fputc('\n', c->out);
}

static void put_rest(const struct export_context *c, const struct table *t, size_t shown,
		     const struct columns *columns)
{
	__u64 periods = 0;
	char count[32], ms[32];

	if (shown == t->profile->goroutine_count)
		return;
	for (size_t i = shown; i < t->profile->goroutine_count; i++)
		periods += t->profile->goroutines[i].periods;
	fprintf(c->out, "%*s %*s %5.1f%%  and %s more (--limit=0 lists all)\n", columns->goid, "...",
		columns->ms, table_ms(ms, t, periods), percent(periods, t->profile->periods),
		textparts_grouped(count, t->profile->goroutine_count - shown));
}

static void put_goroutines(const struct export_context *c, const struct table *t,
			   const struct row *rows, size_t count, const struct columns *columns)
{
	char heading[64];

	snprintf(heading, sizeof(heading), "Goroutines by %s", t->title);
	textparts_heading(c, heading);
	textparts_style(c, "2");
	fprintf(c->out, "%*s %*s %6s  %5s %5s %8s  ", columns->goid, "goid", columns->ms, t->unit,
		"share", "C", "Go", "runtime");
	put_cell(c, "start function", columns->function, false);
	put_cell(c, "created at", columns->created_at, !columns->parent);
	fprintf(c->out, "%s\n", columns->parent ? "by goid" : "");
	textparts_style(c, "0");
	for (size_t i = 0; i < count; i++)
		put_row(c, &rows[i], columns, t);
	put_rest(c, t, count, columns);
}

/* ---- the rest of the time ---- */

static void put_unattributed(const struct export_context *c, const struct table *t,
			     const struct columns *columns)
{
	int width = columns->goid + 1 + columns->ms;
	char ms[32], heading[64];

	snprintf(heading, sizeof(heading), "%c%s without a goroutine", t->title[0] & ~32,
		 t->title + 1);
	textparts_heading(c, heading);
	for (unsigned class_ = 0; class_ <= GOIDSHIM_CLASS_MAX; class_++) {
		for (unsigned reason = 0; reason <= GOIDSHIM_REASON_MAX; reason++) {
			const struct profile_unattributed *u =
				&t->profile->unattributed[class_][reason];

			if (u->samples == 0)
				continue;
			fprintf(c->out, "%*s %5.1f%%  %s\n", width,
				table_ms(ms, t, u->periods),
				percent(u->periods, t->profile->periods),
				names_explain_unattributed(class_, reason));
		}
	}
	if (t->profile->unattributed_periods == 0)
		fprintf(c->out, "%*s\n", width, "none");
}

static void put_emptiness(const struct export_context *c)
{
	const struct goidshim_header *h = reader_header(c->reader);

	if (h->state == GOIDSHIM_STATE_STOPPED)
		textparts_fact(c, "no samples", "recording was stopped; the trigger line says why");
	else if (h->object_count == 0)
		textparts_fact(c, "no samples",
			       "recording begins when there is Go code in the process");
	else
		textparts_fact(c, "no samples",
			       "the program has used less CPU time than one sample is for");
}

static void put_facts(const struct export_context *c, const struct profile *p)
{
	put_target(c);
	if (export_shows(c, &events_cpu)) {
		put_recorded(c, p);
		put_sampling(c);
	}
	put_discovery(c);
	put_lost(c);
	put_damage(c);
	put_remarks(c);
}

/* Naming goroutines finds files that cannot be used, which the facts tell of: rows come first. */
struct listing {
	struct table table;
	struct row *rows;
	size_t count;
};

static int make_listing(const struct export_context *c, const struct table *table,
			struct listing *ret)
{
	size_t all = table->profile->goroutine_count;

	ret->table = *table;
	ret->count = c->limit && c->limit < all ? c->limit : all;
	ret->rows = make_rows(c, table, ret->count);
	return ret->rows ? 0 : -ENOMEM;
}

static void put_listing(const struct export_context *c, const struct listing *l)
{
	char ms[32];
	struct columns columns = fit_columns(l->rows, l->count,
					     table_ms(ms, &l->table, l->table.profile->periods));

	put_goroutines(c, &l->table, l->rows, l->count, &columns);
	put_unattributed(c, &l->table, &columns);
}

static int put_others(const struct export_context *c, const struct tally *tally)
{
	int err = 0;

	if (export_shows(c, &events_heap))
		err = memorytext_put(c, tally->memory);
	if (!err && export_shows(c, &events_lock))
		err = waitstext_put_locks(c, tally);
	if (!err && export_shows(c, &events_block))
		err = waitstext_put_calls(c, tally);
	return err;
}

static int text_end(const struct export_context *c, void *state)
{
	const struct goidshim_header *h = reader_header(c->reader);
	struct tally *tally = state;
	const struct table cpu = { tally->cpu, h->period_ns, "CPU time", "CPU ms" };
	const struct table wall = { tally->wall, h->wall_period_ns, "wall time", "wall ms" };
	struct listing on_cpu = { 0 }, on_wall = { 0 };
	int err = tally_complete(tally);

	if (!err)
		err = make_listing(c, &cpu, &on_cpu);
	if (!err)
		err = make_listing(c, &wall, &on_wall);
	if (err)
		goto out_free;
	put_facts(c, tally->cpu);
	if (export_shows(c, &events_cpu) && tally->cpu->samples == 0)
		put_emptiness(c);
	else if (export_shows(c, &events_cpu))
		put_listing(c, &on_cpu);
	if (export_shows(c, &events_wall))
		put_listing(c, &on_wall);
	err = put_others(c, tally);
out_free:
	free(on_cpu.rows);
	free(on_wall.rows);
	return err;
}

const struct exporter export_text = {
	.name = "text",
	.about = "a report for people",
	.order = READER_BY_CLAIM,
	.default_limit = 40,
	.begin = tally_begin,
	.record = tally_record,
	.live = tally_live,
	.end = text_end,
	.free = tally_free,
};

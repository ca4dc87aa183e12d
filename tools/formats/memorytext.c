/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/formats/memorytext.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/formats/textparts.h"
#include "tools/print/printable.h"
#include "tools/profile/callsites.h"
#include "tools/profile/report.h"
#include "tools/ring/names.h"

enum { NAME_WIDTH = 44 };

/* A line of a table: sums, and the words for whose they are. */
struct row {
	char who[24];
	char name[200];
	char place[200];
	struct memory_sums sums;
};

static const char *age(char buffer[static 32], const struct memory *memory, __u64 since)
{
	if (since == 0)
		return strcpy(buffer, "-");
	snprintf(buffer, 32, "%.1f s", (double)(memory->last_ns - since) / 1e9);
	return buffer;
}

static void put_table(const struct export_context *c, const struct memory *memory,
		      const char *title, const char *columns, const struct row *rows, size_t count)
{
	size_t limit = c->limit && c->limit < count ? c->limit : count;
	char used[32], had[32], oldest[32];

	textparts_heading(c, title);
	fprintf(c->out, "%11s %11s %11s %9s  %s\n", "in use", "objects", "allocated", "oldest",
		columns);
	for (size_t i = 0; i < limit; i++) {
		const struct row *r = &rows[i];

		if (c->leaks && r->sums.used_bytes <= 0)
			continue;
		fprintf(c->out, "%11s %11.0f %11s %9s  ", textparts_bytes(used, r->sums.used_bytes),
			r->sums.used_objects, textparts_bytes(had, r->sums.alloc_bytes),
			age(oldest, memory, r->sums.oldest_ns));
		if (r->who[0])
			fprintf(c->out, "%9s  ", r->who);
		fprintf(c->out, "%s%s%s\n", r->name, r->place[0] ? "  " : "", r->place);
	}
	if (limit < count)
		fprintf(c->out, "%11s and %zu more (--limit=0 lists all)\n", "...", count - limit);
}

static void fill_goroutine(const struct export_context *c, const struct memory_goroutine *g,
			   struct row *ret)
{
	struct report_goroutine words;

	*ret = (struct row){ .sums = g->sums };
	if (!g->who.goid) {
		snprintf(ret->who, sizeof(ret->who), "-");
		snprintf(ret->name, sizeof(ret->name), "%s",
			 names_explain_unattributed(g->class_, g->reason));
		return;
	}
	report_goroutine(c->symbolizer, g->who.start_pc, g->who.go_pc, &words);
	snprintf(ret->who, sizeof(ret->who), "%llu", g->who.goid);
	snprintf(ret->name, sizeof(ret->name), "%.180s",
		 words.kind == REPORT_CALLBACK ? "(callback from a C thread)"
					       : textparts_after_slashes(words.function, 0));
	snprintf(ret->place, sizeof(ret->place), "%.180s",
		 textparts_after_slashes(words.created_at, 1));
}

static int compare_rows(const void *va, const void *vb)
{
	const struct row *a = va, *b = vb;

	if (a->sums.used_bytes != b->sums.used_bytes)
		return a->sums.used_bytes < b->sums.used_bytes ? 1 : -1;
	if (a->sums.alloc_bytes != b->sums.alloc_bytes)
		return a->sums.alloc_bytes < b->sums.alloc_bytes ? 1 : -1;
	return strcmp(a->name, b->name);
}

static int compare_names(const void *va, const void *vb)
{
	return strcmp(((const struct row *)va)->name, ((const struct row *)vb)->name);
}

/* Goroutines that started in the same function become one row. Returns how many there are. */
static size_t merge_by_start(struct row *rows, size_t count)
{
	size_t kept = 0;
	unsigned goroutines = 0;

	qsort(rows, count, sizeof(*rows), compare_names);
	for (size_t i = 0; i < count; i++) {
		if (kept > 0 && compare_names(&rows[kept - 1], &rows[i]) == 0) {
			memory_add_sums(&rows[kept - 1].sums, &rows[i].sums);
			goroutines++;
		} else {
			rows[kept++] = rows[i];
			goroutines = 1;
		}
		snprintf(rows[kept - 1].who, sizeof(rows[kept - 1].who), "%u", goroutines);
		rows[kept - 1].place[0] = '\0';
	}
	qsort(rows, kept, sizeof(*rows), compare_rows);
	return kept;
}

static int put_goroutines(const struct export_context *c, const struct memory *memory)
{
	size_t count = memory->goroutine_count;
	struct row *rows = calloc(count + 1, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		fill_goroutine(c, &memory->goroutines[i], &rows[i]);
	put_table(c, memory, "C memory by goroutine", "     goid  start function, created at", rows,
		  count);
	count = merge_by_start(rows, count);
	if (c->leaks)
		put_table(c, memory, "C memory by start function", "goroutines  start function",
			  rows, count);
	free(rows);
	return 0;
}

static void fill_site(const struct callsite *site, struct row *ret)
{
	char name[200];

	*ret = (struct row){ .sums = site->sums };
	if (!site->symbol.function) {
		snprintf(ret->name, sizeof(ret->name), "0x%llx", site->pc);
		return;
	}
	printable_copy(name, sizeof(name), site->symbol.function);
	snprintf(ret->name, sizeof(ret->name), "%.*s", NAME_WIDTH * 2,
		 textparts_after_slashes(name, 0));
	if (site->symbol.file)
		snprintf(ret->place, sizeof(ret->place), "%.160s:%u",
			 textparts_after_slashes(printable_copy(name, sizeof(name),
							site->symbol.file), 1),
			 site->symbol.line);
}

static int put_sites(const struct export_context *c, const struct memory *memory)
{
	struct callsite *sites;
	struct row *rows;
	size_t count;

	if (callsites_make(memory, c->symbolizer, &sites, &count) < 0)
		return -ENOMEM;
	rows = calloc(count + 1, sizeof(*rows));
	for (size_t i = 0; rows && i < count; i++)
		fill_site(&sites[i], &rows[i]);
	if (rows)
		put_table(c, memory, "C memory by call site", "function, file and line", rows,
			  count);
	free(sites);
	free(rows);
	return rows ? 0 : -ENOMEM;
}

int memorytext_put(const struct export_context *c, const struct memory *m)
{
	char used[32], had[32], interval[32];
	int err;

	textparts_heading(c, "C memory");
	fprintf(c->out, "  in use     %s in %.0f objects; %s were allocated while recording\n",
		textparts_bytes(used, m->total.used_bytes), m->total.used_objects,
		textparts_bytes(had, m->total.alloc_bytes));
	if (m->interval > 1)
		fprintf(c->out, "  estimated  from %llu sampled allocations, one for each %s on "
				"average\n", m->records,
			textparts_bytes(interval, (double)m->interval));
	else
		fprintf(c->out, "  counted    all %llu allocations were recorded\n", m->records);
	err = put_goroutines(c, m);
	return err ? err : put_sites(c, m);
}

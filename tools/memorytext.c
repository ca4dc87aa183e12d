/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/memorytext.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/callsites.h"
#include "tools/names.h"
#include "tools/printable.h"
#include "tools/report.h"

enum { NAME_WIDTH = 44 };

/* A line of a table: sums, and the words for whose they are. */
struct row {
	char who[24];
	char name[200];
	char place[200];
	struct memory_sums sums;
};

/* "1.5 GiB"; whole bytes below a KiB. */
static const char *bytes(char buffer[static 32], double value)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	unsigned unit = 0;

	for (; value >= 1023.95 && unit < 6; unit++)
		value /= 1024;
	snprintf(buffer, 32, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return buffer;
}

static const char *age(char buffer[static 32], const struct memory *memory, __u64 since)
{
	if (since == 0)
		return strcpy(buffer, "-");
	snprintf(buffer, 32, "%.1f s", (double)(memory->last_ns - since) / 1e9);
	return buffer;
}

static void put_heading(const struct export_context *c, const char *text)
{
	fprintf(c->out, c->use_color ? "\n\033[1m%s\033[0m\n" : "\n%s\n", text);
}

/* The end of a path, from the slash before the last but one. */
static const char *short_path(const char *path)
{
	unsigned slashes = 0;

	for (const char *at = path + strlen(path); at > path; at--)
		if (at[-1] == '/' && slashes++ == 1)
			return at;
	return path;
}

static const char *after_slash(const char *function)
{
	const char *slash = strrchr(function, '/');

	return slash && !strchr(slash, '(') ? slash + 1 : function;
}

static void put_table(const struct export_context *c, const char *title, const char *columns,
		      const struct row *rows, size_t count)
{
	size_t limit = c->limit && c->limit < count ? c->limit : count;
	char used[32], had[32], oldest[32];

	put_heading(c, title);
	fprintf(c->out, "%11s %11s %11s %9s  %s\n", "in use", "objects", "allocated", "oldest",
		columns);
	for (size_t i = 0; i < limit; i++) {
		const struct row *r = &rows[i];

		if (c->leaks && r->sums.used_bytes <= 0)
			continue;
		fprintf(c->out, "%11s %11.0f %11s %9s  ", bytes(used, r->sums.used_bytes),
			r->sums.used_objects, bytes(had, r->sums.alloc_bytes),
			age(oldest, c->memory, r->sums.oldest_ns));
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
	report_goroutine(c->symbolizer, &g->who, &words);
	snprintf(ret->who, sizeof(ret->who), "%llu", g->who.goid);
	snprintf(ret->name, sizeof(ret->name), "%.180s",
		 words.kind == REPORT_CALLBACK ? "(callback from a C thread)"
					       : after_slash(words.function));
	snprintf(ret->place, sizeof(ret->place), "%.180s", short_path(words.created_at));
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

static int put_goroutines(const struct export_context *c)
{
	size_t count = c->memory->goroutine_count;
	struct row *rows = calloc(count + 1, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	memory_sort(c->memory);
	for (size_t i = 0; i < count; i++)
		fill_goroutine(c, &c->memory->goroutines[i], &rows[i]);
	put_table(c, "C memory by goroutine", "     goid  start function, created at", rows, count);
	count = merge_by_start(rows, count);
	if (c->leaks)
		put_table(c, "C memory by start function", "goroutines  start function", rows,
			  count);
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
	snprintf(ret->name, sizeof(ret->name), "%.*s", NAME_WIDTH * 2, after_slash(name));
	if (site->symbol.file)
		snprintf(ret->place, sizeof(ret->place), "%.160s:%u",
			 short_path(printable_copy(name, sizeof(name), site->symbol.file)),
			 site->symbol.line);
}

static int put_sites(const struct export_context *c)
{
	struct callsite *sites;
	struct row *rows;
	size_t count;

	if (callsites_make(c->memory, c->symbolizer, &sites, &count) < 0)
		return -ENOMEM;
	rows = calloc(count + 1, sizeof(*rows));
	for (size_t i = 0; rows && i < count; i++)
		fill_site(&sites[i], &rows[i]);
	if (rows)
		put_table(c, "C memory by call site", "function, file and line", rows, count);
	free(sites);
	free(rows);
	return rows ? 0 : -ENOMEM;
}

int memorytext_put(const struct export_context *c)
{
	const struct memory *m = c->memory;
	char used[32], had[32], interval[32];
	int err;

	put_heading(c, "C memory");
	fprintf(c->out, "  in use     %s in %.0f objects; %s were allocated while recording\n",
		bytes(used, m->total.used_bytes), m->total.used_objects,
		bytes(had, m->total.alloc_bytes));
	if (m->interval > 1)
		fprintf(c->out, "  estimated  from %llu sampled allocations, one for each %s on "
				"average\n", m->records, bytes(interval, (double)m->interval));
	else
		fprintf(c->out, "  counted    all %llu allocations were recorded\n", m->records);
	err = put_goroutines(c);
	return err ? err : put_sites(c);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stacks are sent once, as a tree; who ran them comes with each series, so the page
 * can group them by goroutine, by start function and by thread.
 */
#include "tools/formats/htmlwriter.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tools/print/json.h"
#include "tools/print/printable.h"
#include "tools/profile/report.h"
#include "tools/ring/target.h"
#include "tools/tables/array.h"

/* The template, from the assembler: FLAMEGRAPH_HTML is its path. */
__asm__(".pushsection .rodata\n"
	"flamegraph_html:\n"
	".incbin \"" FLAMEGRAPH_HTML "\"\n"
	".byte 0\n"
	".popsection\n");
extern const char flamegraph_html[];

#define MARK "@DATA@"

/* Where a series stands. */
struct place {
	uint32_t node;
	uint32_t goroutine;
	uint32_t thread;
};

struct page {
	FILE *out;
	const struct htmlwriter_side *sides;
	unsigned count;
	struct strings names;		/* of functions, of all sides */
	struct calltree tree;
	struct strings goroutines;	/* their titles: number 0 is not used */
	struct strings starts;
	struct strings threads;
	uint32_t *goroutine_starts;	/* of each goroutine, a number in `starts` */
	size_t goroutine_room;
	struct place *places[2];	/* by side: of each series */
};

/* ---- what the page shows ---- */

static int keep_start(struct page *page, uint32_t goroutine, uint32_t start)
{
	if (array_reserve(&page->goroutine_starts, goroutine, 1, &page->goroutine_room,
			  sizeof(*page->goroutine_starts)))
		return -ENOMEM;
	page->goroutine_starts[goroutine] = start;
	return 0;
}

/* Gives numbers to the goroutine, start function and thread of a series. */
static int number(struct page *page, const struct htmlwriter_side *side,
		  const struct series *series, struct place *place)
{
	const bool is_compared = page->count > 1;
	char goroutine[TITLES_SIZE], start[TITLES_SIZE], thread[TITLES_SIZE] = "";
	uint32_t start_number;

	titles_goroutine(side->context, series, goroutine);
	memcpy(start, goroutine, sizeof(start));
	if (series->goid)
		titles_start(side->context, series, start);
	if (!is_compared)
		titles_thread(&side->profiled->threads, series, thread);
	if (strings_add(&page->goroutines, is_compared ? start : goroutine, &place->goroutine) ||
	    strings_add(&page->starts, start, &start_number) ||
	    strings_add(&page->threads, thread, &place->thread))
		return -ENOMEM;
	return keep_start(page, place->goroutine, start_number);
}

/* The side's own tree becomes a part of the page's. */
static int merge(struct page *page, const struct profiled *profiled, const struct calltree *tree,
		 struct place *places)
{
	uint32_t *numbers = calloc(tree->count, sizeof(*numbers));
	int r = numbers ? calltree_merge(&page->tree, &page->names, tree,
					 profiled->locations.strings.texts, numbers)
			: -ENOMEM;

	for (size_t i = 0; i < profiled->stacks.series_count && !r; i++)
		places[i].node = numbers[places[i].node];
	free(numbers);
	return r;
}

static int add_side(struct page *page, const struct htmlwriter_side *side, struct place *places)
{
	const struct stacks *stacks = &side->profiled->stacks;
	struct calltree tree;
	int r = calltree_init(&tree);

	for (size_t i = 0; i < stacks->series_count && !r; i++) {
		progress_step(side->context->progress, "naming functions", i,
			      stacks->series_count);
		r = profiled_add_path(side->profiled, &stacks->series[i], &tree, CALLTREE_ROOT,
				      &places[i].node);
		if (!r)
			r = number(page, side, &stacks->series[i], &places[i]);
	}
	if (!r)
		r = merge(page, side->profiled, &tree, places);
	calltree_free(&tree);
	return r;
}

static int build(struct page *page)
{
	int r = calltree_init(&page->tree);

	if (r || strings_init(&page->names) || strings_init(&page->goroutines) ||
	    strings_init(&page->starts) || strings_init(&page->threads))
		return -ENOMEM;
	for (unsigned side = 0; side < page->count && !r; side++) {
		page->places[side] = calloc(page->sides[side].profiled->stacks.series_count + 1,
					    sizeof(struct place));
		r = page->places[side]
			    ? add_side(page, &page->sides[side], page->places[side])
			    : -ENOMEM;
	}
	return r;
}

/* ---- writing it ---- */

static void put_fact(FILE *out, const char *separator, const char *format, ...)
{
	char words[256], clean[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(words, sizeof(words), format, arguments);
	va_end(arguments);
	fputs(separator, out);
	json_put_string(out, printable_copy(clean, sizeof(clean), words));
}

static __u64 step_of(const struct htmlwriter_side *side)
{
	return side->context->event->step(reader_header(side->context->reader));
}

/* "1.75 s of CPU time", "5120.0 MiB of C memory" */
static void put_total(FILE *out, const struct htmlwriter_side *side)
{
	const struct export_context *context = side->context;
	const struct event *event = context->event;
	double total = (double)profile_cpu_ns(side->profiled->stacks.weight, step_of(side));

	if (events_is_of_bytes(event))
		put_fact(out, ",", "%.1f MiB of %s in use", total / 1048576, event->title);
	else
		put_fact(out, ",", "%.2f s of %s", total / 1e9, event->title);
}

static void put_facts(FILE *out, const struct htmlwriter_side *side, const char *separator,
		      const char *when)
{
	const struct export_context *context = side->context;
	const struct goidshim_header *header = reader_header(context->reader);
	double rate = report_rate_hz(reader_totals(context->reader));
	__u64 lost[GOIDSHIM_LOST_MAX], sum = 0;

	report_lost(context->reader, context->is_followed, lost);
	for (unsigned int i = 0; i < GOIDSHIM_LOST_MAX; i++)
		sum += lost[i];
	put_fact(out, separator, "%spid %u", when, header->pid);
	if (header->object_count)
		put_fact(out, ",", "%s", header->objects[0].go_version);
	put_fact(out, ",", "%llu %s", (unsigned long long)side->profiled->stacks.samples,
		 context->event->records);
	if (rate > 0 && context->event->record == GOIDSHIM_RECORD_SAMPLE)
		put_fact(out, ",", "%.0f Hz", rate);
	put_total(out, side);
	if (sum)
		put_fact(out, ",", "%llu samples lost", (unsigned long long)sum);
}

static void put_all_facts(const struct page *page)
{
	fputs("\"facts\":[", page->out);
	if (page->count == 1)
		put_facts(page->out, &page->sides[0], "", "");
	else {
		put_facts(page->out, &page->sides[0], "", "before: ");
		put_facts(page->out, &page->sides[1], ",", "after: ");
	}
	fputs("],", page->out);
}

static void put_texts(FILE *out, const char *key, const struct strings *strings)
{
	fprintf(out, "\"%s\":[", key);
	for (size_t i = 0; i < strings->count; i++) {
		if (i)
			putc_unlocked(',', out);
		json_put_string(out, strings->texts[i]);
	}
	fputs("],\n", out);
}

static void put_goroutines(FILE *out, const struct page *page)
{
	fputs("\"goroutines\":[{\"title\":\"\",\"start\":0}", out);
	for (size_t i = 1; i < page->goroutines.count; i++) {
		fputs(",\n{\"title\":", out);
		json_put_string(out, page->goroutines.texts[i]);
		fprintf(out, ",\"start\":%u}", page->goroutine_starts[i]);
	}
	fputs("],\n", out);
}

/* [parent, name, kind] */
static void put_nodes(FILE *out, const struct page *page)
{
	put_texts(out, "names", &page->names);
	fputs("\"nodes\":[[0,0,0]", out);
	for (size_t i = 1; i < page->tree.count; i++)
		fprintf(out, ",[%u,%u,%u]", page->tree.nodes[i].parent, page->tree.nodes[i].name,
			page->tree.nodes[i].kind);
	fputs("],\n", out);
}

/*
 * [node, goroutine, thread, weight]; where two are compared, whose steps may differ,
 * the weight in steps of one, and the weight before.
 */
static void put_series(const struct page *page, unsigned side, const char *separator)
{
	const bool is_compared = page->count > 1, is_before = is_compared && side == 0;
	const __u64 step = is_compared ? step_of(&page->sides[side]) : 1;
	const struct stacks *stacks = &page->sides[side].profiled->stacks;

	for (size_t i = 0; i < stacks->series_count; i++) {
		unsigned long long weight = profile_cpu_ns(stacks->series[i].weight, step);
		const struct place *place = &page->places[side][i];

		fprintf(page->out, "%s[%u,%u,%u,%llu", separator, place->node, place->goroutine,
			place->thread, is_before ? 0 : weight);
		if (is_compared)
			fprintf(page->out, ",%llu", is_before ? weight : 0);
		putc_unlocked(']', page->out);
		separator = ",";
	}
}

static void put_all_series(const struct page *page)
{
	fputs("\"series\":[", page->out);
	for (unsigned side = 0; side < page->count; side++)
		put_series(page, side,
			   side && page->sides[0].profiled->stacks.series_count ? "," : "");
	fputs("]", page->out);
}

static void put_data(const struct page *page)
{
	FILE *out = page->out;
	const struct export_context *context = page->sides[page->count - 1].context;
	const struct event *event = context->event;
	const char *exe = target_exe(context->reader), *slash = strrchr(exe, '/');
	char title[256];

	fputs("{\"title\":", out);
	json_put_string(out, printable_copy(title, sizeof(title), slash ? slash + 1 : exe));
	fprintf(out, ",\"event\":\"%s\",\"unit\":\"%s\",\"step\":%llu,\"compared\":%s,",
		event->title, events_unit(event),
		page->count > 1 ? 1ull : step_of(&page->sides[0]),
		page->count > 1 ? "true" : "false");
	put_all_facts(page);
	put_texts(out, "starts", &page->starts);
	put_texts(out, "threads", &page->threads);
	put_goroutines(out, page);
	put_nodes(out, page);
	put_all_series(page);
	fputs("}", out);
}

static void free_page(struct page *page)
{
	calltree_free(&page->tree);
	strings_free(&page->names);
	strings_free(&page->goroutines);
	strings_free(&page->starts);
	strings_free(&page->threads);
	free(page->goroutine_starts);
	for (unsigned side = 0; side < page->count; side++)
		free(page->places[side]);
}

int htmlwriter_write(FILE *out, const struct htmlwriter_side *sides, unsigned count)
{
	struct page page = { .out = out, .sides = sides, .count = count };
	const char *mark = strstr(flamegraph_html, ">" MARK "<") + 1;
	int r = build(&page);

	if (!r) {
		fwrite(flamegraph_html, 1, (size_t)(mark - flamegraph_html), out);
		put_data(&page);
		fputs(mark + strlen(MARK), out);
	}
	free_page(&page);
	return r;
}

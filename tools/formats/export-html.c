/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A flame graph as one HTML file: flamegraph.html, which the build has put into
 * this program, with the profile as JSON in its middle. Stacks are sent once,
 * as a tree; who ran them comes with each series, so the page can group them by
 * goroutine, by start function and by thread.
 */
#include "tools/formats/profiled.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tools/print/json.h"
#include "tools/print/printable.h"
#include "tools/profile/report.h"
#include "tools/ring/target.h"

/* The template, from the assembler: FLAMEGRAPH_HTML is its path. */
__asm__(".pushsection .rodata\n"
	"flamegraph_html:\n"
	".incbin \"" FLAMEGRAPH_HTML "\"\n"
	".byte 0\n"
	".popsection\n");
extern const char flamegraph_html[];

#define MARK "@DATA@"

struct page {
	const struct export_context *context;
	struct profiled *profiled;
	struct calltree tree;
	struct strings goroutines;	/* their titles: number 0 is not used */
	struct strings starts;
	struct strings threads;
	uint32_t *goroutine_starts;	/* of each goroutine, a number in `starts` */
	size_t goroutine_room;
	uint32_t *series_nodes;		/* of each series */
};

/* ---- what the page shows ---- */

static int keep_start(struct page *page, uint32_t goroutine, uint32_t start)
{
	if (goroutine >= page->goroutine_room) {
		size_t room = page->goroutine_room ? page->goroutine_room * 2 : 256;
		uint32_t *grown = reallocarray(page->goroutine_starts, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		page->goroutine_starts = grown;
		page->goroutine_room = room;
	}
	page->goroutine_starts[goroutine] = start;
	return 0;
}

/* Gives numbers to the goroutine, start function and thread of a series. */
static int number(struct page *page, const struct series *series, uint32_t *ret_goroutine,
		  uint32_t *ret_thread)
{
	char words[TITLES_SIZE];
	uint32_t start;
	int r;

	titles_goroutine(page->context, series, words);
	r = strings_add(&page->goroutines, words, ret_goroutine);
	if (series->goid)
		titles_start(page->context, series, words);
	if (!r)
		r = strings_add(&page->starts, words, &start);
	titles_thread(&page->profiled->threads, series, words);
	if (!r)
		r = strings_add(&page->threads, words, ret_thread);
	return r ? r : keep_start(page, *ret_goroutine, start);
}

static int build(struct page *page)
{
	const struct stacks *stacks = &page->profiled->stacks;
	int r = calltree_init(&page->tree);

	if (r || strings_init(&page->goroutines) || strings_init(&page->starts) ||
	    strings_init(&page->threads))
		return -ENOMEM;
	page->series_nodes = calloc(stacks->series_count + 1, sizeof(*page->series_nodes));
	if (!page->series_nodes)
		return -ENOMEM;
	for (size_t i = 0; i < stacks->series_count && !r; i++) {
		uint32_t goroutine, thread;

		progress_step(page->context->progress, "naming functions", i,
			      stacks->series_count);
		r = profiled_add_path(page->profiled, &stacks->series[i], &page->tree,
				      CALLTREE_ROOT, &page->series_nodes[i]);
		if (!r)
			r = number(page, &stacks->series[i], &goroutine, &thread);
	}
	return r;
}

/* ---- writing it ---- */

static void put_fact(FILE *out, const char *format, ...)
{
	char words[256], clean[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(words, sizeof(words), format, arguments);
	va_end(arguments);
	putc(',', out);
	json_put_string(out, printable_copy(clean, sizeof(clean), words));
}

/* "1.75 s of CPU time", "5120.0 MiB of C memory" */
static void put_total(const struct page *page)
{
	const struct export_context *context = page->context;
	const struct event *event = context->event;
	double total = (double)profile_cpu_ns(page->profiled->stacks.weight,
					      event->step(reader_header(context->reader)));

	if (strcmp(events_unit(event), "bytes") == 0)
		put_fact(context->out, "%.1f MiB of %s in use", total / 1048576, event->title);
	else
		put_fact(context->out, "%.2f s of %s", total / 1e9, event->title);
}

static void put_facts(const struct page *page)
{
	const struct export_context *context = page->context;
	const struct goidshim_header *header = reader_header(context->reader);
	const struct stacks *stacks = &page->profiled->stacks;
	double rate = report_rate_hz(reader_totals(context->reader));
	__u64 lost[GOIDSHIM_LOST_MAX], sum = 0;
	char pid[32];

	report_lost(context->reader, context->is_followed, lost);
	for (unsigned int i = 0; i < GOIDSHIM_LOST_MAX; i++)
		sum += lost[i];
	snprintf(pid, sizeof(pid), "pid %u", header->pid);
	fputs("\"facts\":[", context->out);
	json_put_string(context->out, pid);
	if (header->object_count)
		put_fact(context->out, "%s", header->objects[0].go_version);
	put_fact(context->out, "%llu %s", (unsigned long long)stacks->samples,
		 context->event->records);
	if (rate > 0 && context->event->record == GOIDSHIM_RECORD_SAMPLE)
		put_fact(context->out, "%.0f Hz", rate);
	put_total(page);
	if (sum)
		put_fact(context->out, "%llu samples lost", (unsigned long long)sum);
	fputs("],", context->out);
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

/* [parent, name, kind]; names that no node has are not sent. */
static int put_nodes(FILE *out, const struct page *page)
{
	const struct strings *all = &page->profiled->locations.strings;
	uint32_t *numbers = calloc(all->count, sizeof(*numbers)), count = 1;

	if (!numbers)
		return -ENOMEM;
	fputs("\"names\":[\"\"", out);
	for (size_t i = 1; i < page->tree.count; i++) {
		uint32_t name = page->tree.nodes[i].name;

		if (numbers[name])
			continue;
		numbers[name] = count++;
		fputs(",\n", out);
		json_put_string(out, all->texts[name]);
	}
	fputs("],\n\"nodes\":[[0,0,0]", out);
	for (size_t i = 1; i < page->tree.count; i++)
		fprintf(out, ",[%u,%u,%u]", page->tree.nodes[i].parent,
			numbers[page->tree.nodes[i].name], page->tree.nodes[i].kind);
	fputs("],\n", out);
	free(numbers);
	return 0;
}

/* [node, goroutine, thread, weight] */
static int put_series(struct page *page)
{
	const struct stacks *stacks = &page->profiled->stacks;
	FILE *out = page->context->out;
	int r = 0;

	fputs("\"series\":[", out);
	for (size_t i = 0; i < stacks->series_count && !r; i++) {
		uint32_t goroutine = 0, thread = 0;

		r = number(page, &stacks->series[i], &goroutine, &thread);
		fprintf(out, "%s[%u,%u,%u,%llu]", i ? "," : "", page->series_nodes[i], goroutine,
			thread, (unsigned long long)stacks->series[i].weight);
	}
	fputs("]", out);
	return r;
}

static int put_data(struct page *page)
{
	FILE *out = page->context->out;
	const struct event *event = page->context->event;
	const char *exe = target_exe(page->context->reader), *slash = strrchr(exe, '/');
	char title[256];
	int r;

	fputs("{\"title\":", out);
	json_put_string(out, printable_copy(title, sizeof(title), slash ? slash + 1 : exe));
	fprintf(out, ",\"event\":\"%s\",\"unit\":\"%s\",\"step\":%llu,", event->title,
		events_unit(event),
		(unsigned long long)event->step(reader_header(page->context->reader)));
	put_facts(page);
	put_texts(out, "starts", &page->starts);
	put_texts(out, "threads", &page->threads);
	put_goroutines(out, page);
	r = put_nodes(out, page);
	if (!r)
		r = put_series(page);
	fputs("}", out);
	return r;
}

static int end(const struct export_context *context, void *state)
{
	struct page page = { .context = context, .profiled = state };
	const char *mark = strstr(flamegraph_html, ">" MARK "<") + 1;
	int r = profiled_complete(page.profiled);

	if (!r)
		r = build(&page);
	if (!r) {
		fwrite(flamegraph_html, 1, (size_t)(mark - flamegraph_html), context->out);
		r = put_data(&page);
		fputs(mark + strlen(MARK), context->out);
	}
	calltree_free(&page.tree);
	strings_free(&page.goroutines);
	strings_free(&page.starts);
	strings_free(&page.threads);
	free(page.goroutine_starts);
	free(page.series_nodes);
	return r;
}

const struct exporter export_html = {
	.name = "html",
	.about = "a flame graph in one file, for a browser",
	.order = READER_BY_CLAIM,
	.begin = profiled_begin,
	.record = profiled_record,
	.live = profiled_live,
	.end = end,
	.free = profiled_free,
};

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/dump/diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/dump/diffjson.h"
#include "tools/dump/difftext.h"
#include "tools/formats/foldedlines.h"
#include "tools/formats/htmlwriter.h"
#include "tools/formats/pprofwriter.h"
#include "tools/formats/reading.h"
#include "tools/tables/array.h"

static const struct goidshim_module *executable(const struct reader *reader)
{
	for (size_t i = 0; i < reader_module_count(reader); i++)
		if (reader_module(reader, i)->index == 0)
			return reader_module(reader, i);
	return NULL;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool diff_is_same_program(const struct reader *a, const struct reader *b)
{
	const struct goidshim_module *x = executable(a), *y = executable(b);

	if (!x || !y)
		return !x && !y;
	if (x->build_id_size || y->build_id_size)
		return x->build_id_size == y->build_id_size &&
		       !memcmp(x->build_id, y->build_id, x->build_id_size);
	return !strcmp(base_name(x->path), base_name(y->path));
}

static bool is_common(const struct event *event, const struct reader *a, const struct reader *b)
{
	return events_is_recorded(event, reader_header(a)) &&
	       events_is_recorded(event, reader_header(b));
}

const struct event *diff_common_event(const struct reader *a, const struct reader *b)
{
	for (const struct event *const *e = events_all; *e; e++)
		if (is_common(*e, a, b))
			return *e;
	return NULL;
}

/* ---- reading ---- */

static int record(const struct export_context *context, void *state, const struct reader_item *item)
{
	struct diff_ring *ring = state;
	int err = 0;

	for (unsigned i = 0; i < DIFF_EVENTS_MAX && !err; i++)
		if (ring->profiled[i])
			err = profiled_record(&ring->contexts[i], ring->profiled[i], item);
	return err;
}

static int live(const struct export_context *context, void *state,
		const struct goidshim_alloc *alloc)
{
	struct diff_ring *ring = state;
	int err = 0;

	for (unsigned i = 0; i < DIFF_EVENTS_MAX && !err; i++)
		if (ring->profiled[i])
			err = profiled_live(&ring->contexts[i], ring->profiled[i], alloc);
	return err;
}

/* All events in one pass. */
static const struct exporter collector = {
	.order = READER_BY_CLAIM,
	.record = record,
	.live = live,
};

static int begin_event(struct diff_ring *ring, const struct export_context *context, unsigned i)
{
	void *state;
	int err;

	ring->contexts[i] = *context;
	ring->contexts[i].event = events_all[i];
	err = profiled_begin(&ring->contexts[i], &state);
	if (!err)
		ring->profiled[i] = state;
	return err;
}

static int read_ring(struct diff_ring *ring, const struct reader *other,
		     const struct export_context *context, struct filter *filter)
{
	struct export_context own = *context;
	int err = 0;

	for (unsigned i = 0; events_all[i] && !err; i++)
		if ((!context->only || context->only == events_all[i]) &&
		    is_common(events_all[i], ring->reader, other))
			err = begin_event(ring, context, i);
	if (!err)
		err = reading_into(ring->reader, filter, &collector, &own, ring);
	for (unsigned i = 0; events_all[i] && !err; i++)
		if (ring->profiled[i])
			err = profiled_complete(ring->profiled[i]);
	/* Addresses and thread ids mean something else in the next ring. */
	filter_forget(filter);
	return err;
}

/* ---- folded ---- */

/* The stacks of both, by name. */
struct merged {
	struct strings strings;
	struct calltree tree;
	__u64 (*weights)[2];		/* by node: before and after */
	size_t room;
};

static int add_weights(struct merged *merged, const struct calltree *tree, char *const *texts,
		       unsigned side)
{
	uint32_t *numbers = calloc(tree->count, sizeof(*numbers));
	int r = numbers ? calltree_merge(&merged->tree, &merged->strings, tree, texts, numbers)
			: -ENOMEM;

	if (!r)
		r = array_reserve(&merged->weights, 0, merged->tree.count, &merged->room,
				  sizeof(*merged->weights));
	for (uint32_t i = 1; i < tree->count && !r; i++)
		merged->weights[numbers[i]][side] += tree->nodes[i].self;
	free(numbers);
	return r;
}

/* Adds a ring's stacks. */
static int merge(struct merged *merged, const struct export_context *context,
		 struct profiled *profiled, unsigned side)
{
	__u64 step = context->event->step(reader_header(context->reader));
	struct calltree tree;
	int r = calltree_init(&tree);

	for (size_t i = 0; i < profiled->stacks.series_count && !r; i++) {
		const struct series *series = &profiled->stacks.series[i];
		uint32_t node = CALLTREE_ROOT;

		r = profiled_add_rooted_path(context, profiled, series, &tree, &node);
		if (!r)
			tree.nodes[node].self += profile_cpu_ns(series->weight, step);
	}
	if (!r)
		r = add_weights(merged, &tree, profiled->locations.strings.texts, side);
	calltree_free(&tree);
	return r;
}

/* "stack before after", as difffolded.pl writes it. */
static void put_line(FILE *out, const char *stack, size_t size, uint32_t node, const void *state)
{
	const struct merged *merged = state;
	const __u64 *weights = merged->weights[node];

	if (!weights[0] && !weights[1])
		return;
	fwrite(stack, 1, size, out);
	fprintf(out, " %llu %llu\n", weights[0], weights[1]);
}

static int put_folded(struct diff_ring rings[static 2], unsigned event)
{
	struct merged merged = { 0 };
	int r = calltree_init(&merged.tree);

	if (!r)
		r = strings_init(&merged.strings);
	for (unsigned side = 0; side < 2 && !r; side++)
		r = merge(&merged, &rings[side].contexts[event], rings[side].profiled[event], side);
	if (!r)
		r = calltree_sort(&merged.tree, merged.strings.texts, merged.strings.count);
	if (!r)
		r = foldedlines_put(rings[0].contexts[event].out, &merged.tree,
				    merged.strings.texts, put_line, &merged);
	strings_free(&merged.strings);
	calltree_free(&merged.tree);
	free(merged.weights);
	return r;
}

/* ---- the formats ---- */

static int put_pprof(struct diff_ring rings[static 2], unsigned event)
{
	const struct pprofwriter_side sides[] = {
		{ &rings[0].contexts[event], rings[0].profiled[event], true },
		{ &rings[1].contexts[event], rings[1].profiled[event], false },
	};

	return pprofwriter_write(rings[0].contexts[event].out, sides, 2);
}

static int put_html(struct diff_ring rings[static 2], unsigned event)
{
	const struct htmlwriter_side sides[] = {
		{ &rings[0].contexts[event], rings[0].profiled[event] },
		{ &rings[1].contexts[event], rings[1].profiled[event] },
	};

	return htmlwriter_write(rings[0].contexts[event].out, sides, 2);
}

static int put_text(struct diff_ring rings[static 2], unsigned first)
{
	int r = 0;

	difftext_begin(rings, first);
	for (unsigned i = first; events_all[i] && !r; i++)
		if (rings[0].profiled[i])
			r = difftext_put(rings, i);
	return r;
}

/* Of the first event that is compared, or of that and all behind it. */
static const struct {
	const struct exporter *format;
	int (*put)(struct diff_ring rings[static 2], unsigned first);
} formats[] = {
	{ &export_text, put_text },
	{ &export_json, diffjson_put },
	{ &export_folded, put_folded },
	{ &export_pprof, put_pprof },
	{ &export_html, put_html },
};

static int find_format(const struct exporter *format)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (formats[i].format == format)
			return (int)i;
	return -1;
}

bool diff_has_format(const struct exporter *format)
{
	return find_format(format) >= 0;
}

static int put(struct diff_ring rings[static 2], const struct exporter *format)
{
	for (unsigned i = 0; events_all[i]; i++)
		if (rings[0].profiled[i])
			return formats[find_format(format)].put(rings, i);
	return 0;
}

int diff_report(struct reader *readers[static 2], const struct export_context contexts[static 2],
		struct filter *filter, const struct exporter *format)
{
	struct diff_ring rings[2] = { { .reader = readers[0] }, { .reader = readers[1] } };
	int r = 0;

	for (unsigned side = 0; side < 2 && !r; side++)
		r = read_ring(&rings[side], readers[!side], &contexts[side], filter);
	if (!r)
		r = put(rings, format);
	for (unsigned side = 0; side < 2; side++)
		for (unsigned i = 0; i < DIFF_EVENTS_MAX; i++)
			if (rings[side].profiled[i])
				profiled_free(rings[side].profiled[i]);
	return r;
}

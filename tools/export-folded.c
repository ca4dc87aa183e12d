/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Folded stacks: a line for each different stack, "root;caller;leaf 42", as
 * flamegraph.pl, speedscope and inferno read. The number counts sample periods.
 */
#include "tools/profiled.h"

#include <errno.h>

/* The number of the frame that stands above a series' own, or 0 for none. */
static int root_name(const struct export_context *context, struct profiled *profiled,
		     const struct series *series, uint32_t *ret_name)
{
	char name[PROFILED_TITLE_SIZE] = "";

	switch (context->root) {
	case EXPORT_ROOT_NONE:
		break;
	case EXPORT_ROOT_GOROUTINE:
		profiled_goroutine(context, series, name);
		break;
	case EXPORT_ROOT_START:
		profiled_start(context, series, name);
		if (!*name)
			profiled_goroutine(context, series, name);
		break;
	case EXPORT_ROOT_THREAD:
		profiled_thread(profiled, series, name);
		break;
	}
	return strings_add(&profiled->locations.strings, name, ret_name);
}

static int add_series(const struct export_context *context, struct profiled *profiled,
		      const struct series *series, struct calltree *tree)
{
	uint32_t node = CALLTREE_ROOT, name;
	int r = root_name(context, profiled, series, &name);

	if (!r && name)
		r = calltree_child(tree, node, name, LOCATION_UNKNOWN, &node);
	if (!r)
		r = profiled_add_path(profiled, series, tree, node, &node);
	if (!r)
		tree->nodes[node].self += series->periods;
	return r;
}

/* A semicolon in a name would end its frame. */
static void put_name(FILE *out, const char *name)
{
	for (; *name; name++)
		putc_unlocked(*name == ';' ? ':' : *name, out);
}

static void put_line(FILE *out, const struct calltree *tree, uint32_t node, char *const *texts)
{
	uint32_t path[GOIDSHIM_MAX_STACK * SYMBOLIZER_FRAMES_MAX + 3];
	size_t depth = 0;

	for (uint32_t at = node; at != CALLTREE_ROOT; at = tree->nodes[at].parent)
		path[depth++] = at;
	while (depth-- > 0) {
		put_name(out, texts[tree->nodes[path[depth]].name]);
		putc_unlocked(depth ? ';' : ' ', out);
	}
	fprintf(out, "%llu\n", (unsigned long long)tree->nodes[node].self);
}

/* Depth first, so that the lines come out sorted. */
static void put_tree(FILE *out, const struct calltree *tree, char *const *texts)
{
	uint32_t at = tree->nodes[CALLTREE_ROOT].first_child;

	while (at != CALLTREE_ROOT) {
		const struct calltree_node *node = &tree->nodes[at];

		if (node->self)
			put_line(out, tree, at, texts);
		if (node->first_child) {
			at = node->first_child;
			continue;
		}
		while (at != CALLTREE_ROOT && !tree->nodes[at].next)
			at = tree->nodes[at].parent;
		at = at == CALLTREE_ROOT ? at : tree->nodes[at].next;
	}
}

static int end(const struct export_context *context, void *state)
{
	struct profiled *profiled = state;
	struct calltree tree;
	int r = calltree_init(&tree);

	for (size_t i = 0; i < profiled->stacks.series_count && !r; i++) {
		progress_step(context->progress, "naming functions", i,
			      profiled->stacks.series_count);
		r = add_series(context, profiled, &profiled->stacks.series[i], &tree);
	}
	if (!r)
		r = calltree_sort(&tree, profiled->locations.strings.texts);
	if (!r)
		put_tree(context->out, &tree, profiled->locations.strings.texts);
	calltree_free(&tree);
	return r;
}

const struct exporter export_folded = {
	.name = "folded",
	.about = "a line for each stack, for flamegraph.pl and speedscope",
	.order = READER_BY_CLAIM,
	.begin = profiled_begin,
	.record = profiled_record,
	.end = end,
	.free = profiled_free,
};

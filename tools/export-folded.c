/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Folded stacks: a line for each different stack, "root;caller;leaf 42", as
 * flamegraph.pl, speedscope and inferno read. The number counts sample periods of
 * CPU or wall time, nanoseconds of waits, bytes in use of C memory.
 */
#include "tools/profiled.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The number of the frame that stands above a series' own, or 0 for none. */
static int root_name(const struct export_context *context, struct profiled *profiled,
		     const struct series *series, uint32_t *ret_name)
{
	char name[TITLES_SIZE] = "";

	switch (context->root) {
	case EXPORT_ROOT_NONE:
		break;
	case EXPORT_ROOT_GOROUTINE:
		titles_goroutine(context, series, name);
		break;
	case EXPORT_ROOT_START:
		titles_start(context, series, name);
		if (!*name)
			titles_goroutine(context, series, name);
		break;
	case EXPORT_ROOT_THREAD:
		titles_thread(&profiled->threads, series, name);
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
		tree->nodes[node].self += series->weight;
	return r;
}

/* A line that grows and shrinks with the path from the root. */
struct line {
	char *text;
	size_t size;
	size_t room;
	size_t *ends;		/* where the path was so many frames long */
	size_t depth;
	size_t depth_room;
};

/* Appends a frame. A semicolon in a name would end it. */
static int push(struct line *line, const char *name)
{
	size_t length = strlen(name);

	if (line->size + length + 1 > line->room) {
		char *grown = realloc(line->text, 2 * (line->size + length + 1));

		if (!grown)
			return -ENOMEM;
		line->text = grown;
		line->room = 2 * (line->size + length + 1);
	}
	if (line->depth == line->depth_room) {
		size_t room = line->depth_room ? 2 * line->depth_room : 256;
		size_t *grown = reallocarray(line->ends, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		line->ends = grown;
		line->depth_room = room;
	}
	line->ends[line->depth++] = line->size;
	for (; *name; name++)
		line->text[line->size++] = *name == ';' ? ':' : *name;
	line->text[line->size++] = ';';
	return 0;
}

static void pop(struct line *line)
{
	line->size = line->ends[--line->depth];
}

/* Depth first, so that the lines come out sorted. */
static int put_tree(FILE *out, const struct calltree *tree, char *const *texts, struct line *line)
{
	uint32_t at = tree->nodes[CALLTREE_ROOT].first_child;

	while (at != CALLTREE_ROOT) {
		const struct calltree_node *node = &tree->nodes[at];

		if (push(line, texts[node->name]))
			return -ENOMEM;
		if (node->self) {
			fwrite(line->text, 1, line->size - 1, out);
			fprintf(out, " %llu\n", (unsigned long long)node->self);
		}
		if (node->first_child) {
			at = node->first_child;
			continue;
		}
		pop(line);
		while (at != CALLTREE_ROOT && !tree->nodes[at].next) {
			at = tree->nodes[at].parent;
			if (at != CALLTREE_ROOT)
				pop(line);
		}
		at = at == CALLTREE_ROOT ? at : tree->nodes[at].next;
	}
	return 0;
}

static int end(const struct export_context *context, void *state)
{
	struct profiled *profiled = state;
	const struct strings *strings = &profiled->locations.strings;
	struct line line = { 0 };
	struct calltree tree;
	int r = calltree_init(&tree);

	profiled_complete(profiled);

	for (size_t i = 0; i < profiled->stacks.series_count && !r; i++) {
		progress_step(context->progress, "naming functions", i,
			      profiled->stacks.series_count);
		r = add_series(context, profiled, &profiled->stacks.series[i], &tree);
	}
	if (!r)
		r = calltree_sort(&tree, strings->texts, strings->count);
	if (!r)
		r = put_tree(context->out, &tree, strings->texts, &line);
	calltree_free(&tree);
	free(line.text);
	free(line.ends);
	return r;
}

const struct exporter export_folded = {
	.name = "folded",
	.about = "a line for each stack, for flamegraph.pl and speedscope",
	.order = READER_BY_CLAIM,
	.begin = profiled_begin,
	.record = profiled_record,
	.live = profiled_live,
	.end = end,
	.free = profiled_free,
};

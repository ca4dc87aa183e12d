/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Folded stacks: a line for each different stack, "root;caller;leaf 42", as
 * flamegraph.pl, speedscope and inferno read. The number counts sample periods of
 * CPU or wall time, nanoseconds of waits, bytes in use of C memory.
 */
#include "tools/formats/foldedlines.h"
#include "tools/formats/profiled.h"

static void put_line(FILE *out, const char *stack, size_t size, uint32_t node, const void *state)
{
	const struct calltree *tree = state;

	if (!tree->nodes[node].self)
		return;
	fwrite(stack, 1, size, out);
	fprintf(out, " %llu\n", (unsigned long long)tree->nodes[node].self);
}

static int end(const struct export_context *context, void *state)
{
	struct profiled *profiled = state;
	const struct strings *strings = &profiled->locations.strings;
	struct calltree tree;
	int r = calltree_init(&tree);

	if (!r)
		r = profiled_complete(profiled);
	for (size_t i = 0; i < profiled->stacks.series_count && !r; i++) {
		uint32_t node = CALLTREE_ROOT;

		progress_step(context->progress, "naming functions", i,
			      profiled->stacks.series_count);
		r = profiled_add_rooted_path(context, profiled, &profiled->stacks.series[i], &tree,
					     &node);
		if (!r)
			tree.nodes[node].self += profiled->stacks.series[i].weight;
	}
	if (!r)
		r = calltree_sort(&tree, strings->texts, strings->count);
	if (!r)
		r = foldedlines_put(context->out, &tree, strings->texts, put_line, &tree);
	calltree_free(&tree);
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

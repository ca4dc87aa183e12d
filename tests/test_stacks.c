/* SPDX-License-Identifier: BSD-2-Clause */
/* Adding up: samples by stack and owner, texts by number, labels, merged trees. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/profile/calltree.h"
#include "tools/profile/stacks.h"
#include "tools/ring/labels.h"
#include "tools/tables/strings.h"

TestSuite(stacks, .timeout = 20);

struct whole {
	struct goidshim_sample sample;
	__u64 rest[GOIDSHIM_MAX_STACK + 8];
};

/* A sample of `goid` with `depth` frames that begin with `leaf`. */
static struct whole make(__u64 goid, __u16 depth, __u64 leaf)
{
	struct whole w = { .sample = { .goid = goid, .pc = leaf, .periods = 2,
				       .stack_depth = depth } };

	for (__u16 i = 0; i < depth; i++)
		w.rest[i] = leaf + i;
	return w;
}

/* As the stacks must be, kept in the simplest way: every sample against every series. */
struct model {
	struct whole *samples;
	__u64 *counts;
	size_t count;
};

static bool is_same(const struct whole *a, const struct whole *b)
{
	return a->sample.goid == b->sample.goid && a->sample.tid == b->sample.tid &&
	       a->sample.stack_depth == b->sample.stack_depth && a->sample.pc == b->sample.pc &&
	       !memcmp(a->rest, b->rest, sizeof(a->rest));
}

static void model_add(struct model *model, const struct whole *w)
{
	for (size_t i = 0; i < model->count; i++)
		if (is_same(&model->samples[i], w)) {
			model->counts[i]++;
			return;
		}
	model->samples[model->count] = *w;
	model->counts[model->count++] = 1;
}

static int add(struct stacks *stacks, const struct goidshim_sample *sample)
{
	return stacks_add(stacks, sample, 0, 2, NULL);
}

static int add_late(struct stacks *stacks, const struct goidshim_sample *sample)
{
	return stacks_add_late(stacks, sample, 0, 2);
}

static void compare_with_model(size_t most,
			       int (*add_)(struct stacks *, const struct goidshim_sample *))
{
	struct model model = { calloc(most, sizeof(struct whole)), calloc(most, sizeof(__u64)), 0 };
	struct stacks stacks = { 0 };

	srand(7);
	for (size_t i = 0; i < most; i++) {
		struct whole w = make((__u64)rand() % 4, (__u16)(rand() % 5),
				      0x1000 + (__u64)(rand() % 9) * 8);

		w.sample.tid = (__u32)(rand() % 3);
		cr_assert(zero(int, add_(&stacks, &w.sample)));
		if (!w.sample.stack_depth) { /* means the stack of its pc alone */
			w.sample.stack_depth = 1;
			w.rest[0] = w.sample.pc;
		}
		model_add(&model, &w);
	}
	cr_assert(zero(int, stacks_flush(&stacks)));
	cr_assert(eq(sz, stacks.series_count, model.count));
	for (size_t i = 0; i < model.count; i++) {
		const struct series *series = &stacks.series[i];
		const struct stack *stack = &stacks.stacks[series->stack];
		const struct whole *want = &model.samples[i];
		__u16 depth = want->sample.stack_depth;

		cr_assert(eq(u64, series->goid, want->sample.goid));
		cr_assert(eq(u32, series->tid, want->sample.tid));
		cr_assert(eq(u64, series->samples, model.counts[i]));
		cr_assert(eq(u64, series->weight, 2 * model.counts[i]));
		cr_assert(eq(u16, stack->depth, depth));
		cr_assert(eq(u64, stacks.pcs[stack->first], want->sample.pc));
		cr_assert(zero(int, memcmp(stacks.pcs + stack->first + 1, want->rest + 1,
					   (stack->depth - 1u) * sizeof(__u64))));
	}
	cr_expect(eq(u64, stacks.samples, most));
	stacks_free(&stacks);
	free(model.samples);
	free(model.counts);
}

Test(stacks, random_samples_are_counted_as_the_simplest_way_does)
{
	compare_with_model(4000, add);
}

/* The samples themselves are gone by then; and some are fewer than wait for each other. */
Test(stacks, and_so_are_those_that_are_added_late)
{
	compare_with_model(4001, add_late);
	compare_with_model(3, add_late);
}

Test(stacks, how_a_stack_ended_tells_it_apart)
{
	struct whole whole = make(1, 3, 0x1000), cut = whole, gap = whole;
	struct stacks stacks = { 0 };
	struct series series;

	cut.sample.stack_end = GOIDSHIM_STACK_NO_CFI;
	gap.sample.stack_gap = GOIDSHIM_STACK_NO_CFI;
	cr_assert(zero(int, stacks_add(&stacks, &whole.sample, 0, 2, &series)));
	cr_expect(eq(u32, series.stack, 0));
	cr_assert(zero(int, stacks_add(&stacks, &cut.sample, 0, 2, &series)));
	cr_expect(eq(u32, series.stack, 1));
	cr_assert(zero(int, stacks_add(&stacks, &gap.sample, 0, 2, &series)));
	cr_expect(eq(u32, series.stack, 2));
	cr_assert(zero(int, stacks_add(&stacks, &whole.sample, 0, 2, &series)));
	cr_expect(eq(u64, series.samples, 2));
	stacks_free(&stacks);
}

/* Appends labels to a sample without frames, as the shim packs them. */
static void put_label(struct whole *w, const char *key, const char *value)
{
	char *to = (char *)w->rest + w->sample.labels_size;
	__u16 sizes[2] = { (__u16)strlen(key), (__u16)strlen(value) };

	memcpy(to, sizes, sizeof(sizes));
	memcpy(to + 4, key, sizes[0]);
	memcpy(to + 4 + sizes[0], value, sizes[1]);
	w->sample.labels_size += 4u + sizes[0] + sizes[1];
}

Test(stacks, labels_tell_apart_and_can_be_read_back)
{
	struct whole plain = make(1, 0, 0x1000), gold = plain, both = plain;
	struct stacks stacks = { 0 };
	struct series series;
	struct label label;
	const char *bytes;
	size_t size;

	put_label(&gold, "tier", "gold");
	put_label(&both, "tier", "gold");
	put_label(&both, "request", "");
	cr_assert(zero(int, stacks_add(&stacks, &plain.sample, 0, 2, &series)));
	cr_expect(eq(u32, series.labels, 0));
	cr_assert(zero(int, stacks_add(&stacks, &gold.sample, 0, 2, &series)));
	cr_expect(eq(u32, series.labels, 1));
	cr_assert(zero(int, stacks_add(&stacks, &both.sample, 0, 2, &series)));
	cr_expect(eq(u32, series.labels, 2));
	cr_assert(zero(int, stacks_add(&stacks, &gold.sample, 0, 2, &series)));
	cr_expect(eq(u64, series.samples, 2));

	bytes = stacks.label_bytes + stacks.labels[1].first;
	size = stacks.labels[1].size;
	cr_assert(labels_next(&bytes, &size, &label));
	cr_expect(labels_equal(&label, "tier", "gold"));
	cr_expect(not(labels_equal(&label, "tier", "gol")));
	cr_assert(labels_next(&bytes, &size, &label));
	cr_expect(labels_equal(&label, "request", ""));
	cr_expect(not(labels_next(&bytes, &size, &label)));
	stacks_free(&stacks);
}

/* Every cut of good labels, and sizes that reach beyond the end. */
Test(stacks, damaged_labels_end)
{
	struct whole w = make(1, 0, 0x1000);

	put_label(&w, "tier", "gold");
	put_label(&w, "request", "12");
	for (size_t cut = 0; cut < w.sample.labels_size; cut++) {
		char *copy = malloc(cut ? cut : 1); /* so that ASan sees its end */
		const char *bytes = copy;
		size_t size = cut, labels = 0;
		struct label label;

		memcpy(copy, w.rest, cut);
		while (labels_next(&bytes, &size, &label))
			labels++;
		cr_expect(eq(sz, labels, cut < 12 ? 0 : 1), "cut %zu", cut);
		free(copy);
	}
}

Test(stacks, texts_are_numbered_once)
{
	struct strings strings;
	char text[32];
	uint32_t id;

	cr_assert(zero(int, strings_init(&strings)));
	for (int round = 0; round < 2; round++)
		for (unsigned int i = 0; i < 5000; i++) {
			snprintf(text, sizeof(text), i ? "text %u" : "", i);
			cr_assert(zero(int, strings_add(&strings, text, &id)));
			cr_assert(eq(u32, id, i));
		}
	cr_assert(zero(int, strings_add(&strings, NULL, &id)));
	cr_expect(eq(u32, id, 0));
	cr_expect(eq(sz, strings.count, 5000));
	strings_free(&strings);
}

Test(stacks, a_tree_has_each_path_once_in_the_order_of_names)
{
	char none[] = "", name_b[] = "b", name_a[] = "a", name_c[] = "c";
	char *texts[] = { none, name_b, name_a, name_c };
	struct calltree tree;
	uint32_t b, a, c, again, other;

	cr_assert(zero(int, calltree_init(&tree)));
	cr_assert(zero(int, calltree_child(&tree, CALLTREE_ROOT, 1, 0, &b)));
	cr_assert(zero(int, calltree_child(&tree, CALLTREE_ROOT, 3, 0, &c)));
	cr_assert(zero(int, calltree_child(&tree, CALLTREE_ROOT, 2, 0, &a)));
	cr_assert(zero(int, calltree_child(&tree, a, 1, 0, &again)));
	cr_expect(ne(u32, again, b));
	cr_assert(zero(int, calltree_child(&tree, CALLTREE_ROOT, 1, 0, &again)));
	cr_expect(eq(u32, again, b));
	cr_assert(zero(int, calltree_child(&tree, CALLTREE_ROOT, 1, 7, &other)));
	cr_expect(ne(u32, other, b));
	cr_assert(zero(int, calltree_sort(&tree, texts, 4)));
	cr_expect(eq(u32, tree.nodes[CALLTREE_ROOT].first_child, a));
	again = tree.nodes[a].next;
	cr_expect(eq(u32, tree.nodes[again].name, 1));
	again = tree.nodes[again].next;
	cr_expect(eq(u32, tree.nodes[again].name, 1));
	cr_expect(eq(u32, tree.nodes[again].next, c));
	cr_expect(zero(u32, tree.nodes[c].next));
	calltree_free(&tree);
}

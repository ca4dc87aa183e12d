/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/profile/calltree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_same(const void *owner, uint32_t id, const void *key)
{
	const struct calltree_node *node = &((const struct calltree *)owner)->nodes[id];
	const uint32_t *wanted = key;

	return node->parent == wanted[0] && node->name == wanted[1] && node->kind == wanted[2];
}

static int append(struct calltree *tree, const uint32_t key[3])
{
	if (tree->count == tree->room) {
		size_t room = tree->room ? tree->room * 2 : 1024;
		struct calltree_node *nodes = reallocarray(tree->nodes, room, sizeof(*nodes));

		if (!nodes)
			return -ENOMEM;
		tree->nodes = nodes;
		tree->room = room;
	}
	tree->nodes[tree->count++] =
		(struct calltree_node){ .parent = key[0], .name = key[1], .kind = key[2] };
	return 0;
}

int calltree_init(struct calltree *tree)
{
	static const uint32_t root[3];

	*tree = (struct calltree){ 0 };
	return append(tree, root);
}

void calltree_free(struct calltree *tree)
{
	free(tree->nodes);
	hashindex_free(&tree->index);
}

int calltree_child(struct calltree *tree, uint32_t parent, uint32_t name, uint32_t kind,
		   uint32_t *ret_node)
{
	uint32_t key[3] = { parent, name, kind };
	uint64_t hash = hashindex_bytes(0, key, sizeof(key));
	uint32_t node = hashindex_find(&tree->index, hash, is_same, tree, key);

	if (node == HASHINDEX_NONE) {
		node = (uint32_t)tree->count;
		if (append(tree, key) || hashindex_add(&tree->index, hash, node))
			return -ENOMEM;
	}
	*ret_node = node;
	return 0;
}

/* A node's parent has a smaller number. */
int calltree_merge(struct calltree *to, struct strings *strings, const struct calltree *from,
		   char *const *texts, uint32_t *numbers)
{
	int r = 0;

	numbers[CALLTREE_ROOT] = CALLTREE_ROOT;
	for (uint32_t i = 1; i < from->count && !r; i++) {
		const struct calltree_node *node = &from->nodes[i];
		uint32_t name;

		r = strings_add(strings, texts[node->name], &name);
		if (!r)
			r = calltree_child(to, numbers[node->parent], name, node->kind,
					   &numbers[i]);
	}
	return r;
}

struct order {
	const char *text;
	uint32_t name;
};

static int compare(const void *a, const void *b)
{
	const struct order *x = a, *y = b;

	return strcmp(x->text, y->text);
}

/* Fills ranks[name] for every text: sorting names is less work than sorting nodes. */
static int rank_names(char *const *texts, size_t count, uint32_t *ranks)
{
	struct order *order = calloc(count, sizeof(*order));

	if (!order)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		order[i] = (struct order){ texts[i], i };
	qsort(order, count, sizeof(*order), compare);
	for (uint32_t i = 0; i < count; i++)
		ranks[order[i].name] = i;
	free(order);
	return 0;
}

/* The nodes by descending rank of their names, in heads[rank] and then along `next`. */
static void collect(struct calltree *tree, const uint32_t *ranks, uint32_t *heads)
{
	for (uint32_t i = 1; i < tree->count; i++) {
		struct calltree_node *node = &tree->nodes[i];

		node->first_child = 0;
		node->next = heads[ranks[node->name]];
		heads[ranks[node->name]] = i;
	}
	tree->nodes[CALLTREE_ROOT].first_child = 0;
}

/* Each node is put before the siblings that were put there already. */
static void link_children(struct calltree *tree, const uint32_t *heads, size_t count)
{
	for (size_t rank = count; rank-- > 0;) {
		for (uint32_t at = heads[rank], next; at; at = next) {
			struct calltree_node *node = &tree->nodes[at];

			next = node->next;
			node->next = tree->nodes[node->parent].first_child;
			tree->nodes[node->parent].first_child = at;
		}
	}
}

int calltree_sort(struct calltree *tree, char *const *texts, size_t count)
{
	uint32_t *ranks = calloc(2 * count, sizeof(*ranks));
	int r = ranks ? rank_names(texts, count, ranks) : -ENOMEM;

	if (!r) {
		collect(tree, ranks, ranks + count);
		link_children(tree, ranks + count, count);
	}
	free(ranks);
	return r;
}

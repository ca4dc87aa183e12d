/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stacks merged by function into a tree, root first: what a flame graph shows.
 * Signal-safe: no.
 */
#ifndef TOOLS_CALLTREE_H
#define TOOLS_CALLTREE_H

#include "tools/tables/hashindex.h"
#include "tools/tables/strings.h"

#define CALLTREE_ROOT 0u	/* a node without a name, the parent of all */

struct calltree_node {
	uint32_t parent;
	uint32_t name;		/* in the caller's strings */
	uint32_t kind;		/* the caller's; the same name with another kind is another node */
	uint32_t first_child;	/* 0: none; valid after calltree_sort */
	uint32_t next;		/* sibling; 0: none; valid after calltree_sort */
	uint64_t self;		/* added up by the caller */
};

struct calltree {
	struct calltree_node *nodes;
	size_t count;
	size_t room;
	struct hashindex index;
};

/* Makes a tree of the root alone. Returns 0 or -ENOMEM. */
int calltree_init(struct calltree *tree);
void calltree_free(struct calltree *tree);

/* The child of `parent` with this name and kind, made if there is none. Returns 0 or -ENOMEM. */
int calltree_child(struct calltree *tree, uint32_t parent, uint32_t name, uint32_t kind,
		   uint32_t *ret_node);

/*
 * Adds the nodes of `from`, whose names are numbers in `texts`, to `to`, whose names are
 * numbers in `strings`. numbers[node], for each of from's, becomes the node of `to`; the
 * caller adds up what they hold. Returns 0 or -ENOMEM.
 */
int calltree_merge(struct calltree *to, struct strings *strings, const struct calltree *from,
		   char *const *texts, uint32_t *numbers);

/*
 * Links children to parents, in the order of their texts[name]; `count` texts
 * cover every name. Returns 0 or -ENOMEM.
 */
int calltree_sort(struct calltree *tree, char *const *texts, size_t count);

#endif

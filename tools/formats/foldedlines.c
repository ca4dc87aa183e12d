/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/formats/foldedlines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
static int put_tree(FILE *out, const struct calltree *tree, char *const *texts, struct line *line,
		    foldedlines_line *put, const void *state)
{
	uint32_t at = tree->nodes[CALLTREE_ROOT].first_child;

	while (at != CALLTREE_ROOT) {
		const struct calltree_node *node = &tree->nodes[at];

		if (push(line, texts[node->name]))
			return -ENOMEM;
		put(out, line->text, line->size - 1, at, state);
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

int foldedlines_put(FILE *out, const struct calltree *tree, char *const *texts,
		    foldedlines_line *put, const void *state)
{
	struct line line = { 0 };
	int r = put_tree(out, tree, texts, &line, put, state);

	free(line.text);
	free(line.ends);
	return r;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/formats/whereabouts.h"

#include <stdio.h>
#include <string.h>

#include "tools/formats/textparts.h"
#include "tools/print/printable.h"
#include "tools/profile/callsites.h"

#define NAME_SIZE 200

static void name(const char *function, char ret[static NAME_SIZE])
{
	char clean[NAME_SIZE];

	printable_copy(clean, sizeof(clean), function);
	snprintf(ret, NAME_SIZE, "%s", textparts_after_slashes(clean, 0));
}

/* The innermost Go function that is the program's own. Returns false if there is none. */
static bool find_go(const struct stacks *stacks, const struct stack *stack,
		    struct symbolizer *symbolizer, char ret[static NAME_SIZE])
{
	const __u64 *pcs = stacks->pcs + stack->first;
	struct symbol frames[SYMBOLIZER_FRAMES_MAX];

	for (unsigned i = 0; i < stack->depth; i++) {
		bool is_go;
		unsigned count = symbolizer_frames(symbolizer, pcs[i] - (i > 0), stack->era,
						   frames, &is_go);

		for (unsigned j = 0; is_go && j < count; j++) {
			if (callsites_is_passed_on(frames[j].function))
				continue;
			name(frames[j].function, ret);
			return true;
		}
	}
	return false;
}

void whereabouts_of(const struct stacks *stacks, uint32_t id, struct symbolizer *symbolizer,
		    char ret[static WHEREABOUTS_SIZE])
{
	const struct stack *stack = &stacks->stacks[id];
	struct symbol frames[SYMBOLIZER_FRAMES_MAX];
	char leaf[NAME_SIZE], go[NAME_SIZE];
	bool is_go = false;
	unsigned count = symbolizer_frames(symbolizer, stacks->pcs[stack->first], stack->era,
					   frames, &is_go);

	if (count)
		name(frames[0].function, leaf);
	else
		snprintf(leaf, sizeof(leaf), "0x%llx", stacks->pcs[stack->first]);
	if (find_go(stacks, stack, symbolizer, go) && strcmp(go, leaf) != 0)
		snprintf(ret, WHEREABOUTS_SIZE, "%s -> %s", go, leaf);
	else
		snprintf(ret, WHEREABOUTS_SIZE, "%s", leaf);
}

void whereabouts_site(const struct stacks *stacks, uint32_t stack, struct symbolizer *symbolizer,
		      char ret[static WHEREABOUTS_SIZE])
{
	char function[NAME_SIZE], file[NAME_SIZE];
	struct callsite site;

	callsites_find(stacks, stack, symbolizer, &site);
	if (!site.symbol.function) {
		snprintf(ret, WHEREABOUTS_SIZE, "0x%llx", site.pc);
		return;
	}
	name(site.symbol.function, function);
	if (!site.symbol.file) {
		snprintf(ret, WHEREABOUTS_SIZE, "%s", function);
		return;
	}
	printable_copy(file, sizeof(file), site.symbol.file);
	snprintf(ret, WHEREABOUTS_SIZE, "%s  %s:%u", function, textparts_after_slashes(file, 1),
		 site.symbol.line);
}

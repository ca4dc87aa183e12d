/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/formats/profiled.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "tools/ring/names.h"
#include "tools/tables/array.h"

int profiled_open(struct profiled *profiled, const struct export_context *context)
{
	*profiled = (struct profiled){ 0 };
	if (!context->event->weight) {
		profiled->memory = memory_new(reader_header(context->reader)->heap_interval);
		if (!profiled->memory)
			return -ENOMEM;
	}
	return locations_init(&profiled->locations, context->reader, context->symbolizer);
}

void profiled_close(struct profiled *profiled)
{
	stacks_free(&profiled->stacks);
	memory_free(profiled->memory);
	threads_free(&profiled->threads);
	locations_free(&profiled->locations);
	free(profiled->frames);
}

int profiled_begin(const struct export_context *context, void **ret_state)
{
	struct profiled *profiled = calloc(1, sizeof(*profiled));

	if (!profiled)
		return -ENOMEM;
	if (profiled_open(profiled, context)) {
		profiled_free(profiled);
		return -ENOMEM;
	}
	*ret_state = profiled;
	return 0;
}

int profiled_record(const struct export_context *context, void *state,
		    const struct reader_item *item)
{
	const struct event *event = context->event;
	struct profiled *profiled = state;
	uint32_t era;

	if (item->record->type == GOIDSHIM_RECORD_THREAD)
		return threads_add(&profiled->threads, item->thread);
	if (item->record->type != event->record)
		return 0;
	era = symbolizer_era(context->symbolizer, item->sample);
	if (profiled->memory)
		return memory_add(profiled->memory, item->alloc, era);
	return stacks_add_late(&profiled->stacks, item->sample, era, event->weight(item->record));
}

int profiled_live(const struct export_context *context, void *state,
		  const struct goidshim_alloc *alloc)
{
	struct profiled *profiled = state;

	if (!profiled->memory)
		return 0;
	return memory_add_live(profiled->memory, alloc,
			       symbolizer_era(context->symbolizer, &alloc->sample));
}

int profiled_complete(struct profiled *profiled)
{
	struct memory *memory = profiled->memory;
	struct stacks *stacks = &profiled->stacks;

	if (!memory)
		return stacks_flush(stacks);
	*stacks = memory->stacks;
	memory->stacks = (struct stacks){ 0 };
	stacks->samples = memory->records;
	stacks->weight = memory_round(memory->total.used_bytes);
	for (size_t i = 0; i < stacks->series_count; i++) {
		stacks->series[i].samples = memory_round(memory->sums[i].used_objects);
		stacks->series[i].weight = memory_round(memory->sums[i].used_bytes);
	}
	return 0;
}

void profiled_values(const struct export_context *context, const struct profiled *profiled,
		     const struct series *series, int64_t ret[static EVENTS_TYPES_MAX])
{
	__u64 step = context->event->step(reader_header(context->reader));
	const struct memory_sums *sums;

	if (!profiled->memory) {
		ret[0] = (int64_t)series->samples;
		ret[1] = (int64_t)profile_cpu_ns(series->weight, step);
		return;
	}
	sums = &profiled->memory->sums[series - profiled->stacks.series];
	ret[0] = (int64_t)memory_round(sums->alloc_objects);
	ret[1] = (int64_t)memory_round(sums->alloc_bytes);
	ret[2] = (int64_t)memory_round(sums->used_objects);
	ret[3] = (int64_t)memory_round(sums->used_bytes);
}

void profiled_free(void *state)
{
	profiled_close(state);
	free(state);
}

/* A frame that is none: "[cut: no_cfi]", where a stack does not reach its first function. */
static int name_mark(struct profiled *profiled, const char *what, uint8_t why, uint32_t *ret_name)
{
	char words[TITLES_NAME_SIZE];

	snprintf(words, sizeof(words), "[%s: %s]", what, names_stack_end(why));
	return strings_add(&profiled->locations.strings, words, ret_name);
}

int profiled_gap_name(struct profiled *profiled, uint8_t why, uint32_t *ret_name)
{
	return name_mark(profiled, "frames missing", why, ret_name);
}

static int add_frame(struct profiled *profiled, uint32_t name, uint32_t kind)
{
	if (array_reserve(&profiled->frames, profiled->frame_count, 1, &profiled->frame_room,
			  sizeof(*profiled->frames)))
		return -ENOMEM;
	profiled->frames[profiled->frame_count++] =
		(struct profiled_frame){ .name = name, .kind = kind };
	return 0;
}

static int add_mark(struct profiled *profiled, const char *what, uint8_t why)
{
	uint32_t name;

	if (why < GOIDSHIM_STACK_DEPTH)
		return 0;
	if (name_mark(profiled, what, why, &name))
		return -ENOMEM;
	return add_frame(profiled, name, LOCATION_UNKNOWN);
}

static int add_location(struct profiled *profiled, const struct location *location)
{
	const struct locations *locations = &profiled->locations;
	int r = 0;

	for (unsigned int i = location->count; i-- > 0 && !r;)
		r = add_frame(profiled, locations->frames[location->first + i].function,
			      location->kind);
	return r;
}

static bool is_go(const struct location *location)
{
	return location->kind == LOCATION_GO || location->kind == LOCATION_RUNTIME;
}

/* It is where the innermost crossing from C to Go is. */
unsigned profiled_find_gap(const struct profiled *profiled, const struct stack *stack,
			   const uint32_t *ids)
{
	const struct location *all = profiled->locations.locations;

	if (stack->gap < GOIDSHIM_STACK_DEPTH)
		return UINT_MAX;
	for (unsigned i = 1; i < stack->depth; i++)
		if (is_go(&all[ids[i]]) && !is_go(&all[ids[i - 1]]))
			return i;
	return stack->depth;
}

int profiled_frames(struct profiled *profiled, uint32_t number,
		    const struct profiled_frame **ret_frames, size_t *ret_count)
{
	const struct stack *stack = &profiled->stacks.stacks[number];
	struct locations *locations = &profiled->locations;
	uint32_t ids[GOIDSHIM_MAX_STACK];
	unsigned gap = UINT_MAX;
	int r = locations_of_stack(locations, &profiled->stacks, number, ids);

	profiled->frame_count = 0;
	if (!r)
		r = add_mark(profiled, "cut", stack->end);
	if (!r)
		gap = profiled_find_gap(profiled, stack, ids);
	for (unsigned int i = stack->depth; i-- > 0 && !r;) {
		if (i + 1 == gap)
			r = add_mark(profiled, "frames missing", stack->gap);
		if (!r)
			r = add_location(profiled, &locations->locations[ids[i]]);
	}
	*ret_frames = profiled->frames;
	*ret_count = profiled->frame_count;
	return r;
}

int profiled_add_path(struct profiled *profiled, const struct series *series,
		      struct calltree *tree, uint32_t node, uint32_t *ret_node)
{
	const struct profiled_frame *frames;
	size_t count;
	int r = profiled_frames(profiled, series->stack, &frames, &count);

	for (size_t i = 0; i < count && !r; i++)
		r = calltree_child(tree, node, frames[i].name, frames[i].kind, &node);
	*ret_node = node;
	return r;
}

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

int profiled_add_rooted_path(const struct export_context *context, struct profiled *profiled,
			     const struct series *series, struct calltree *tree,
			     uint32_t *ret_node)
{
	uint32_t node = CALLTREE_ROOT, name;
	int r = root_name(context, profiled, series, &name);

	if (!r && name)
		r = calltree_child(tree, node, name, LOCATION_UNKNOWN, &node);
	return r ? r : profiled_add_path(profiled, series, tree, node, ret_node);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/profiled.h"

#include <errno.h>
#include <stdlib.h>

#include "tools/names.h"
#include "tools/report.h"

int profiled_open(struct profiled *profiled, const struct export_context *context)
{
	*profiled = (struct profiled){ 0 };
	return locations_init(&profiled->locations, context->reader, context->symbolizer);
}

void profiled_close(struct profiled *profiled)
{
	stacks_free(&profiled->stacks);
	threads_free(&profiled->threads);
	locations_free(&profiled->locations);
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
	struct profiled *profiled = state;

	switch (item->record->type) {
	case GOIDSHIM_RECORD_SAMPLE:
		return stacks_add(&profiled->stacks, item->sample, NULL);
	case GOIDSHIM_RECORD_THREAD:
		return threads_add(&profiled->threads, item->thread);
	default:
		return 0;
	}
}

void profiled_free(void *state)
{
	profiled_close(state);
	free(state);
}

void profiled_start(const struct export_context *context, const struct series *series,
		    char ret[static PROFILED_NAME_SIZE])
{
	struct profile_goroutine goroutine = { .start_pc = series->start_pc,
					       .object = series->object };
	struct report_goroutine words;

	*ret = '\0';
	if (!series->goid)
		return;
	report_goroutine(context->symbolizer, &goroutine, &words);
	snprintf(ret, PROFILED_NAME_SIZE, "%s",
		 *words.function ? words.function : "callback from a C thread");
}

void profiled_goroutine(const struct export_context *context, const struct series *series,
			char ret[static PROFILED_TITLE_SIZE])
{
	char start[PROFILED_NAME_SIZE];

	if (!series->goid) {
		snprintf(ret, PROFILED_TITLE_SIZE, "no goroutine: %s",
			 names_explain_unattributed(series->class_, series->reason));
		return;
	}
	profiled_start(context, series, start);
	if (reader_header(context->reader)->object_count > 1)
		snprintf(ret, PROFILED_TITLE_SIZE, "goroutine %llu of runtime %u: %s",
			 (unsigned long long)series->goid, series->object, start);
	else
		snprintf(ret, PROFILED_TITLE_SIZE, "goroutine %llu: %s",
			 (unsigned long long)series->goid, start);
}

void profiled_thread(const struct profiled *profiled, const struct series *series,
		     char ret[static PROFILED_TITLE_SIZE])
{
	const char *name = threads_name(&profiled->threads, series->tid);

	snprintf(ret, PROFILED_TITLE_SIZE, *name ? "thread %u (%s)" : "thread %u", series->tid, name);
}

int profiled_add_path(struct profiled *profiled, const struct series *series,
		      struct calltree *tree, uint32_t node, uint32_t *ret_node)
{
	struct locations *locations = &profiled->locations;
	uint32_t ids[GOIDSHIM_MAX_STACK];
	unsigned int depth = profiled->stacks.stacks[series->stack].depth;
	int r = locations_of_stack(locations, &profiled->stacks, series->stack, ids);

	for (unsigned int i = depth; i-- > 0 && !r;) {
		const struct location *location = &locations->locations[ids[i]];

		for (unsigned int j = location->count; j-- > 0 && !r;)
			r = calltree_child(tree, node,
					   locations->frames[location->first + j].function,
					   location->kind, &node);
	}
	*ret_node = node;
	return r;
}

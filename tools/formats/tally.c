/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/formats/tally.h"

#include <errno.h>
#include <stdlib.h>

int tally_begin(const struct export_context *context, void **ret_state)
{
	struct tally *tally = calloc(1, sizeof(*tally));

	if (!tally)
		return -ENOMEM;
	tally->cpu = profile_new();
	tally->wall = profile_new();
	tally->memory = memory_new(reader_header(context->reader)->heap_interval);
	if (!tally->cpu || !tally->wall || !tally->memory) {
		tally_free(tally);
		return -ENOMEM;
	}
	*ret_state = tally;
	return 0;
}

void tally_free(void *state)
{
	struct tally *tally = state;

	profile_free(tally->cpu);
	profile_free(tally->wall);
	memory_free(tally->memory);
	waits_free(&tally->lock);
	waits_free(&tally->block);
	holders_free(&tally->holders);
	threads_free(&tally->threads);
	free(tally);
}

static int add_event(struct tally *tally, const struct reader_item *item, __u32 era)
{
	uint32_t series;
	int err;

	switch (item->record->type) {
	case GOIDSHIM_RECORD_SAMPLE:
		return profile_add(tally->cpu, item->sample);
	case GOIDSHIM_RECORD_WALL:
		return profile_add(tally->wall, item->sample);
	case GOIDSHIM_RECORD_ALLOC:
		return memory_add(tally->memory, item->alloc, era);
	case GOIDSHIM_RECORD_BLOCK:
		return waits_add(&tally->block, item->wait, era, &series);
	case GOIDSHIM_RECORD_LOCK:
		err = waits_add(&tally->lock, item->wait, era, &series);
		return err ? err : holders_add(&tally->holders, item->wait, series);
	default:
		return 0;
	}
}

/* Whatever it is, it may show who held a lock. */
static int see(struct tally *tally, const struct export_context *context,
	       const struct reader_item *item, const struct event *event, __u32 era)
{
	const struct goidshim_header *header = reader_header(context->reader);
	__u64 steps = event->weight ? event->weight(item->record) : 0;

	return holders_see(&tally->holders, item->sample, era,
			   profile_cpu_ns(steps, event->step(header)));
}

int tally_record(const struct export_context *context, void *state,
		 const struct reader_item *item)
{
	const struct event *event = events_of(item->record);
	struct tally *tally = state;
	__u32 era;
	int err = 0;

	if (item->record->type == GOIDSHIM_RECORD_THREAD)
		return threads_add(&tally->threads, item->thread);
	if (!event)
		return 0;
	era = symbolizer_era(context->symbolizer, item->sample);
	if (export_shows(context, event))
		err = add_event(tally, item, era);
	if (!err && export_shows(context, &events_lock))
		err = see(tally, context, item, event, era);
	return err;
}

int tally_live(const struct export_context *context, void *state,
	       const struct goidshim_alloc *alloc)
{
	struct tally *tally = state;

	return memory_add_live(tally->memory, alloc,
			       symbolizer_era(context->symbolizer, &alloc->sample));
}

int tally_complete(struct tally *tally)
{
	profile_sort(tally->cpu);
	profile_sort(tally->wall);
	memory_sort(tally->memory);
	return holders_match(&tally->holders);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/reading.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "tools/target.h"

static volatile sig_atomic_t was_interrupted;

/* One reading: the ring, and where its records go. */
struct reading {
	struct reader *reader;
	struct filter *filter;
	const struct exporter *exporter;
	struct export_context *context;
	void *state;			/* the exporter's */
};

/* What all formats may ask for is added up here. */
static int add_up(const struct export_context *context, const struct reader_item *item)
{
	if (!context->memory || item->record->type != GOIDSHIM_RECORD_ALLOC)
		return 0;
	return memory_add(context->memory, item->alloc,
			  symbolizer_era(context->symbolizer, item->sample));
}

static int add_live_memory(const struct reading *r)
{
	struct reader_item item = { 0 };
	__u32 slot = 0;
	int err = 0;

	while (r->context->memory && !err &&
	       (err = reader_next_live(r->reader, &slot, &item.alloc)) > 0) {
		struct symbolizer *symbolizer = r->context->symbolizer;

		err = 0;
		if (filter_accepts(r->filter, r->reader, symbolizer, &item))
			err = memory_add_live(r->context->memory, item.alloc,
					      symbolizer_era(symbolizer, item.sample));
	}
	return err;
}

/* One pass: everything that is new goes to the exporter. */
static int read_pass(const struct reading *r)
{
	struct reader_item item;
	__u64 done = 0;
	int err = reader_poll(r->reader, r->exporter->order);

	if (err)
		return err;
	while ((err = reader_next(r->reader, &item)) > 0) {
		progress_step(r->context->progress, "reading records", done++,
			      reader_totals(r->reader)->records);
		if (!filter_accepts(r->filter, r->reader, r->context->symbolizer, &item))
			continue;
		err = add_up(r->context, &item);
		if (!err)
			err = r->exporter->record(r->context, r->state, &item);
		if (err)
			return err;
	}
	return err;
}

static void on_interrupt(int signal)
{
	was_interrupted = 1;
}

/* Ctrl-C ends the reading, not the report. */
static void catch_interrupts(void)
{
	struct sigaction action = { .sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

bool reading_is_alive(const struct reader *reader, const char *path)
{
	return target_state(reader_header(reader)) == TARGET_ALIVE || target_has_writer(path);
}

/* Passes until the program has ended: what was asked before a pass is in that pass. */
static int follow(const struct reading *r)
{
	const struct timespec pause = { .tv_nsec = 100 * 1000 * 1000 };

	catch_interrupts();
	for (;;) {
		int err;

		r->context->is_alive = reading_is_alive(r->reader, r->context->path);
		err = read_pass(r);
		if (err || fflush(r->context->out) != 0 || !r->context->is_alive || was_interrupted)
			return err;
		nanosleep(&pause, NULL);
	}
}

static int read_all(struct reading *r)
{
	int err = r->exporter->begin(r->context, &r->state);

	if (err)
		return err;
	err = r->context->is_followed ? follow(r) : read_pass(r);
	if (!err)
		err = add_live_memory(r);
	if (!err)
		err = r->exporter->end(r->context, r->state);
	r->exporter->free(r->state);
	progress_clear(r->context->progress);
	return err;
}

int reading_run(struct reader *reader, struct filter *filter, const struct exporter *exporter,
		struct export_context *context)
{
	struct reading reading = { reader, filter, exporter, context, NULL };
	const struct goidshim_header *header = reader_header(reader);
	int err = -ENOMEM;

	if (header->events & GOIDSHIM_EVENT_HEAP) {
		context->memory = memory_new(header->heap_interval);
		if (!context->memory)
			return err;
	}
	err = read_all(&reading);
	memory_free(context->memory);
	context->memory = NULL;
	return err;
}

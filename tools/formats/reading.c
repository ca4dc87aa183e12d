/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/formats/reading.h"

#include <signal.h>
#include <time.h>

#include "tools/ring/target.h"

static volatile sig_atomic_t was_interrupted;

/* One reading: the ring, and where its records go. */
struct reading {
	struct reader *reader;
	struct filter *filter;
	const struct exporter *exporter;
	struct export_context *context;
	void *state;			/* the exporter's */
};

/* What is in use is in no record. */
static int read_live(const struct reading *r)
{
	struct reader_item item = { 0 };
	__u32 slot = 0;
	int err = 0;

	while (r->exporter->live && !err &&
	       (err = reader_next_live(r->reader, &slot, &item.alloc)) > 0) {
		err = 0;
		if (filter_accepts(r->filter, r->reader, r->context->symbolizer, &item))
			err = r->exporter->live(r->context, r->state, item.alloc);
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

int reading_into(struct reader *reader, struct filter *filter, const struct exporter *exporter,
		 struct export_context *context, void *state)
{
	struct reading reading = { reader, filter, exporter, context, state };
	int err = context->is_followed ? follow(&reading) : read_pass(&reading);

	return err ? err : read_live(&reading);
}

int reading_run(struct reader *reader, struct filter *filter, const struct exporter *exporter,
		struct export_context *context)
{
	void *state;
	int err = exporter->begin(context, &state);

	if (err)
		return err;
	err = reading_into(reader, filter, exporter, context, state);
	if (!err)
		err = exporter->end(context, state);
	exporter->free(state);
	progress_clear(context->progress);
	return err;
}

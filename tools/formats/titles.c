/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/formats/titles.h"

#include "tools/profile/report.h"
#include "tools/ring/names.h"

void titles_start(const struct export_context *context, const struct series *series,
		    char ret[static TITLES_NAME_SIZE])
{
	struct report_goroutine words;

	*ret = '\0';
	if (!series->goid)
		return;
	report_goroutine(context->symbolizer, series->start_pc, 0, &words);
	snprintf(ret, TITLES_NAME_SIZE, "%s",
		 *words.function ? words.function : "callback from a C thread");
}

void titles_goroutine(const struct export_context *context, const struct series *series,
			char ret[static TITLES_SIZE])
{
	char start[TITLES_NAME_SIZE];

	if (!series->goid) {
		snprintf(ret, TITLES_SIZE, "no goroutine: %s",
			 names_explain_unattributed(series->class_, series->reason));
		return;
	}
	titles_start(context, series, start);
	if (reader_header(context->reader)->object_count > 1)
		snprintf(ret, TITLES_SIZE, "goroutine %llu of runtime %u: %s",
			 (unsigned long long)series->goid, series->object, start);
	else
		snprintf(ret, TITLES_SIZE, "goroutine %llu: %s",
			 (unsigned long long)series->goid, start);
}

void titles_holder(const struct export_context *context, const struct threads *threads,
		     const struct stacks_wait *wait, char ret[static TITLES_SIZE])
{
	const struct series holder = {
		.goid = wait->holder_goid,
		.start_pc = wait->holder_start_pc,
		.tid = wait->holder_tid,
		.object = wait->holder_object,
	};

	*ret = '\0';
	if (holder.goid)
		titles_goroutine(context, &holder, ret);
	else if (holder.tid)
		titles_thread(threads, &holder, ret);
}

void titles_thread(const struct threads *threads, const struct series *series,
		     char ret[static TITLES_SIZE])
{
	const char *name = threads_name(threads, series->tid);

	snprintf(ret, TITLES_SIZE, *name ? "thread %u (%s)" : "thread %u", series->tid,
		 name);
}

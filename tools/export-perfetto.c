/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A timeline in Chrome's trace event format, for ui.perfetto.dev: a track for
 * each goroutine, and one for each thread while it ran none. A sample says what
 * ran at one instant; samples that follow each other without a pause become one
 * slice, frame by frame, as long as the frame stays. A wait lasts as long as it
 * did; an allocation is an instant.
 *
 * Slices are written as they end: memory grows with the number of different
 * stacks, not with the ring.
 */
#include "tools/profiled.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/json.h"
#include "tools/memory.h"
#include "tools/printable.h"
#include "tools/profile.h"
#include "tools/target.h"

#define DEPTH_MAX 512	/* frames of one stack, inlined ones included; the rest is left out */

/* What the viewer calls processes: one for each Go runtime, one for the threads. */
enum { PROCESS_GO = 1, PROCESS_THREADS = PROCESS_GO + 256 };

struct slice {
	uint32_t name;
	uint8_t kind;
	uint64_t start_ns;
};

struct track {
	uint32_t process;
	uint64_t number;		/* goid, or thread id */
	uint64_t end_ns;		/* until when its slices are known to last */
	struct slice *open;		/* outermost first */
	unsigned int depth;
};

struct trace {
	struct profiled profiled;
	struct track *tracks;
	size_t count;
	size_t room;
	struct hashindex index;
	bool has_events;
	double allocated;		/* bytes of C memory, so far */
};

static const char *const categories[] = {
	[LOCATION_C] = "c",
	[LOCATION_GO] = "go",
	[LOCATION_RUNTIME] = "runtime",
	[LOCATION_UNKNOWN] = "unknown",
};

/* ---- events ---- */

static void begin_event(FILE *out, struct trace *trace)
{
	fputs(trace->has_events ? ",\n" : "\n", out);
	trace->has_events = true;
}

static void put_number(FILE *out, uint64_t value, unsigned int digits)
{
	char text[24], *at = text + sizeof(text);
	char *end = at;

	for (; value || digits; value /= 10, digits -= digits > 0)
		*--at = (char)('0' + value % 10);
	fwrite_unlocked(at, 1, (size_t)(end - at), out);
}

/* Microseconds with the nanoseconds behind the point; a million of these are written. */
static void put_time(FILE *out, const char *key, uint64_t ns)
{
	fputs_unlocked(key, out);
	put_number(out, ns / 1000, 1);
	putc_unlocked('.', out);
	put_number(out, ns % 1000, 3);
}

/* A time of the ring; it may lie before the recording began, which a sample reaches back to. */
static void put_moment(const struct export_context *context, uint64_t ns)
{
	uint64_t zero = reader_header(context->reader)->start_ns;

	if (ns >= zero)
		put_time(context->out, ",\"ts\":", ns - zero);
	else
		put_time(context->out, ",\"ts\":-", zero - ns);
}

/* The beginning of an event of a track, up to its name. */
static void begin_on_track(FILE *out, struct trace *trace, const struct track *track,
			   const char *phase, const char *category)
{
	begin_event(out, trace);
	fputs_unlocked("{\"ph\":\"", out);
	fputs_unlocked(phase, out);
	fputs_unlocked("\",\"cat\":\"", out);
	fputs_unlocked(category, out);
	fputs_unlocked("\",\"pid\":", out);
	put_number(out, track->process, 1);
	fputs_unlocked(",\"tid\":", out);
	put_number(out, track->number, 1);
	fputs_unlocked(",\"name\":", out);
}

static void put_slice(const struct export_context *context, struct trace *trace,
		      const struct track *track, const struct slice *slice, uint64_t end_ns)
{
	FILE *out = context->out;

	begin_on_track(out, trace, track, "X", categories[slice->kind]);
	json_put_string(out, trace->profiled.locations.strings.texts[slice->name]);
	put_moment(context, slice->start_ns);
	put_time(out, ",\"dur\":", end_ns - slice->start_ns);
	putc_unlocked('}', out);
}

static void put_name(FILE *out, struct trace *trace, const char *what, uint32_t process,
		     uint64_t number, const char *name)
{
	begin_event(out, trace);
	fprintf(out, "{\"ph\":\"M\",\"name\":\"%s\",\"pid\":%u,\"tid\":%llu,", what, process,
		(unsigned long long)number);
	fputs("\"args\":{\"name\":", out);
	json_put_string(out, name);
	fputs("}}", out);
}

/* ---- tracks ---- */

static void close_slices(const struct export_context *context, struct trace *trace,
			 struct track *track, unsigned int keep, uint64_t end_ns)
{
	while (track->depth > keep)
		put_slice(context, trace, track, &track->open[--track->depth], end_ns);
}

static bool is_same(const void *owner, uint32_t id, const void *key)
{
	const struct track *track = &((const struct trace *)owner)->tracks[id];
	const uint64_t *wanted = key;

	return track->process == wanted[0] && track->number == wanted[1];
}

static int add_track(const struct export_context *context, struct trace *trace,
		     const struct series *series, const uint64_t key[2])
{
	char title[TITLES_SIZE];
	struct track *track;

	if (trace->count == trace->room) {
		size_t room = trace->room ? trace->room * 2 : 64;
		struct track *grown = reallocarray(trace->tracks, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		trace->tracks = grown;
		trace->room = room;
	}
	track = &trace->tracks[trace->count];
	*track = (struct track){ .process = (uint32_t)key[0], .number = key[1] };
	track->open = calloc(DEPTH_MAX, sizeof(*track->open));
	if (!track->open)
		return -ENOMEM;
	trace->count++;
	if (series->goid)
		titles_goroutine(context, series, title);
	else
		titles_thread(&trace->profiled.threads, series, title);
	put_name(context->out, trace, "thread_name", track->process, track->number, title);
	return 0;
}

static int find_track(const struct export_context *context, struct trace *trace,
		      const struct series *series, struct track **ret_track)
{
	uint64_t key[2] = { PROCESS_THREADS, series->tid };
	uint64_t hash;
	uint32_t id;

	if (series->goid) {
		key[0] = PROCESS_GO + series->object;
		key[1] = series->goid;
	}
	hash = hashindex_bytes(0, key, sizeof(key));
	id = hashindex_find(&trace->index, hash, is_same, trace, key);
	if (id == HASHINDEX_NONE) {
		id = (uint32_t)trace->count;
		if (add_track(context, trace, series, key) ||
		    hashindex_add(&trace->index, hash, id))
			return -ENOMEM;
	}
	*ret_track = &trace->tracks[id];
	return 0;
}

/* ---- samples ---- */

/* The stack's functions, outermost first. Returns how many, or -ENOMEM. */
static int find_frames(struct trace *trace, uint32_t stack, struct slice frames[static DEPTH_MAX])
{
	struct locations *locations = &trace->profiled.locations;
	uint32_t ids[GOIDSHIM_MAX_STACK];
	int depth = 0, r = locations_of_stack(locations, &trace->profiled.stacks, stack, ids);

	if (r)
		return r;
	for (unsigned int i = trace->profiled.stacks.stacks[stack].depth; i-- > 0;) {
		const struct location *location = &locations->locations[ids[i]];

		for (unsigned int j = location->count; j-- > 0 && depth < DEPTH_MAX;)
			frames[depth++] = (struct slice){
				.name = locations->frames[location->first + j].function,
				.kind = location->kind,
			};
	}
	return depth;
}

/*
 * Opens the frames of a stack that was seen from `start_ns` to `end_ns`. Those that
 * are open already stay, unless there was a pause since they were seen last.
 */
static int show_stack(const struct export_context *context, struct trace *trace,
		      struct track *track, uint32_t stack, uint64_t *start_ns, uint64_t end_ns,
		      uint64_t longest_pause_ns)
{
	struct slice frames[DEPTH_MAX];
	unsigned int keep = 0;
	int depth = find_frames(trace, stack, frames);

	if (depth < 0)
		return depth;
	if (track->depth && *start_ns <= track->end_ns + longest_pause_ns)
		while (keep < track->depth && keep < (unsigned int)depth &&
		       track->open[keep].name == frames[keep].name &&
		       track->open[keep].kind == frames[keep].kind)
			keep++;
	if (*start_ns < track->end_ns || keep)
		*start_ns = track->end_ns;
	close_slices(context, trace, track, keep, track->end_ns);
	for (; keep < (unsigned int)depth; keep++) {
		frames[keep].start_ns = *start_ns;
		track->open[track->depth++] = frames[keep];
	}
	if (end_ns > track->end_ns)
		track->end_ns = end_ns;
	return 0;
}

/* A pause shorter than what a sample stands for is none. */
static int add_sample(const struct export_context *context, struct trace *trace,
		      struct track *track, const struct series *series,
		      const struct goidshim_sample *sample, const struct event *event)
{
	uint64_t lasts = profile_cpu_ns(event->weight(&sample->record),
					event->step(reader_header(context->reader)));
	uint64_t start = sample->time_ns > lasts ? sample->time_ns - lasts : 0;

	return show_stack(context, trace, track, series->stack, &start, sample->time_ns, lasts);
}

static void put_wait(const struct export_context *context, struct trace *trace,
		     const struct track *track, const struct stacks_wait *wait,
		     const struct goidshim_wait *record, uint64_t start_ns)
{
	const struct event *event = events_of(&record->sample.record);
	char holder[TITLES_SIZE];
	FILE *out = context->out;

	begin_on_track(out, trace, track, "X", event->name);
	json_put_string(out, event->kind_name(wait->kind));
	put_moment(context, start_ns);
	put_time(out, ",\"dur\":", record->sample.time_ns - start_ns);
	fprintf(out, ",\"args\":{\"delay_ns\":%llu", record->duration_ns);
	if (wait->address)
		fprintf(out, ",\"address\":\"0x%llx\"", (unsigned long long)wait->address);
	titles_holder(context, &trace->profiled.threads, wait, holder);
	if (*holder) {
		fputs(",\"holder\":", out);
		json_put_string(out, holder);
	}
	fputs("}}", out);
}

/* The stack for as long as the wait took, and the wait itself as its innermost slice. */
static int add_wait(const struct export_context *context, struct trace *trace, struct track *track,
		    const struct series *series, const struct goidshim_wait *record)
{
	uint64_t start = record->start_ns, end = record->sample.time_ns;
	int r;

	if (start > end)
		return 0;
	r = show_stack(context, trace, track, series->stack, &start, end, 0);
	if (!r && start <= end)
		put_wait(context, trace, track,
			 stacks_wait_of(&trace->profiled.stacks, series), record, start);
	return r;
}

/* An instant on the track, and what was allocated so far as a counter of the process. */
static void add_alloc(const struct export_context *context, struct trace *trace,
		      const struct track *track, const struct goidshim_alloc *alloc,
		      const struct event *event)
{
	__u64 interval = reader_header(context->reader)->heap_interval;
	FILE *out = context->out;

	trace->allocated += memory_weight(alloc->size, interval) * (double)alloc->size;
	begin_on_track(out, trace, track, "i", event->name);
	json_put_string(out, event->kind_name(alloc->kind));
	put_moment(context, alloc->sample.time_ns);
	fprintf(out, ",\"s\":\"t\",\"args\":{\"bytes\":%llu}}", alloc->size);
	begin_event(out, trace);
	fprintf(out, "{\"ph\":\"C\",\"name\":\"C memory allocated\",\"pid\":%d", PROCESS_GO);
	put_moment(context, alloc->sample.time_ns);
	fprintf(out, ",\"args\":{\"bytes\":%llu}}", memory_round(trace->allocated));
}

static int add_record(const struct export_context *context, struct trace *trace,
		      const struct reader_item *item, const struct event *event)
{
	struct series series;
	struct track *track;
	int r = stacks_add(&trace->profiled.stacks, item->sample,
			   symbolizer_era(context->symbolizer, item->sample), 0, &series);

	if (!r)
		r = find_track(context, trace, &series, &track);
	if (r)
		return r;
	if (event->is_wait)
		return add_wait(context, trace, track, &series, item->wait);
	if (event->weight)
		return add_sample(context, trace, track, &series, item->sample, event);
	add_alloc(context, trace, track, item->alloc, event);
	return 0;
}

/* ---- the exporter ---- */

static void free_trace(void *state)
{
	struct trace *trace = state;

	for (size_t i = 0; i < trace->count; i++)
		free(trace->tracks[i].open);
	free(trace->tracks);
	hashindex_free(&trace->index);
	profiled_close(&trace->profiled);
	free(trace);
}

static int begin(const struct export_context *context, void **ret_state)
{
	struct trace *trace = calloc(1, sizeof(*trace));

	if (!trace)
		return -ENOMEM;
	if (profiled_open(&trace->profiled, context)) {
		free_trace(trace);
		return -ENOMEM;
	}
	fputs("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[", context->out);
	*ret_state = trace;
	return 0;
}

static int record(const struct export_context *context, void *state, const struct reader_item *item)
{
	const struct event *event = events_of(item->record);
	struct trace *trace = state;

	if (item->record->type == GOIDSHIM_RECORD_THREAD)
		return threads_add(&trace->profiled.threads, item->thread);
	if (!event || (context->only && context->only != event))
		return 0;
	return add_record(context, trace, item, event);
}

static int end(const struct export_context *context, void *state)
{
	struct trace *trace = state;
	const struct goidshim_header *header = reader_header(context->reader);
	const char *exe = target_exe(context->reader), *slash = strrchr(exe, '/');
	char name[256], title[300];

	for (size_t i = 0; i < trace->count; i++)
		close_slices(context, trace, &trace->tracks[i], 0, trace->tracks[i].end_ns);
	printable_copy(name, sizeof(name), slash ? slash + 1 : exe);
	for (uint32_t i = 0; i < header->object_count && i < GOIDSHIM_MAX_OBJECTS; i++) {
		snprintf(title, sizeof(title), "%s: goroutines", name);
		put_name(context->out, trace, "process_name", PROCESS_GO + i, 0, title);
	}
	snprintf(title, sizeof(title), "%s: threads, while they ran no goroutine", name);
	put_name(context->out, trace, "process_name", PROCESS_THREADS, 0, title);
	fputs("\n]}\n", context->out);
	return 0;
}

const struct exporter export_perfetto = {
	.name = "perfetto",
	.about = "a timeline as Chrome trace events, for ui.perfetto.dev",
	.order = READER_BY_TIME,
	.begin = begin,
	.record = record,
	.end = end,
	.free = free_trace,
};

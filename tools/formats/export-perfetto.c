/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A timeline in Chrome's trace event format, for ui.perfetto.dev: a track for
 * each goroutine, and one for each thread while it ran none. A sample says what
 * ran at one instant; samples that follow each other without a pause become one
 * slice, frame by frame, as long as the frame stays. A wait lasts as long as it
 * did; an allocation is an instant.
 *
 * Slices are written as they begin and as they end: memory grows with the number of
 * different stacks, not with the ring. One event for a whole slice would be shorter,
 * but viewers disagree about which of those that begin together lies in which, and
 * drop what seems to overlap by a rounded nanosecond.
 */
#include "tools/formats/profiled.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/print/json.h"
#include "tools/print/printable.h"
#include "tools/profile/memory.h"
#include "tools/profile/profile.h"
#include "tools/ring/target.h"
#include "tools/tables/array.h"

#define DEPTH_MAX 512	/* frames of one stack, inlined ones included; the rest is left out */

#define PREFIX_SIZE 96		/* of an event up to its name */
#define BUFFER_SIZE 65536

/* What the viewer calls processes: one for each Go runtime, one for the threads. */
enum { PROCESS_GO = 1, PROCESS_THREADS = PROCESS_GO + 256 };

struct prefix {
	char text[PREFIX_SIZE];
	size_t size;
};

struct track {
	uint32_t process;
	uint64_t number;		/* goid, or thread id */
	uint64_t end_ns;		/* until when its slices are known to last */
	struct profiled_frame *open;	/* slices that have not ended, outermost first */
	unsigned int depth;
	struct prefix begins[LOCATION_UNKNOWN + 1];	/* of a slice, by its frame's kind */
	struct prefix ends;
};

/* A stack's functions, outermost first: in the trace's frames. */
struct shown {
	size_t first;
	unsigned int depth;		/* 0: not looked up yet */
};

/* A name as JSON, with its quotes. */
struct quoted {
	char *text;			/* NULL: not made yet */
	size_t size;
};

/* What a million samples have in common is made once: see shown_of and quoted_of. */
struct trace {
	struct profiled profiled;
	struct shown *shown;		/* by number of the stack */
	size_t shown_room;
	struct profiled_frame *frames;
	size_t frame_count;
	size_t frame_room;
	struct quoted *quoted;		/* by number of the name */
	size_t quoted_room;
	struct track *tracks;
	size_t count;
	size_t room;
	struct hashindex index;
	bool has_events;
	double allocated;		/* bytes of C memory, so far */
	size_t buffered;		/* bytes of slices, to be written before anything else */
	char buffer[BUFFER_SIZE];
};

static const char *const categories[] = {
	[LOCATION_C] = "c",
	[LOCATION_GO] = "go",
	[LOCATION_RUNTIME] = "runtime",
	[LOCATION_UNKNOWN] = "unknown",
};

/* ---- events ---- */

static void flush(FILE *out, struct trace *trace)
{
	fwrite_unlocked(trace->buffer, 1, trace->buffered, out);
	trace->buffered = 0;
}

/* Of slices there are millions: they do without the C library's part of writing. */
static void put_bytes(FILE *out, struct trace *trace, const char *bytes, size_t size)
{
	if (size > BUFFER_SIZE - trace->buffered)
		flush(out, trace);
	if (size > BUFFER_SIZE) {
		fwrite_unlocked(bytes, 1, size, out);
		return;
	}
	memcpy(trace->buffer + trace->buffered, bytes, size);
	trace->buffered += size;
}

static void begin_event(FILE *out, struct trace *trace)
{
	flush(out, trace);
	fputs_unlocked(trace->has_events ? ",\n" : "\n", out);
	trace->has_events = true;
}

/* Writes at least `digits` digits before `end`; returns where they begin. */
static char *put_number_before(char *end, uint64_t value, unsigned int digits)
{
	for (; value || digits; value /= 10, digits -= digits > 0)
		*--end = (char)('0' + value % 10);
	return end;
}

static char *put_text_before(char *end, const char *text)
{
	size_t size = strlen(text);

	return memcpy(end - size, text, size);
}

/* Microseconds with the nanoseconds behind the point, after `key`. */
static char *put_time_before(char *end, const char *key, uint64_t ns)
{
	char *at = put_number_before(end, ns % 1000, 3);

	*--at = '.';
	return put_text_before(put_number_before(at, ns / 1000, 1), key);
}

/* A time of the ring; it may lie before the recording began, which a sample reaches back to. */
static char *put_moment_before(char *end, const struct export_context *context, uint64_t ns)
{
	uint64_t zero = reader_header(context->reader)->start_ns;

	return ns >= zero ? put_time_before(end, ",\"ts\":", ns - zero) :
			    put_time_before(end, ",\"ts\":-", zero - ns);
}

static void put_moment(const struct export_context *context, uint64_t ns)
{
	char text[64], *end = text + sizeof(text), *at = put_moment_before(end, context, ns);

	fwrite_unlocked(at, 1, (size_t)(end - at), context->out);
}

/* An event of a track, not the first of all, up to its name. Ends have no category. */
static void fill_prefix(const struct track *track, const char *phase, const char *category,
			struct prefix *ret)
{
	char words[32] = "";

	if (category)
		snprintf(words, sizeof(words), "\"cat\":\"%s\",", category);
	ret->size = (size_t)snprintf(
		ret->text, PREFIX_SIZE, ",\n{\"ph\":\"%s\",%s\"pid\":%u,\"tid\":%llu,\"name\":",
		phase, words, track->process, (unsigned long long)track->number);
}

static void begin_on_track(FILE *out, struct trace *trace, const struct track *track,
			   const char *phase, const char *category)
{
	struct prefix prefix;

	flush(out, trace);
	fill_prefix(track, phase, category, &prefix);
	fwrite_unlocked(prefix.text, 1, prefix.size, out);
}

static const struct quoted *quoted_of(struct trace *trace, uint32_t name)
{
	struct quoted *quoted;
	FILE *out;

	if (array_reserve(&trace->quoted, name, 1, &trace->quoted_room, sizeof(*trace->quoted)))
		return NULL;
	quoted = &trace->quoted[name];
	if (quoted->text)
		return quoted;
	out = open_memstream(&quoted->text, &quoted->size);
	if (!out)
		return NULL;
	json_put_string(out, trace->profiled.locations.strings.texts[name]);
	return fclose(out) ? NULL : quoted;
}

/* The last part of an event. */
static void put_when(const struct export_context *context, struct trace *trace, uint64_t ns)
{
	char text[64], *end = text + sizeof(text);
	char *at = put_moment_before(put_text_before(end, "}"), context, ns);

	put_bytes(context->out, trace, at, (size_t)(end - at));
}

/* A slice begins or ends. Some viewers want to hear at the end as well what it was. */
static int put_edge(const struct export_context *context, struct trace *trace,
		    const struct prefix *prefix, uint32_t name, uint64_t ns)
{
	const struct quoted *quoted = quoted_of(trace, name);

	if (!quoted)
		return -ENOMEM;
	put_bytes(context->out, trace, prefix->text, prefix->size);
	put_bytes(context->out, trace, quoted->text, quoted->size);
	put_when(context, trace, ns);
	return 0;
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

static int close_slices(const struct export_context *context, struct trace *trace,
			struct track *track, unsigned int keep, uint64_t end_ns)
{
	int r = 0;

	while (track->depth > keep && !r)
		r = put_edge(context, trace, &track->ends, track->open[--track->depth].name,
			     end_ns);
	return r;
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

	if (array_reserve(&trace->tracks, trace->count, 1, &trace->room, sizeof(*trace->tracks)))
		return -ENOMEM;
	track = &trace->tracks[trace->count];
	*track = (struct track){ .process = (uint32_t)key[0], .number = key[1] };
	track->open = calloc(DEPTH_MAX, sizeof(*track->open));
	if (!track->open)
		return -ENOMEM;
	trace->count++;
	for (unsigned int kind = 0; kind <= LOCATION_UNKNOWN; kind++)
		fill_prefix(track, "B", categories[kind], &track->begins[kind]);
	fill_prefix(track, "E", NULL, &track->ends);
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

/* Appends a stack's functions to the trace's, outermost first. */
static int add_frames(struct trace *trace, uint32_t stack, struct shown *shown)
{
	const struct profiled_frame *frames;
	size_t count;
	int r = profiled_frames(&trace->profiled, stack, &frames, &count);

	if (r)
		return r;
	if (count > DEPTH_MAX)
		count = DEPTH_MAX;
	if (array_reserve(&trace->frames, trace->frame_count, count, &trace->frame_room,
			  sizeof(*trace->frames)))
		return -ENOMEM;
	memcpy(trace->frames + trace->frame_count, frames, count * sizeof(*frames));
	*shown = (struct shown){ .first = trace->frame_count, .depth = (unsigned int)count };
	trace->frame_count += count;
	return 0;
}

static int shown_of(struct trace *trace, uint32_t stack, const struct shown **ret)
{
	int r = array_reserve(&trace->shown, stack, 1, &trace->shown_room, sizeof(*trace->shown));

	if (!r && !trace->shown[stack].depth)
		r = add_frames(trace, stack, &trace->shown[stack]);
	if (!r)
		*ret = &trace->shown[stack];
	return r;
}

/*
 * Opens the frames of a stack that was seen from `start_ns` to `end_ns`. Those that
 * are open already stay, unless there was a pause since they were seen last.
 */
static int show_stack(const struct export_context *context, struct trace *trace,
		      struct track *track, uint32_t stack, uint64_t *start_ns, uint64_t end_ns,
		      uint64_t longest_pause_ns)
{
	const struct shown *shown;
	const struct profiled_frame *frames;
	unsigned int keep = 0;
	int r = shown_of(trace, stack, &shown);

	if (r)
		return r;
	frames = trace->frames + shown->first;
	if (track->depth && *start_ns <= track->end_ns + longest_pause_ns)
		while (keep < track->depth && keep < shown->depth &&
		       track->open[keep].name == frames[keep].name &&
		       track->open[keep].kind == frames[keep].kind)
			keep++;
	if (*start_ns < track->end_ns || keep)
		*start_ns = track->end_ns;
	r = close_slices(context, trace, track, keep, track->end_ns);
	for (; keep < shown->depth && !r; keep++) {
		r = put_edge(context, trace, &track->begins[frames[keep].kind], frames[keep].name,
			     *start_ns);
		track->open[track->depth++] = frames[keep];
	}
	if (end_ns > track->end_ns)
		track->end_ns = end_ns;
	return r;
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

	begin_on_track(out, trace, track, "B", event->name);
	json_put_string(out, event->kind_name(wait->kind));
	put_moment(context, start_ns);
	fprintf(out, ",\"args\":{\"delay_ns\":%llu", record->duration_ns);
	if (wait->address)
		fprintf(out, ",\"address\":\"0x%llx\"", (unsigned long long)wait->address);
	titles_holder(context, &trace->profiled.threads, wait, holder);
	if (*holder) {
		fputs(",\"holder\":", out);
		json_put_string(out, holder);
	}
	fputs("}}", out);
	begin_on_track(out, trace, track, "E", NULL);
	json_put_string(out, event->kind_name(wait->kind));
	put_moment(context, record->sample.time_ns);
	putc('}', out);
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
	for (size_t i = 0; i < trace->quoted_room; i++)
		free(trace->quoted[i].text);
	free(trace->quoted);
	free(trace->shown);
	free(trace->frames);
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
	int r = 0;

	for (size_t i = 0; i < trace->count && !r; i++)
		r = close_slices(context, trace, &trace->tracks[i], 0, trace->tracks[i].end_ns);
	printable_copy(name, sizeof(name), slash ? slash + 1 : exe);
	for (uint32_t i = 0; i < header->object_count && i < GOIDSHIM_MAX_OBJECTS; i++) {
		snprintf(title, sizeof(title), "%s: goroutines", name);
		put_name(context->out, trace, "process_name", PROCESS_GO + i, 0, title);
	}
	snprintf(title, sizeof(title), "%s: threads, while they ran no goroutine", name);
	put_name(context->out, trace, "process_name", PROCESS_THREADS, 0, title);
	flush(context->out, trace);
	fputs("\n]}\n", context->out);
	return r;
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

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Serialized messages of one type that follow each other are one message, their
 * repeated fields joined. So every sample, location and string is packed as a
 * Profile of its own and goes straight to the compressor: memory does not grow
 * with the profile.
 *
 * Each side has numbers of its own for its strings, code and files; what is
 * written adds the side's bases to them, and so they do not meet.
 */
#include "tools/formats/pprofwriter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "config.h"
#include "tools/formats/pprof.pb-c.h"
#include "tools/print/printable.h"
#include "tools/profile/report.h"
#include "tools/ring/labels.h"
#include "tools/ring/names.h"

#define LABELS_MAX 64	/* on one sample, ours included */
#define SIDE_SHIFT 40	/* where a number's side stands in it */
#define MARK_BASE (1ull << 36)	/* locations of marks have numbers from here on */

/* A function is its name and its file. */
struct function {
	uint32_t name, file;
};

struct writer {
	FILE *out;
	const struct export_context *context;	/* of the present side, and so are the next */
	struct profiled *profiled;
	struct strings *strings;
	int64_t string_base;
	uint64_t id_base;
	bool is_base;			/* its values are to be subtracted */
	unsigned marks;			/* those whose locations are written: bits by reason */
	z_stream zip;
	uint8_t *buffer;		/* one packed message */
	size_t room;
	uint8_t zipped[65536];
	struct function *functions;
	size_t function_count;
	size_t function_room;
	struct hashindex function_index;
};

/* ---- writing ---- */

static int deflate_all(struct writer *w, int flush)
{
	do {
		size_t have;

		w->zip.next_out = w->zipped;
		w->zip.avail_out = sizeof(w->zipped);
		deflate(&w->zip, flush);
		have = sizeof(w->zipped) - w->zip.avail_out;
		if (fwrite(w->zipped, 1, have, w->out) != have)
			return -EIO;
	} while (!w->zip.avail_out);
	return 0;
}

static int put(struct writer *w, const Pprof__Profile *part)
{
	size_t size = pprof__profile__get_packed_size(part);

	if (size > w->room) {
		uint8_t *grown = realloc(w->buffer, 2 * size);

		if (!grown)
			return -ENOMEM;
		w->buffer = grown;
		w->room = 2 * size;
	}
	w->zip.next_in = w->buffer;
	w->zip.avail_in = (uInt)pprof__profile__pack(part, w->buffer);
	return deflate_all(w, Z_NO_FLUSH);
}

/* The number of a text; -ENOMEM is left in *err, which stays as it is otherwise. */
static int64_t text(struct writer *w, const char *words, int *err)
{
	char clean[TITLES_SIZE];
	uint32_t id = 0;

	if (strings_add(w->strings, printable_copy(clean, sizeof(clean), words), &id))
		*err = -ENOMEM;
	return w->string_base + id;
}

/* ---- the profile's own facts ---- */

static void count_lost(const struct export_context *context, char *to, size_t size)
{
	__u64 lost[GOIDSHIM_LOST_MAX], sum = 0;

	report_lost(context->reader, context->is_followed, lost);
	for (unsigned int i = 0; i < GOIDSHIM_LOST_MAX; i++)
		sum += lost[i];
	snprintf(to, size, "samples lost: %llu", sum);
}

static int put_head(struct writer *w)
{
	const struct goidshim_header *header = reader_header(w->context->reader);
	const struct stacks *stacks = &w->profiled->stacks;
	int err = 0;
	char lost[64];
	const struct event *event = w->context->event;
	Pprof__ValueType values[EVENTS_TYPES_MAX], *types[EVENTS_TYPES_MAX];
	int64_t comments[3];
	Pprof__Profile part = PPROF__PROFILE__INIT;

	count_lost(w->context, lost, sizeof(lost));
	for (; part.n_sample_type < event->type_count; part.n_sample_type++) {
		Pprof__ValueType *value = types[part.n_sample_type] = &values[part.n_sample_type];

		pprof__value_type__init(value);
		value->type = text(w, event->types[part.n_sample_type].type, &err);
		value->unit = text(w, event->types[part.n_sample_type].unit, &err);
	}
	comments[part.n_comment++] = text(w, PACKAGE_STRING, &err);
	if (*header->trigger_note)
		comments[part.n_comment++] = text(w, header->trigger_note, &err);
	comments[part.n_comment++] = text(w, lost, &err);
	part.sample_type = types;
	part.default_sample_type = types[event->type_count - 1]->type;
	part.period_type = types[event->type_count - 1];
	part.period = (int64_t)event->period(header);
	part.time_nanos = (int64_t)header->start_realtime_ns;
	if (stacks->last_ns > header->start_ns)
		part.duration_nanos = (int64_t)(stacks->last_ns - header->start_ns);
	part.comment = comments;
	return err ? err : put(w, &part);
}

static int put_mapping(struct writer *w, uint32_t index)
{
	const struct goidshim_module *module = reader_module(w->context->reader, index);
	char hex[2 * sizeof(module->build_id) + 1] = "";
	Pprof__Mapping mapping = PPROF__MAPPING__INIT, *mappings[] = { &mapping };
	Pprof__Profile part = PPROF__PROFILE__INIT;
	int err = 0;

	for (unsigned int i = 0; i < module->build_id_size; i++)
		snprintf(hex + 2 * i, 3, "%02x", module->build_id[i]);
	mapping.id = w->id_base + index + 1;
	mapping.memory_start = module->start;
	mapping.memory_limit = module->end;
	mapping.filename = text(w, module->path, &err);
	mapping.build_id = text(w, hex, &err);
	/* What is not named here cannot be named by pprof either. */
	mapping.has_functions = mapping.has_filenames = true;
	mapping.has_line_numbers = mapping.has_inline_frames = true;
	part.n_mapping = 1;
	part.mapping = mappings;
	return err ? err : put(w, &part);
}

/* ---- samples ---- */

struct label_list {
	Pprof__Label labels[LABELS_MAX];
	Pprof__Label *pointers[LABELS_MAX];
	size_t count;
};

static Pprof__Label *add_label(struct writer *w, struct label_list *list, const char *key, int *err)
{
	Pprof__Label *label = &list->labels[list->count];

	list->pointers[list->count++] = label;
	pprof__label__init(label);
	label->key = text(w, key, err);
	return label;
}

/* The program's own labels; those beyond LABELS_MAX are left out. */
static void add_go_labels(struct writer *w, struct label_list *list, uint32_t number, int *err)
{
	const struct stacks *stacks = &w->profiled->stacks;
	const char *bytes = stacks->label_bytes + stacks->labels[number - 1].first;
	size_t size = stacks->labels[number - 1].size;
	char key[256], value[TITLES_NAME_SIZE];
	struct label label;

	while (list->count < LABELS_MAX && labels_next(&bytes, &size, &label)) {
		snprintf(key, sizeof(key), "%.*s", label.key_size, label.key);
		snprintf(value, sizeof(value), "%.*s", label.value_size, label.value);
		add_label(w, list, key, err)->str = text(w, value, err);
	}
}

/* What was waited for, and who held it. */
static void add_wait_labels(struct writer *w, const struct stacks_wait *wait,
			    struct label_list *list, int *err)
{
	const struct event *event = w->context->event;
	const struct series holder = { .goid = wait->holder_goid,
				       .start_pc = wait->holder_start_pc };
	const char *thread = threads_name(&w->profiled->threads, wait->holder_tid);
	char words[TITLES_SIZE];

	add_label(w, list, event->kind_key, err)->str = text(w, event->kind_name(wait->kind), err);
	if (wait->address) {
		snprintf(words, sizeof(words), "0x%llx", (unsigned long long)wait->address);
		add_label(w, list, "lock", err)->str = text(w, words, err);
	}
	if (wait->holder_goid) {
		titles_start(w->context, &holder, words);
		add_label(w, list, "holder_goid", err)->num = (int64_t)wait->holder_goid;
		add_label(w, list, "holder", err)->str = text(w, words, err);
	}
	if (wait->holder_tid)
		add_label(w, list, "holder_tid", err)->num = wait->holder_tid;
	if (*thread)
		add_label(w, list, "holder_thread", err)->str = text(w, thread, err);
}

static int add_labels(struct writer *w, const struct series *series, struct label_list *list)
{
	const struct stack *stack = &w->profiled->stacks.stacks[series->stack];
	char words[TITLES_SIZE];
	const char *name = threads_name(&w->profiled->threads, series->tid);
	int err = 0;

	list->count = 0;
	if (series->goid) {
		add_label(w, list, "goid", &err)->num = (int64_t)series->goid;
		titles_start(w->context, series, words);
	} else {
		titles_goroutine(w->context, series, words);
	}
	add_label(w, list, "goroutine", &err)->str = text(w, words, &err);
	add_label(w, list, "tid", &err)->num = series->tid;
	if (*name)
		add_label(w, list, "thread", &err)->str = text(w, name, &err);
	add_label(w, list, "class", &err)->str = text(w, names_class(series->class_), &err);
	if (w->is_base)
		add_label(w, list, "pprof::base", &err)->str = text(w, "true", &err);
	if (series->wait)
		add_wait_labels(w, stacks_wait_of(&w->profiled->stacks, series), list, &err);
	if (stack->end >= GOIDSHIM_STACK_DEPTH)
		add_label(w, list, "cut", &err)->str = text(w, names_stack_end(stack->end), &err);
	if (series->labels)
		add_go_labels(w, list, series->labels, &err);
	return err;
}

/* ---- code ---- */

static bool is_same_function(const void *owner, uint32_t id, const void *key)
{
	return !memcmp(&((const struct writer *)owner)->functions[id], key,
		       sizeof(struct function));
}

static int put_function(struct writer *w, uint64_t id, const struct function *function)
{
	Pprof__Function message = PPROF__FUNCTION__INIT, *messages[] = { &message };
	Pprof__Profile part = PPROF__PROFILE__INIT;

	message.id = id;
	message.name = message.system_name = w->string_base + function->name;
	message.filename = w->string_base + function->file;
	part.n_function = 1;
	part.function = messages;
	return put(w, &part);
}

/* The function's id, written the first time that it is asked for. */
static int find_function(struct writer *w, const struct location_frame *frame, uint64_t *ret_id)
{
	struct function key = { frame->function, frame->file };
	uint64_t hash = hashindex_bytes(0, &key, sizeof(key));
	uint32_t id = hashindex_find(&w->function_index, hash, is_same_function, w, &key);

	*ret_id = w->id_base + id + 1;
	if (id != HASHINDEX_NONE)
		return 0;
	if (w->function_count == w->function_room) {
		size_t room = w->function_room ? w->function_room * 2 : 256;
		struct function *grown = reallocarray(w->functions, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		w->functions = grown;
		w->function_room = room;
	}
	if (hashindex_add(&w->function_index, hash, (uint32_t)w->function_count))
		return -ENOMEM;
	w->functions[w->function_count++] = key;
	*ret_id = w->id_base + w->function_count;
	return put_function(w, *ret_id, &key);
}

static int put_location(struct writer *w, uint32_t index)
{
	const struct locations *locations = &w->profiled->locations;
	const struct location *location = &locations->locations[index];
	Pprof__Line lines[SYMBOLIZER_FRAMES_MAX], *pointers[SYMBOLIZER_FRAMES_MAX];
	Pprof__Location message = PPROF__LOCATION__INIT, *messages[] = { &message };
	Pprof__Profile part = PPROF__PROFILE__INIT;
	int r = 0;

	for (unsigned int i = 0; i < location->count && !r; i++) {
		const struct location_frame *frame = &locations->frames[location->first + i];

		pointers[i] = &lines[i];
		pprof__line__init(&lines[i]);
		lines[i].line = frame->line;
		r = find_function(w, frame, &lines[i].function_id);
	}
	message.id = w->id_base + index + 1;
	message.address = location->address;
	if (location->module != SYMBOLIZER_NO_MODULE)
		message.mapping_id = w->id_base + location->module + 1;
	message.n_line = location->count;
	message.line = pointers;
	part.n_location = 1;
	part.location = messages;
	return r ? r : put(w, &part);
}

/* A location of no code: the mark where frames are missing. Written when first asked for. */
static int find_mark(struct writer *w, uint8_t why, uint64_t *ret_id)
{
	Pprof__Line line = PPROF__LINE__INIT, *lines[] = { &line };
	Pprof__Location message = PPROF__LOCATION__INIT, *messages[] = { &message };
	Pprof__Profile part = PPROF__PROFILE__INIT;
	struct location_frame frame = { 0 };
	int r;

	why = why < GOIDSHIM_STACK_MAX ? why : GOIDSHIM_STACK_MAX;
	*ret_id = w->id_base + MARK_BASE + why;
	if (w->marks & 1u << why)
		return 0;
	w->marks |= 1u << why;
	r = profiled_gap_name(w->profiled, why, &frame.function);
	if (!r)
		r = find_function(w, &frame, &line.function_id);
	message.id = *ret_id;
	message.n_line = 1;
	message.line = lines;
	part.n_location = 1;
	part.location = messages;
	return r ? r : put(w, &part);
}

/* The locations of a stack, innermost first, with a mark where frames are missing. */
static int find_locations(struct writer *w, uint32_t number,
			  uint64_t locations[static GOIDSHIM_MAX_STACK + 1], size_t *ret_count)
{
	const struct stack *stack = &w->profiled->stacks.stacks[number];
	uint32_t ids[GOIDSHIM_MAX_STACK];
	unsigned gap;
	int r = locations_of_stack(&w->profiled->locations, &w->profiled->stacks, number, ids);

	*ret_count = 0;
	if (r)
		return r;
	gap = profiled_find_gap(w->profiled, stack, ids);
	for (unsigned i = 0; i < stack->depth && !r; i++) {
		if (i == gap)
			r = find_mark(w, stack->gap, &locations[(*ret_count)++]);
		locations[(*ret_count)++] = w->id_base + ids[i] + 1;
	}
	if (!r && gap == stack->depth)
		r = find_mark(w, stack->gap, &locations[(*ret_count)++]);
	return r;
}

static int put_series(struct writer *w, const struct series *series)
{
	uint64_t locations[GOIDSHIM_MAX_STACK + 1];
	int64_t values[EVENTS_TYPES_MAX];
	struct label_list labels;
	Pprof__Sample sample = PPROF__SAMPLE__INIT, *samples[] = { &sample };
	Pprof__Profile part = PPROF__PROFILE__INIT;
	int r = find_locations(w, series->stack, locations, &sample.n_location_id);

	if (!r)
		r = add_labels(w, series, &labels);
	if (r)
		return r;
	sample.location_id = locations;
	profiled_values(w->context, w->profiled, series, values);
	sample.n_value = w->context->event->type_count;
	for (size_t i = 0; w->is_base && i < sample.n_value; i++)
		values[i] = -values[i];
	sample.value = values;
	sample.n_label = labels.count;
	sample.label = labels.pointers;
	part.n_sample = 1;
	part.sample = samples;
	return put(w, &part);
}

static int put_strings(struct writer *w)
{
	Pprof__Profile part = PPROF__PROFILE__INIT;

	part.n_string_table = w->strings->count;
	part.string_table = w->strings->texts;
	return put(w, &part);
}

static int put_side(struct writer *w)
{
	const struct stacks *stacks = &w->profiled->stacks;
	int r = w->is_base ? 0 : put_head(w);

	for (uint32_t i = 0; i < reader_module_count(w->context->reader) && !r; i++)
		r = put_mapping(w, i);
	for (size_t i = 0; i < stacks->series_count && !r; i++) {
		progress_step(w->context->progress, "writing samples", i, stacks->series_count);
		r = put_series(w, &stacks->series[i]);
	}
	for (uint32_t i = 0; i < w->profiled->locations.count && !r; i++)
		r = put_location(w, i);
	return r ? r : put_strings(w);
}

/* Sets a side up, behind what others have taken. */
static void begin_side(struct writer *w, const struct pprofwriter_side *side, unsigned index)
{
	if (w->strings)
		w->string_base += (int64_t)w->strings->count;
	hashindex_free(&w->function_index);
	w->function_index = (struct hashindex){ 0 };
	w->function_count = 0;
	w->context = side->context;
	w->profiled = side->profiled;
	w->strings = &side->profiled->locations.strings;
	w->is_base = side->is_base;
	w->id_base = (uint64_t)index << SIDE_SHIFT;
	w->marks = 0;
}

int pprofwriter_write(FILE *out, const struct pprofwriter_side *sides, unsigned count)
{
	struct writer *w = calloc(1, sizeof(*w));
	int r = -ENOMEM;

	if (!w)
		return r;
	w->out = out;
	/* 15 + 16: a window of 32 KiB, and gzip's header and trailer. */
	if (deflateInit2(&w->zip, 3, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK) {
		r = 0;
		for (unsigned i = 0; i < count && !r; i++) {
			begin_side(w, &sides[i], i);
			r = put_side(w);
		}
		if (!r)
			r = deflate_all(w, Z_FINISH);
		deflateEnd(&w->zip);
	}
	free(w->buffer);
	free(w->functions);
	hashindex_free(&w->function_index);
	free(w);
	return r;
}

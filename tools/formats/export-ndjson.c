/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every record as one line of JSON, in the order of time. Written by hand, for
 * it is a line per sample: the only texts in it are thread names.
 */
#include <errno.h>
#include <string.h>

#include "probe/fsbase.h"
#include "tools/formats/export.h"
#include "tools/print/printable.h"
#include "tools/ring/names.h"
#include "tools/ring/record.h"
#include "tools/ring/syscalls.h"

/* Twenty numbers with their keys, and the deepest stack, take less. */
enum { LINE_SIZE = 2048 + GOIDSHIM_MAX_STACK * 24 };

struct line {
	char *at;
	char bytes[LINE_SIZE];
};

static void add(struct line *line, const char *text)
{
	line->at = stpcpy(line->at, text);
}

/* `key` comes as it stands in the line: with what goes before the number. */
static void add_number(struct line *line, const char *key, __u64 value)
{
	char digits[24], *to = digits + sizeof(digits);

	*--to = '\0';
	do
		*--to = (char)('0' + value % 10);
	while (value /= 10);
	add(line, key);
	add(line, to);
}

static void add_address(struct line *line, const char *key, __u64 value)
{
	char digits[24], *to = digits + sizeof(digits);

	*--to = '\0';
	do
		*--to = "0123456789abcdef"[value % 16];
	while (value /= 16);
	add(line, key);
	add(line, "\"0x");
	add(line, to);
	add(line, "\"");
}

static void add_word(struct line *line, const char *key, const char *word)
{
	add(line, key);
	add(line, "\"");
	add(line, word);
	add(line, "\"");
}

static void add_stack(struct line *line, const struct goidshim_sample *s)
{
	const __u64 *frames = record_frames(s);

	add(line, ",\"stack\":[");
	for (unsigned i = 0; i < s->stack_depth; i++)
		add_address(line, i ? "," : "", frames[i]);
	add_word(line, "],\"stack_end\":", names_stack_end(s->stack_end));
	if (s->stack_gap)
		add_word(line, ",\"stack_gap\":", names_stack_end(s->stack_gap));
}

/* What a record of any event says of who and where. Leaves the object open. */
static void add_sample(struct line *line, const char *type, __u32 lane,
		       const struct goidshim_sample *s)
{
	add_word(line, "{\"type\":", type);
	add_number(line, ",\"time_ns\":", s->time_ns);
	add_number(line, ",\"lane\":", lane);
	add_number(line, ",\"sequence\":", s->sequence);
	add_number(line, ",\"tid\":", s->tid);
	add_number(line, ",\"goid\":", s->goid);
	add_word(line, ",\"class\":", names_class(s->class_));
	add_word(line, ",\"reason\":", names_reason(s->reason));
	add_number(line, ",\"periods\":", s->periods);
	add_address(line, ",\"pc\":", s->pc);
	add_address(line, ",\"sp\":", s->sp);
	add_address(line, ",\"fs_base\":", s->fs_base);
	add_address(line, ",\"g\":", s->g);
	add_word(line, ",\"fs_base_method\":", fsbase_method_name(s->fsbase_method));
	add_address(line, ",\"start_pc\":", s->start_pc);
	add_address(line, ",\"go_pc\":", s->go_pc);
	add_number(line, ",\"parent\":", s->parent_goid);
	add_number(line, ",\"object\":", s->object);
	add_number(line, ",\"status\":", s->goroutine_status);
	if (s->stack_depth)
		add_stack(line, s);
}

static void add_alloc(struct line *line, const struct goidshim_alloc *a)
{
	add_word(line, ",\"kind\":", names_alloc_kind(a->kind));
	add_address(line, ",\"address\":", a->address);
	add_number(line, ",\"size\":", a->size);
}

static void add_wait(struct line *line, const struct goidshim_wait *w)
{
	add_number(line, ",\"start_ns\":", w->start_ns);
	add_number(line, ",\"duration_ns\":", w->duration_ns);
	add_address(line, ",\"address\":", w->address);
}

static void add_lock(struct line *line, const struct goidshim_wait *w)
{
	add_word(line, ",\"kind\":", names_lock_kind(w->kind));
	add_wait(line, w);
	add_number(line, ",\"holder_tid\":", w->holder_tid);
	add_number(line, ",\"holder_goid\":", w->holder_goid);
	add_word(line, ",\"holder_class\":", names_class(w->holder_class));
	add_word(line, ",\"holder_reason\":", names_reason(w->holder_reason));
	add_address(line, ",\"holder_start_pc\":", w->holder_start_pc);
	add_number(line, ",\"holder_object\":", w->holder_object);
}

static void add_block(struct line *line, const struct goidshim_wait *w)
{
	add_word(line, ",\"kind\":", syscalls_name(w->kind));
	add_number(line, ",\"number\":", w->kind);
	add_wait(line, w);
}

/* A name that is printable, but may hold what JSON gives a meaning. */
static void add_name(struct line *line, const char *key, const char *name)
{
	add(line, key);
	*line->at++ = '"';
	for (; *name; name++) {
		if (*name == '"' || *name == '\\')
			*line->at++ = '\\';
		*line->at++ = *name;
	}
	*line->at = '\0';
	add(line, "\"");
}

static void add_thread(struct line *line, __u32 lane, const struct goidshim_thread *t)
{
	char name[sizeof(t->name)];

	add_number(line, "{\"type\":\"thread\",\"time_ns\":", t->time_ns);
	add_number(line, ",\"lane\":", lane);
	add_number(line, ",\"tid\":", t->tid);
	add_address(line, ",\"fs_base\":", t->fs_base);
	add_name(line, ",\"name\":", printable_copy(name, sizeof(name), t->name));
}

static int begin(const struct export_context *c, void **ret_state)
{
	*ret_state = NULL;
	return 0;
}

static int record(const struct export_context *c, void *state, const struct reader_item *item)
{
	struct line line;

	if (c->only && record_has_sample(item->record) && item->record->type != c->only->record)
		return 0;
	line.at = line.bytes;
	switch (item->record->type) {
	case GOIDSHIM_RECORD_SAMPLE:
		add_sample(&line, "sample", item->lane, item->sample);
		break;
	case GOIDSHIM_RECORD_WALL:
		add_sample(&line, "wall", item->lane, item->sample);
		break;
	case GOIDSHIM_RECORD_ALLOC:
		add_sample(&line, "alloc", item->lane, item->sample);
		add_alloc(&line, item->alloc);
		break;
	case GOIDSHIM_RECORD_LOCK:
		add_sample(&line, "lock", item->lane, item->sample);
		add_lock(&line, item->wait);
		break;
	case GOIDSHIM_RECORD_BLOCK:
		add_sample(&line, "block", item->lane, item->sample);
		add_block(&line, item->wait);
		break;
	case GOIDSHIM_RECORD_THREAD:
		add_thread(&line, item->lane, item->thread);
		break;
	default:
		return 0;
	}
	add(&line, "}\n");
	fwrite(line.bytes, 1, (size_t)(line.at - line.bytes), c->out);
	return ferror(c->out) ? -EIO : 0;
}

static int end(const struct export_context *c, void *state)
{
	return 0;
}

static void free_state(void *state)
{
}

const struct exporter export_ndjson = {
	.name = "ndjson",
	.about = "every record as a line of JSON, ordered by time",
	.order = READER_BY_TIME,
	.begin = begin,
	.record = record,
	.end = end,
	.free = free_state,
};

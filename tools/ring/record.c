/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/ring/record.h"

#include <string.h>

static bool is_terminated(const char *text, size_t room)
{
	return memchr(text, '\0', room) != NULL;
}

static size_t padded(size_t size)
{
	return (size + GOIDSHIM_RECORD_ALIGN - 1) & ~(size_t)(GOIDSHIM_RECORD_ALIGN - 1);
}

/* Bytes before the frames of a record that begins with a struct goidshim_sample. */
static size_t fixed_size(const struct goidshim_sample *s)
{
	switch (s->record.type) {
	case GOIDSHIM_RECORD_ALLOC:
		return sizeof(struct goidshim_alloc);
	case GOIDSHIM_RECORD_LOCK:
	case GOIDSHIM_RECORD_BLOCK:
		return sizeof(struct goidshim_wait);
	default:
		return sizeof(*s);
	}
}

static bool is_sound(const struct goidshim_sample *s)
{
	size_t fixed = fixed_size(s);

	if (s->record.size < fixed || s->stack_depth > GOIDSHIM_MAX_STACK)
		return false;
	if (fixed + s->stack_depth * sizeof(__u64) + padded(s->labels_size) > s->record.size)
		return false;
	if (s->object != 0xff && s->object >= GOIDSHIM_MAX_OBJECTS)
		return false;
	return (s->goid != 0) == !!goidshim_class_has_goid(s->class_);
}

static bool is_sample(const struct goidshim_sample *s)
{
	return is_sound(s) && s->periods > 0;
}

static bool is_wait(const struct goidshim_wait *w)
{
	if (!is_sound(&w->sample))
		return false;
	if (w->holder_object != 0xff && w->holder_object >= GOIDSHIM_MAX_OBJECTS)
		return false;
	return (w->holder_goid != 0) == !!goidshim_class_has_goid(w->holder_class);
}

static bool is_thread(const struct goidshim_thread *t)
{
	return t->record.size >= sizeof(*t) && is_terminated(t->name, sizeof(t->name));
}

static bool is_module(const struct goidshim_module *m)
{
	return m->record.size > sizeof(*m) && m->start < m->end &&
	       m->build_id_size <= sizeof(m->build_id) &&
	       is_terminated(m->path, m->record.size - sizeof(*m));
}

static bool is_message(const struct goidshim_message *m)
{
	return m->record.size > sizeof(*m) && is_terminated(m->text, m->record.size - sizeof(*m));
}

static enum record_verdict check_fields(const struct goidshim_record *record)
{
	bool good;

	switch (record->type) {
	case GOIDSHIM_RECORD_SAMPLE:
	case GOIDSHIM_RECORD_WALL:
		good = is_sample((const struct goidshim_sample *)record);
		break;
	case GOIDSHIM_RECORD_THREAD:
		good = is_thread((const struct goidshim_thread *)record);
		break;
	case GOIDSHIM_RECORD_MODULE:
		good = is_module((const struct goidshim_module *)record);
		break;
	case GOIDSHIM_RECORD_MESSAGE:
		good = is_message((const struct goidshim_message *)record);
		break;
	case GOIDSHIM_RECORD_ALLOC:
		good = is_sound((const struct goidshim_sample *)record);
		break;
	case GOIDSHIM_RECORD_LOCK:
	case GOIDSHIM_RECORD_BLOCK:
		good = is_wait((const struct goidshim_wait *)record);
		break;
	default:
		return RECORD_UNKNOWN;
	}
	return good ? RECORD_GOOD : RECORD_BAD_FIELDS;
}

enum record_verdict record_check(const void *bytes, size_t available)
{
	const struct goidshim_record *record = bytes;

	if (available < sizeof(*record) || record->size < sizeof(*record) ||
	    record->size > available || record->size % GOIDSHIM_RECORD_ALIGN != 0)
		return RECORD_BAD_SIZE;
	return check_fields(record);
}

bool record_has_sample(const struct goidshim_record *record)
{
	switch (record->type) {
	case GOIDSHIM_RECORD_SAMPLE:
	case GOIDSHIM_RECORD_ALLOC:
	case GOIDSHIM_RECORD_LOCK:
	case GOIDSHIM_RECORD_BLOCK:
	case GOIDSHIM_RECORD_WALL:
		return true;
	default:
		return false;
	}
}

const __u64 *record_frames(const struct goidshim_sample *sample)
{
	return (const __u64 *)((const char *)sample + fixed_size(sample));
}

const char *record_labels(const struct goidshim_sample *sample)
{
	return (const char *)(record_frames(sample) + sample->stack_depth);
}

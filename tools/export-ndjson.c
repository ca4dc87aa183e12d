/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every record as one line of JSON, in the order of time. Written by hand, for
 * it is a line per sample: the only texts in it are thread names.
 */
#include <errno.h>

#include "probe/fsbase.h"
#include "tools/export.h"
#include "tools/names.h"
#include "tools/printable.h"
#include "tools/record.h"

static int begin(const struct export_context *c, void **ret_state)
{
	*ret_state = NULL;
	return 0;
}

static void put_stack(FILE *out, const struct goidshim_sample *s)
{
	const __u64 *frames = record_frames(s);

	fputs(",\"stack\":[", out);
	for (unsigned i = 0; i < s->stack_depth; i++)
		fprintf(out, "%s\"0x%llx\"", i ? "," : "", frames[i]);
	fprintf(out, "],\"stack_end\":\"%s\"", names_stack_end(s->stack_end));
}

static void put_sample(FILE *out, __u32 lane, const struct goidshim_sample *s)
{
	fprintf(out,
		"{\"type\":\"sample\",\"time_ns\":%llu,\"lane\":%u,\"sequence\":%llu,\"tid\":%u,"
		"\"goid\":%llu,\"class\":\"%s\",\"reason\":\"%s\",\"periods\":%u,",
		s->time_ns, lane, s->sequence, s->tid, s->goid, names_class(s->class_),
		names_reason(s->reason), s->periods);
	fprintf(out,
		"\"pc\":\"0x%llx\",\"sp\":\"0x%llx\",\"fs_base\":\"0x%llx\",\"g\":\"0x%llx\","
		"\"fs_base_method\":\"%s\",",
		s->pc, s->sp, s->fs_base, s->g, fsbase_method_name(s->fsbase_method));
	fprintf(out,
		"\"start_pc\":\"0x%llx\",\"go_pc\":\"0x%llx\",\"parent\":%llu,\"object\":%u,"
		"\"status\":%u",
		s->start_pc, s->go_pc, s->parent_goid, s->object, s->goroutine_status);
	if (s->stack_depth)
		put_stack(out, s);
	fputs("}\n", out);
}

static void put_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void put_thread(FILE *out, __u32 lane, const struct goidshim_thread *t)
{
	char name[sizeof(t->name)];

	fprintf(out,
		"{\"type\":\"thread\",\"time_ns\":%llu,\"lane\":%u,\"tid\":%u,"
		"\"fs_base\":\"0x%llx\",\"name\":",
		t->time_ns, lane, t->tid, t->fs_base);
	put_text(out, printable_copy(name, sizeof(name), t->name));
	fputs("}\n", out);
}

static int record(const struct export_context *c, void *state, const struct reader_item *item)
{
	if (item->record->type == GOIDSHIM_RECORD_SAMPLE)
		put_sample(c->out, item->lane, item->sample);
	else if (item->record->type == GOIDSHIM_RECORD_THREAD)
		put_thread(c->out, item->lane, item->thread);
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

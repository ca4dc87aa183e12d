/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/profile/filter.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/profile/report.h"
#include "tools/ring/labels.h"
#include "tools/ring/record.h"

/* Appends to a NULL-terminated list. */
static int append(const char ***list, const char *text)
{
	size_t count = 0;
	const char **grown;

	while (*list && (*list)[count])
		count++;
	grown = reallocarray(*list, count + 2, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	grown[count] = text;
	grown[count + 1] = NULL;
	*list = grown;
	return 0;
}

static bool is_number(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text) && strlen(text) < 20;
}

int filter_add_goid(struct filter *filter, const char *text)
{
	return is_number(text) ? append(&filter->goids, text) : -EINVAL;
}

int filter_add_start(struct filter *filter, const char *text)
{
	return *text ? append(&filter->starts, text) : -EINVAL;
}

int filter_add_thread(struct filter *filter, const char *text)
{
	return *text ? append(&filter->threads, text) : -EINVAL;
}

int filter_add_label(struct filter *filter, const char *text)
{
	const char *equals = strchr(text, '=');

	return equals && equals > text ? append(&filter->labels, text) : -EINVAL;
}

int filter_parse_seconds(const char *text, double *ret)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || (*end && strcmp(end, "s")) || !(value >= 0 && value < 1e9))
		return -EINVAL;
	*ret = value;
	return 0;
}

int filter_set_since(struct filter *filter, const char *text)
{
	filter->has_since = true;
	return filter_parse_seconds(text, &filter->since);
}

int filter_set_until(struct filter *filter, const char *text)
{
	filter->has_until = true;
	return filter_parse_seconds(text, &filter->until);
}

static bool matches_goid(const char *const *goids, __u64 goid)
{
	for (; *goids; goids++)
		if (goid && strtoull(*goids, NULL, 10) == goid)
			return true;
	return false;
}

static bool matches_thread(const struct filter *filter, __u32 tid)
{
	const char *name = threads_name(&filter->names, tid);

	for (const char *const *t = filter->threads; *t; t++)
		if ((is_number(*t) && strtoull(*t, NULL, 10) == tid) || !fnmatch(*t, name, 0))
			return true;
	return false;
}

static bool is_same(const void *owner, uint32_t id, const void *key)
{
	return ((const struct filter *)owner)->verdicts[id].start_pc == *(const __u64 *)key;
}

static bool judge_start(const struct filter *filter, struct symbolizer *symbolizer,
			const struct goidshim_sample *sample)
{
	struct report_goroutine words;

	report_goroutine(symbolizer, sample->start_pc, 0, &words);
	for (const char *const *start = filter->starts; *start; start++)
		if (!fnmatch(*start, words.function, 0))
			return true;
	return false;
}

/* Remembers the verdict; where there is no memory for that it is found again each time. */
static bool matches_start(struct filter *filter, struct symbolizer *symbolizer,
			  const struct goidshim_sample *sample)
{
	__u64 pc = sample->start_pc;
	uint64_t hash = hashindex_bytes(0, &pc, sizeof(pc));
	uint32_t id = hashindex_find(&filter->verdict_index, hash, is_same, filter, &pc);
	bool accepted;

	if (!sample->goid)
		return false;
	if (id != HASHINDEX_NONE)
		return filter->verdicts[id].accepted;
	accepted = judge_start(filter, symbolizer, sample);
	if (filter->verdict_count == filter->verdict_room) {
		size_t room = filter->verdict_room ? filter->verdict_room * 2 : 64;
		struct filter_verdict *grown =
			reallocarray(filter->verdicts, room, sizeof(*grown));

		if (!grown)
			return accepted;
		filter->verdicts = grown;
		filter->verdict_room = room;
	}
	if (!hashindex_add(&filter->verdict_index, hash, (uint32_t)filter->verdict_count))
		filter->verdicts[filter->verdict_count++] = (struct filter_verdict){ pc, accepted };
	return accepted;
}

/* Does one label of the sample have this key, and a value like this pattern? */
static bool has_label(const struct goidshim_sample *sample, const char *wanted)
{
	const char *bytes = record_labels(sample), *equals = strchr(wanted, '=');
	size_t size = sample->labels_size, key_size = (size_t)(equals - wanted);
	struct label label;

	while (labels_next(&bytes, &size, &label)) {
		char value[1024];

		if (label.key_size != key_size || memcmp(label.key, wanted, key_size))
			continue;
		snprintf(value, sizeof(value), "%.*s", label.value_size, label.value);
		if (!fnmatch(equals + 1, value, 0))
			return true;
	}
	return false;
}

static bool matches_labels(const struct filter *filter, const struct goidshim_sample *sample)
{
	for (const char *const *label = filter->labels; *label; label++)
		if (!has_label(sample, *label))
			return false;
	return true;
}

static bool matches_time(const struct filter *filter, const struct reader *reader, __u64 time_ns)
{
	double seconds = ((double)time_ns - (double)reader_header(reader)->start_ns) / 1e9;

	return (!filter->has_since || seconds >= filter->since) &&
	       (!filter->has_until || seconds < filter->until);
}

/* C code, whether or not it works for a goroutine. */
static bool is_c(__u8 class_)
{
	return class_ == GOIDSHIM_CLASS_C || class_ == GOIDSHIM_CLASS_IDLE ||
	       class_ == GOIDSHIM_CLASS_C_THREAD || class_ == GOIDSHIM_CLASS_EXTRA_M;
}

static bool accepts_sample(struct filter *filter, const struct reader *reader,
			   struct symbolizer *symbolizer, const struct goidshim_sample *sample)
{
	if (filter->c_only && !is_c(sample->class_))
		return false;
	if (!matches_time(filter, reader, sample->time_ns))
		return false;
	if (filter->goids && !matches_goid(filter->goids, sample->goid))
		return false;
	if (filter->threads && !matches_thread(filter, sample->tid))
		return false;
	if (filter->labels && !matches_labels(filter, sample))
		return false;
	return !filter->starts || matches_start(filter, symbolizer, sample);
}

bool filter_accepts(struct filter *filter, const struct reader *reader,
		    struct symbolizer *symbolizer, const struct reader_item *item)
{
	if (item->record->type == GOIDSHIM_RECORD_THREAD)
		threads_add(&filter->names, item->thread);
	return !record_has_sample(item->record) ||
	       accepts_sample(filter, reader, symbolizer, item->sample);
}

void filter_forget(struct filter *filter)
{
	threads_free(&filter->names);
	filter->names = (struct threads){ 0 };
	hashindex_free(&filter->verdict_index);
	filter->verdict_index = (struct hashindex){ 0 };
	filter->verdict_count = 0;
}

void filter_free(struct filter *filter)
{
	filter_forget(filter);
	free(filter->goids);
	free(filter->starts);
	free(filter->threads);
	free(filter->labels);
	free(filter->verdicts);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The report as one JSON object. Numbers that do not fit JSON's signed 64 bits
 * stop at its largest; what is not known is null.
 */
#include <errno.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

#include "probe/fsbase.h"
#include "tools/formats/tally.h"
#include "tools/formats/waitsjson.h"
#include "tools/print/printable.h"
#include "tools/profile/callsites.h"
#include "tools/profile/profile.h"
#include "tools/profile/report.h"
#include "tools/ring/names.h"
#include "tools/ring/target.h"

static json_t *number(__u64 value)
{
	return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

static json_t *text(const char *value)
{
	char clean[4096];

	return value[0] ? json_string(printable_copy(clean, sizeof(clean), value)) : json_null();
}

static json_t *build_target(const struct export_context *c)
{
	const struct goidshim_header *h = reader_header(c->reader);

	return json_pack("{s:I, s:o, s:o, s:b}", "pid", (json_int_t)h->pid, "exe",
			 text(target_exe(c->reader)), "go_version",
			 text(h->object_count ? h->objects[0].go_version : ""), "alive",
			 c->is_alive);
}

static json_t *build_object(const struct goidshim_object *object)
{
	const struct goidshim_golayout *l = &object->layout;

	return json_pack("{s:o, s:I, s:i, s:s, s:i}", "go_version", text(object->go_version),
			 "tls_offset", (json_int_t)l->tls_offset, "goid_offset", l->g_goid,
			 "offsets_from", report_offsets_from(l), "offsets_proved",
			 l->fields_proved);
}

static json_t *build_discovery(const struct export_context *c)
{
	const struct goidshim_header *h = reader_header(c->reader);
	const struct goidshim_golayout *l = h->object_count ? &h->objects[0].layout : NULL;
	json_t *objects = json_array();

	for (__u32 i = 0; i < h->object_count; i++)
		json_array_append_new(objects, build_object(&h->objects[i]));
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "fs_base_method",
			 fsbase_method_name(h->fsbase_method), "fs_base_note",
			 text(h->fsbase_note), "tls_offset",
			 l ? json_integer(l->tls_offset) : json_null(), "goid_offset",
			 l ? json_integer(l->g_goid) : json_null(), "offsets_from",
			 text(l ? report_offsets_from(l) : ""), "objects", objects);
}

static json_t *build_lost(const struct export_context *c)
{
	json_t *object = json_object();
	__u64 lost[GOIDSHIM_LOST_MAX];

	report_lost(c->reader, c->is_followed, lost);
	for (unsigned i = 0; i < GOIDSHIM_LOST_MAX; i++)
		if (lost[i])
			json_object_set_new(object, names_lost(i), number(lost[i]));
	return object;
}

static json_t *build_sampling(const struct export_context *c, const struct profile *p)
{
	const struct goidshim_header *h = reader_header(c->reader);
	double achieved = report_rate_hz(reader_totals(c->reader));

	return json_pack("{s:s, s:o, s:I, s:o, s:b, s:o, s:o, s:o, s:o}", "trigger",
			 names_trigger(h->trigger), "trigger_note", text(h->trigger_note),
			 "rate_asked_hz", (json_int_t)h->rate_hz, "rate_achieved_hz",
			 achieved > 0 ? json_real(achieved) : json_null(), "user_only",
			 h->user_only != 0, "samples", number(p->samples), "cpu_ns",
			 number(profile_cpu_ns(p->periods, h->period_ns)), "start_realtime_ns",
			 number(h->start_realtime_ns), "lost", build_lost(c));
}

static const char *kind_word(enum report_kind kind)
{
	static const char *const words[] = {
		[REPORT_ORDINARY] = "ordinary",
		[REPORT_MAIN] = "main",
		[REPORT_SYSTEM] = "system",
		[REPORT_CALLBACK] = "callback",
	};

	return words[kind];
}

/* A goroutine's time in an event, CPU or wall, with `prefix` before the figures' names. */
static json_t *build_goroutine(const struct export_context *c, const struct profile_goroutine *g,
			       const char *prefix, __u64 step_ns)
{
	const struct {
		const char *suffix;
		__u64 periods;
	} parts[] = { { "_ns", g->periods },
		      { "_ns_c", g->periods_c },
		      { "_ns_go", g->periods_go },
		      { "_ns_runtime", g->periods_runtime } };
	struct report_goroutine words;
	json_t *object;

	report_goroutine(c->symbolizer, g->start_pc, g->go_pc, &words);
	object = json_pack("{s:o, s:s, s:o, s:o, s:o, s:o}", "goid", number(g->goid), "kind",
			   kind_word(words.kind), "start", text(words.function), "created_at",
			   text(words.created_at), "parent",
			   g->parent_goid ? number(g->parent_goid) : json_null(), "samples",
			   number(g->samples));
	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		char key[32];

		snprintf(key, sizeof(key), "%s%s", prefix, parts[i].suffix);
		json_object_set_new(object, key,
				    number(profile_cpu_ns(parts[i].periods, step_ns)));
	}
	json_object_set_new(object, "object", json_integer(g->object));
	return object;
}

static json_t *build_goroutines(const struct export_context *c, const struct profile *p,
				const char *prefix, __u64 step_ns)
{
	size_t count = c->limit && c->limit < p->goroutine_count ? c->limit : p->goroutine_count;
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array,
				      build_goroutine(c, &p->goroutines[i], prefix, step_ns));
	return array;
}

static void add_to(json_t *object, const char *key, __u64 value)
{
	json_t *old = json_object_get(object, key);

	json_object_set_new(object, key,
			    number(value + (old ? (__u64)json_integer_value(old) : 0)));
}

/* Samples by reason and by class: the two ways to ask why. */
static void build_unattributed(const struct profile *p, json_t **ret_by_reason,
			       json_t **ret_by_class)
{
	*ret_by_reason = json_object();
	*ret_by_class = json_object();
	for (unsigned class_ = 0; class_ <= GOIDSHIM_CLASS_MAX; class_++) {
		for (unsigned reason = 0; reason <= GOIDSHIM_REASON_MAX; reason++) {
			__u64 samples = p->unattributed[class_][reason].samples;

			if (samples == 0)
				continue;
			add_to(*ret_by_reason, names_reason(reason), samples);
			add_to(*ret_by_class, names_class(class_), samples);
		}
	}
}

static json_t *build_damage(const struct export_context *c)
{
	const struct reader_damage *d = reader_damage(c->reader);
	json_t *array = json_array();

	for (unsigned i = 0; i < READER_PROBLEM_MAX; i++)
		if (d->times[i])
			json_array_append_new(array, json_pack("{s:s, s:o, s:o}", "what",
							       names_explain_problem(i), "times",
							       number(d->times[i]), "bytes_skipped",
							       number(d->bytes[i])));
	return array;
}

static json_t *estimate(double value)
{
	return number(memory_round(value));
}

static json_t *age(const struct memory *memory, const struct memory_sums *sums)
{
	__u64 now = memory->last_ns;

	return sums->oldest_ns ? json_real((double)(now - sums->oldest_ns) / 1e9) : json_null();
}

static void add_sums(const struct memory *memory, json_t *object, const struct memory_sums *sums)
{
	json_object_set_new(object, "in_use_bytes", estimate(sums->used_bytes));
	json_object_set_new(object, "in_use_objects", estimate(sums->used_objects));
	json_object_set_new(object, "alloc_bytes", estimate(sums->alloc_bytes));
	json_object_set_new(object, "alloc_objects", estimate(sums->alloc_objects));
	json_object_set_new(object, "oldest_s", age(memory, sums));
}

static json_t *build_memory_goroutine(const struct export_context *c, const struct memory *memory,
				      const struct memory_goroutine *g)
{
	struct report_goroutine words;
	json_t *object;

	if (g->who.goid) {
		report_goroutine(c->symbolizer, g->who.start_pc, g->who.go_pc, &words);
		object = json_pack("{s:o, s:s, s:o, s:o, s:i}", "goid", number(g->who.goid), "kind",
				   kind_word(words.kind), "start", text(words.function),
				   "created_at", text(words.created_at), "object",
				   (int)g->who.object);
	} else {
		object = json_pack("{s:n, s:s, s:s}", "goid", "class", names_class(g->class_),
				   "reason", names_reason(g->reason));
	}
	add_sums(memory, object, &g->sums);
	return object;
}

static json_t *build_site(const struct memory *memory, const struct callsite *site)
{
	char hex[32];
	json_t *object;

	snprintf(hex, sizeof(hex), "0x%llx", site->pc);
	object = json_pack("{s:o, s:o, s:o}", "function",
			   text(site->symbol.function ? site->symbol.function : hex), "file",
			   text(site->symbol.file ? site->symbol.file : ""), "line",
			   site->symbol.line ? number(site->symbol.line) : json_null());
	add_sums(memory, object, &site->sums);
	return object;
}

static json_t *build_memory(const struct export_context *c, const struct memory *memory)
{
	json_t *goroutines, *array, *object;
	struct callsite *sites;
	size_t count;

	if (callsites_make(memory, c->symbolizer, &sites, &count) < 0)
		return json_null();
	goroutines = json_array();
	array = json_array();
	for (size_t i = 0; i < memory->goroutine_count; i++)
		json_array_append_new(goroutines,
				      build_memory_goroutine(c, memory,
							     &memory->goroutines[i]));
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, build_site(memory, &sites[i]));
	free(sites);
	object = json_pack("{s:o, s:o, s:o, s:o}", "interval", number(memory->interval), "records",
			   number(memory->records), "goroutines", goroutines, "sites", array);
	add_sums(memory, object, &memory->total);
	return object;
}

static json_t *build_wall(const struct export_context *c, const struct profile *p)
{
	__u64 step = reader_header(c->reader)->wall_period_ns;

	return json_pack("{s:o, s:o, s:o}", "samples", number(p->samples), "wall_ns",
			 number(profile_cpu_ns(p->periods, step)), "goroutines",
			 build_goroutines(c, p, "wall", step));
}

static int json_end(const struct export_context *c, void *state)
{
	const struct goidshim_header *h = reader_header(c->reader);
	struct tally *tally = state;
	const struct profile *p = tally->cpu;
	json_t *by_reason, *by_class, *root;
	int err = tally_complete(tally);

	if (err)
		return err;
	build_unattributed(p, &by_reason, &by_class);
	root = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "target", build_target(c),
			 "discovery", build_discovery(c), "sampling", build_sampling(c, p),
			 "goroutines", build_goroutines(c, p, "cpu", h->period_ns), "unattributed", by_reason,
			 "unattributed_by_class", by_class, "damage", build_damage(c));
	if (!root)
		return -ENOMEM;
	if (export_shows(c, &events_heap))
		json_object_set_new(root, "c_memory", build_memory(c, tally->memory));
	if (export_shows(c, &events_wall))
		json_object_set_new(root, "wall", build_wall(c, tally->wall));
	err = waitsjson_add(c, tally, root);
	if (err)
		goto out_free;
	err = json_dumpf(root, c->out, JSON_INDENT(2)) < 0 ? -EIO : 0;
	fputc('\n', c->out);
out_free:
	json_decref(root);
	return err;
}

const struct exporter export_json = {
	.name = "json",
	.about = "the same report as one JSON object",
	.order = READER_BY_CLAIM,
	.begin = tally_begin,
	.record = tally_record,
	.live = tally_live,
	.end = json_end,
	.free = tally_free,
};

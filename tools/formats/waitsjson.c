/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/formats/waitsjson.h"

#include <errno.h>

#include "tools/formats/titles.h"
#include "tools/formats/whereabouts.h"
#include "tools/ring/names.h"

/* ---- what groups of waits have in common ---- */

static json_t *number(__u64 value)
{
	return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

static void add_sums(json_t *object, const struct waits_sums *sums)
{
	json_object_set_new(object, "count", number(sums->count));
	json_object_set_new(object, "delay_ns", number(sums->total_ns));
	json_object_set_new(object, "longest_ns", number(sums->longest_ns));
}

static void add_goroutine(const struct export_context *c, json_t *object,
			  const struct series *series)
{
	char start[TITLES_NAME_SIZE];

	if (!series->goid) {
		json_object_set_new(object, "goid", json_null());
		json_object_set_new(object, "class", json_string(names_class(series->class_)));
		json_object_set_new(object, "reason", json_string(names_reason(series->reason)));
		return;
	}
	titles_start(c, series, start);
	json_object_set_new(object, "goid", number(series->goid));
	json_object_set_new(object, "start", json_string(start));
	json_object_set_new(object, "object", json_integer(series->object));
}

typedef json_t *build_group(const struct export_context *c, const struct tally *tally,
			    const struct waits *waits, const struct waits_group *group);

/* An array with an object for each group. */
static json_t *build_groups(const struct export_context *c, const struct tally *tally,
			    const struct waits *waits, unsigned fields,
			    const struct waits_group *within, build_group *build)
{
	json_t *array = json_array();
	struct waits_groups groups;

	if (!waits_group(waits, fields, within, &groups)) {
		for (size_t i = 0; i < groups.count; i++) {
			json_t *object = build(c, tally, waits, &groups.groups[i]);

			add_sums(object, &groups.groups[i].sums);
			json_array_append_new(array, object);
		}
	}
	waits_groups_free(&groups);
	return array;
}

static const struct series *series_of(const struct waits *waits, const struct waits_group *group)
{
	return &waits->stacks.series[group->series];
}

static const struct stacks_wait *wait_of(const struct waits *waits, const struct waits_group *group)
{
	return stacks_wait_of(&waits->stacks, series_of(waits, group));
}

static void add_site(const struct export_context *c, json_t *object, const struct waits *waits,
		     const struct waits_group *group)
{
	char site[WHEREABOUTS_SIZE];

	whereabouts_site(&waits->stacks, series_of(waits, group)->stack, c->symbolizer, site);
	json_object_set_new(object, "site", json_string(site));
}

/* ---- locks ---- */

static json_t *build_holder(const struct export_context *c, const struct tally *tally,
			    const struct waits *waits, const struct waits_group *group)
{
	const struct stacks_wait *wait = wait_of(waits, group);
	uint32_t stack = holders_meanwhile(&tally->holders, group->members, group->member_count);
	const struct series holder = {
		.goid = wait->holder_goid,
		.start_pc = wait->holder_start_pc,
		.object = wait->holder_object,
		.class_ = wait->holder_class,
		.reason = wait->holder_reason,
	};
	char place[WHEREABOUTS_SIZE];
	json_t *object = json_object();

	if (wait->holder_goid || wait->holder_tid) {
		add_goroutine(c, object, &holder);
		json_object_set_new(object, "tid", number(wait->holder_tid));
	}
	if (stack != HOLDERS_NONE) {
		whereabouts_of(&tally->holders.stacks, stack, c->symbolizer, place);
		json_object_set_new(object, "meanwhile", json_string(place));
	}
	return object;
}

static json_t *build_waiter(const struct export_context *c, const struct tally *tally,
			    const struct waits *waits, const struct waits_group *group)
{
	json_t *object = json_object();

	add_goroutine(c, object, series_of(waits, group));
	json_object_set_new(object, "holders", build_groups(c, tally, waits, WAITS_BY_HOLDER, group,
							    build_holder));
	return object;
}

static json_t *build_lock_waiter(const struct export_context *c, const struct tally *tally,
				 const struct waits *waits, const struct waits_group *group)
{
	json_t *object = json_object();

	add_goroutine(c, object, series_of(waits, group));
	add_site(c, object, waits, group);
	return object;
}

static json_t *build_lock(const struct export_context *c, const struct tally *tally,
			  const struct waits *waits, const struct waits_group *group)
{
	const struct stacks_wait *wait = wait_of(waits, group);
	json_t *object = json_object();
	char address[24];

	snprintf(address, sizeof(address), "0x%llx", (unsigned long long)wait->address);
	json_object_set_new(object, "address", json_string(address));
	json_object_set_new(object, "kind", json_string(events_lock.kind_name(wait->kind)));
	json_object_set_new(object, "waiters", build_groups(c, tally, waits, WAITS_BY_GOROUTINE,
							    group, build_lock_waiter));
	json_object_set_new(object, "holders", build_groups(c, tally, waits, WAITS_BY_HOLDER, group,
							    build_holder));
	return object;
}

static json_t *build_locks(const struct export_context *c, const struct tally *tally)
{
	const struct waits *waits = &tally->lock;
	json_t *object = json_object();

	json_object_set_new(object, "min_ns", number(reader_header(c->reader)->lock_min_ns));
	add_sums(object, &waits->total);
	json_object_set_new(object, "goroutines", build_groups(c, tally, waits, WAITS_BY_GOROUTINE,
							       NULL, build_waiter));
	json_object_set_new(object, "locks",
			    build_groups(c, tally, waits, WAITS_BY_LOCK, NULL, build_lock));
	return object;
}

/* ---- calls ---- */

static json_t *build_call(const struct export_context *c, const struct tally *tally,
			  const struct waits *waits, const struct waits_group *group)
{
	unsigned kind = wait_of(waits, group)->kind;

	return json_pack("{s:s, s:i}", "call", events_block.kind_name(kind), "number", (int)kind);
}

static json_t *build_caller(const struct export_context *c, const struct tally *tally,
			    const struct waits *waits, const struct waits_group *group)
{
	json_t *object = json_object();

	add_goroutine(c, object, series_of(waits, group));
	json_object_set_new(object, "calls",
			    build_groups(c, tally, waits, WAITS_BY_KIND, group, build_call));
	return object;
}

static json_t *build_stack(const struct export_context *c, const struct tally *tally,
			   const struct waits *waits, const struct waits_group *group)
{
	json_t *object = build_call(c, tally, waits, group);

	add_site(c, object, waits, group);
	return object;
}

static json_t *build_calls(const struct export_context *c, const struct tally *tally)
{
	const struct waits *waits = &tally->block;
	json_t *object = json_object();

	json_object_set_new(object, "min_ns", number(reader_header(c->reader)->block_min_ns));
	add_sums(object, &waits->total);
	json_object_set_new(object, "goroutines", build_groups(c, tally, waits, WAITS_BY_GOROUTINE,
							       NULL, build_caller));
	json_object_set_new(object, "stacks",
			    build_groups(c, tally, waits, WAITS_BY_KIND | WAITS_BY_STACK, NULL,
					 build_stack));
	return object;
}

int waitsjson_add(const struct export_context *c, const struct tally *tally, json_t *report)
{
	int err = 0;

	if (export_shows(c, &events_lock))
		err = json_object_set_new(report, "lock_waits", build_locks(c, tally));
	if (!err && export_shows(c, &events_block))
		err = json_object_set_new(report, "blocked", build_calls(c, tally));
	return err ? -ENOMEM : 0;
}

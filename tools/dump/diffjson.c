/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/dump/diffjson.h"

#include <errno.h>
#include <jansson.h>

#include "tools/dump/difftable.h"
#include "tools/ring/target.h"

static const char *const sides[] = { "before", "after" };

static json_t *build_ring(const struct export_context *c)
{
	const struct goidshim_header *h = reader_header(c->reader);

	return json_pack("{s:s, s:s, s:I, s:I}", "ring", c->path, "exe", target_exe(c->reader),
			 "pid", (json_int_t)h->pid, "start_realtime_ns",
			 (json_int_t)h->start_realtime_ns);
}

static json_t *build_values(const struct event *event, const int64_t *values)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < event->type_count; i++)
		json_object_set_new(object, event->types[i].type, json_integer(values[i]));
	return object;
}

static void add_sides(json_t *object, const struct event *event, const struct difftable_row *row)
{
	for (unsigned side = 0; side < 2; side++)
		json_object_set_new(object, sides[side], build_values(event, row->values[side]));
}

static json_t *build_rows(const struct difftable *table)
{
	json_t *rows = json_array();

	for (size_t i = 1; i <= table->count; i++) {
		json_t *row = json_pack("{s:s}", "name", difftable_name(table, &table->rows[i]));

		add_sides(row, table->event, &table->rows[i]);
		json_array_append_new(rows, row);
	}
	return rows;
}

static int add_rows(json_t *object, struct diff_ring rings[static 2], unsigned event,
		    enum difftable_by by, const char *key)
{
	struct difftable table;
	int err = difftable_make(&table, rings, event, by);

	if (!err) {
		add_sides(object, table.event, &table.rows[0]);
		json_object_set_new(object, key, build_rows(&table));
	}
	difftable_free(&table);
	return err;
}

static int add_event(json_t *events, struct diff_ring rings[static 2], unsigned event)
{
	json_t *object = json_object();
	int err = add_rows(object, rings, event, DIFFTABLE_START, "by_start");

	if (!err)
		err = add_rows(object, rings, event, DIFFTABLE_PLACE, "by_place");
	json_object_set_new(events, events_all[event]->name, object);
	return err;
}

static int add_events(json_t *events, struct diff_ring rings[static 2], unsigned first)
{
	int err = 0;

	for (unsigned i = first; events_all[i] && !err; i++)
		if (rings[0].profiled[i])
			err = add_event(events, rings, i);
	return err;
}

int diffjson_put(struct diff_ring rings[static 2], unsigned first)
{
	FILE *out = rings[0].contexts[first].out;
	json_t *root = json_object(), *events = json_object();
	int err;

	for (unsigned side = 0; side < 2; side++)
		json_object_set_new(root, sides[side], build_ring(&rings[side].contexts[first]));
	json_object_set_new(root, "events", events);
	err = add_events(events, rings, first);
	if (!err)
		err = json_dumpf(root, out, JSON_INDENT(2)) < 0 ? -EIO : 0;
	fputc('\n', out);
	json_decref(root);
	return err;
}

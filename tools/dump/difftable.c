/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/dump/difftable.h"

#include <errno.h>
#include <stdlib.h>

#include "tools/formats/whereabouts.h"
#include "tools/ring/names.h"
#include "tools/tables/array.h"

/* Values are not negative. */
static void add_value(int64_t *to, int64_t more)
{
	if (__builtin_add_overflow(*to, more, to))
		*to = INT64_MAX;
}

static int add(struct difftable *table, const char *name, unsigned side,
	       const int64_t values[static EVENTS_TYPES_MAX])
{
	uint32_t id;

	if (strings_add(&table->strings, name, &id) ||
	    array_reserve(&table->rows, id, 1, &table->room, sizeof(*table->rows)))
		return -ENOMEM;
	table->rows[id].name = id;
	for (unsigned i = 0; i < table->event->type_count; i++) {
		add_value(&table->rows[id].values[side][i], values[i]);
		add_value(&table->rows[0].values[side][i], values[i]);
	}
	return 0;
}

typedef void name_series(const struct export_context *context, const struct profiled *profiled,
			 const struct series *series, char ret[static TITLES_SIZE]);

static void name_start(const struct export_context *context, const struct profiled *profiled,
		       const struct series *series, char ret[static TITLES_SIZE])
{
	if (series->goid)
		titles_start(context, series, ret);
	else
		snprintf(ret, TITLES_SIZE, "%s",
			 names_explain_unattributed(series->class_, series->reason));
}

static void name_place(const struct export_context *context, const struct profiled *profiled,
		       const struct series *series, char ret[static TITLES_SIZE])
{
	whereabouts_of(&profiled->stacks, series->stack, context->symbolizer, ret);
}

static int fill(struct difftable *table, struct diff_ring rings[static 2], unsigned event,
		name_series *name)
{
	int err = 0;

	for (unsigned side = 0; side < 2; side++) {
		const struct export_context *context = &rings[side].contexts[event];
		const struct profiled *profiled = rings[side].profiled[event];

		for (size_t i = 0; i < profiled->stacks.series_count && !err; i++) {
			const struct series *series = &profiled->stacks.series[i];
			int64_t values[EVENTS_TYPES_MAX];
			char words[TITLES_SIZE];

			name(context, profiled, series, words);
			profiled_values(context, profiled, series, values);
			err = add(table, words, side, values);
		}
	}
	return err;
}

int64_t difftable_weight(const struct difftable *table, const struct difftable_row *row,
			 unsigned side)
{
	return row->values[side][table->event->type_count - 1];
}

static int compare(const void *va, const void *vb, void *vtable)
{
	const struct difftable_row *a = va, *b = vb;
	const struct difftable *table = vtable;
	int64_t now_a = difftable_weight(table, a, 1), now_b = difftable_weight(table, b, 1);
	int64_t x = llabs(now_a - difftable_weight(table, a, 0));
	int64_t y = llabs(now_b - difftable_weight(table, b, 0));

	if (x == y) {
		x = now_a;
		y = now_b;
	}
	if (x != y)
		return x < y ? 1 : -1;
	return (a->name > b->name) - (a->name < b->name);
}

static bool weighs_nothing(const struct difftable *table, const struct difftable_row *row)
{
	return !difftable_weight(table, row, 0) && !difftable_weight(table, row, 1);
}

int difftable_make(struct difftable *table, struct diff_ring rings[static 2], unsigned event,
		   enum difftable_by by)
{
	int err;

	*table = (struct difftable){ .event = events_all[event] };
	err = strings_init(&table->strings);
	if (!err)
		err = array_reserve(&table->rows, 0, 1, &table->room, sizeof(*table->rows));
	if (!err)
		err = fill(table, rings, event, by == DIFFTABLE_START ? name_start : name_place);
	if (err)
		return err;
	table->count = table->strings.count - 1;
	qsort_r(table->rows + 1, table->count, sizeof(*table->rows), compare, table);
	while (table->count > 0 && weighs_nothing(table, &table->rows[table->count]))
		table->count--;
	return 0;
}

void difftable_free(struct difftable *table)
{
	strings_free(&table->strings);
	free(table->rows);
}

const char *difftable_name(const struct difftable *table, const struct difftable_row *row)
{
	return table->strings.texts[row->name];
}

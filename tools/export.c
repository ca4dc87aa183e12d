/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/export.h"

#include <errno.h>
#include <string.h>

#include "tools/profile.h"

const struct exporter *const export_all[] = {
	&export_text,
	&export_json,
	&export_ndjson,
	&export_folded,
	&export_pprof,
	&export_html,
	&export_perfetto,
	NULL,
};

const struct exporter *export_find(const char *name)
{
	for (const struct exporter *const *e = export_all; *e; e++)
		if (strcmp((*e)->name, name) == 0)
			return *e;
	return NULL;
}

bool export_shows(const struct export_context *context, enum goidshim_event bit)
{
	for (const struct event *const *e = events_all; *e; e++)
		if ((*e)->bit == bit && (!context->only || context->only == *e))
			return events_is_recorded(*e, reader_header(context->reader));
	return false;
}

int export_profile_begin(const struct export_context *context, void **ret_state)
{
	*ret_state = profile_new();
	return *ret_state ? 0 : -ENOMEM;
}

int export_profile_record(const struct export_context *context, void *state,
			  const struct reader_item *item)
{
	return item->record->type == GOIDSHIM_RECORD_SAMPLE ? profile_add(state, item->sample) : 0;
}

void export_profile_free(void *state)
{
	profile_free(state);
}

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

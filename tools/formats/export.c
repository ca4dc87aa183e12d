/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/formats/export.h"

#include <string.h>

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

bool export_shows(const struct export_context *context, const struct event *event)
{
	return (!context->only || context->only == event) &&
	       events_is_recorded(event, reader_header(context->reader));
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* A flame graph to look at in a browser. */
#include "tools/formats/htmlwriter.h"

static int end(const struct export_context *context, void *state)
{
	const struct htmlwriter_side side = { .context = context, .profiled = state };
	int r = profiled_complete(side.profiled);

	return r ? r : htmlwriter_write(context->out, &side, 1);
}

const struct exporter export_html = {
	.name = "html",
	.about = "a flame graph in one file, for a browser",
	.order = READER_BY_CLAIM,
	.begin = profiled_begin,
	.record = profiled_record,
	.live = profiled_live,
	.end = end,
	.free = profiled_free,
};

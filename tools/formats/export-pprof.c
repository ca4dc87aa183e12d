/* SPDX-License-Identifier: BSD-2-Clause */
/* A profile for `go tool pprof`. */
#include "tools/formats/pprofwriter.h"

static int end(const struct export_context *context, void *state)
{
	const struct pprofwriter_side side = { .context = context, .profiled = state };
	int r = profiled_complete(side.profiled);

	return r ? r : pprofwriter_write(context->out, &side, 1);
}

const struct exporter export_pprof = {
	.name = "pprof",
	.about = "for go tool pprof, gzipped",
	.order = READER_BY_CLAIM,
	.is_binary = true,
	.begin = profiled_begin,
	.record = profiled_record,
	.live = profiled_live,
	.end = end,
	.free = profiled_free,
};

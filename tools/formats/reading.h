/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ring through an exporter: every record that a filter lets through, once or
 * along with the program, and then what is in no record: memory in use.
 * Signal-safe: no.
 */
#ifndef TOOLS_READING_H
#define TOOLS_READING_H

#include "tools/formats/export.h"
#include "tools/profile/filter.h"

/* Does the program of the ring at `path` still write it? */
bool reading_is_alive(const struct reader *reader, const char *path);

/*
 * Runs `exporter` over what `reader` holds, following it while the program lives
 * if context->is_followed, until SIGINT or SIGTERM; is_alive of the context is then
 * kept true. Returns 0, or -errno of the reader or the exporter.
 */
int reading_run(struct reader *reader, struct filter *filter, const struct exporter *exporter,
		struct export_context *context);

/* The same without begin, end and free: into a state that the caller has. */
int reading_into(struct reader *reader, struct filter *filter, const struct exporter *exporter,
		 struct export_context *context, void *state);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/rendering.h"

#include <stdlib.h>

#include "tools/formats/reading.h"

int rendering_write(const char *path, const struct exporter *exporter, FILE *out,
		    bool *ret_damaged, const char **ret_why)
{
	const struct modulefile_paths paths = { 0 };
	struct export_context context = {
		.out = out,
		.path = path,
		.limit = exporter->default_limit,
	};
	struct filter filter = { 0 };
	struct reader *reader;
	int err = reader_open(path, ret_why, &reader);

	if (err)
		return err;
	*ret_why = "";
	context.reader = reader;
	context.event = events_default(reader_header(reader));
	err = symbolizer_open(reader, &paths, &context.symbolizer);
	if (!err) {
		err = reading_run(reader, &filter, exporter, &context);
		symbolizer_close(context.symbolizer);
		filter_free(&filter);
	}
	*ret_damaged = reader_is_damaged(reader);
	reader_close(reader);
	return err;
}

int rendering_make(const char *path, const struct exporter *exporter, char **ret_text,
		   bool *ret_damaged, const char **ret_why)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int err = rendering_write(path, exporter, out, ret_damaged, ret_why);

	fclose(out);
	if (err)
		free(text);
	else
		*ret_text = text;
	return err;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/symbolizer.h"

#include <errno.h>
#include <stdlib.h>

struct symbolizer {
	const struct reader *reader;
};

int symbolizer_open(const struct reader *reader, const struct modulefile_paths *paths,
		    struct symbolizer **ret_symbolizer)
{
	*ret_symbolizer = calloc(1, sizeof(**ret_symbolizer));
	if (!*ret_symbolizer)
		return -ENOMEM;
	(*ret_symbolizer)->reader = reader;
	return 0;
}

void symbolizer_close(struct symbolizer *symbolizer)
{
	free(symbolizer);
}

int symbolizer_go(struct symbolizer *symbolizer, __u64 pc, struct symbol *ret)
{
	return -ENOENT;
}

size_t symbolizer_problem_count(const struct symbolizer *symbolizer)
{
	return 0;
}

const char *symbolizer_problem(const struct symbolizer *symbolizer, size_t i)
{
	return NULL;
}

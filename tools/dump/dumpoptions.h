/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What goidshim-dump was told on its command line. Signal-safe: no.
 */
#ifndef TOOLS_DUMPOPTIONS_H
#define TOOLS_DUMPOPTIONS_H

#include "tools/formats/export.h"
#include "tools/profile/filter.h"
#include "tools/symbols/modulefile.h"

/* The exit status where nothing could be done, as in goidshim-dump(1). */
#define DUMPOPTIONS_EXIT_CANNOT 2

enum dumpoptions_action {
	DUMPOPTIONS_DUMP,
	DUMPOPTIONS_LIST,
	DUMPOPTIONS_CLEAN,
	DUMPOPTIONS_DIFF,
};

struct dumpoptions {
	enum dumpoptions_action action;
	const char *word;		/* PID or FILE */
	const char *other_word;		/* with --diff: the newer one */
	const struct exporter *exporter;
	bool follow;
	bool leaks;
	bool stuck;
	__u64 stuck_ns;			/* at least so long */
	const struct event *event;	/* NULL: not said */
	unsigned limit;
	bool has_limit;
	enum export_root root;
	struct filter filter;
	struct modulefile_paths paths;
};

/*
 * Reads the command line. What makes no sense ends the program here, with a line
 * that says what to give instead; so do --help and --version. The strings are
 * borrowed from argv; free the filter.
 */
void dumpoptions_parse(int argc, char **argv, struct dumpoptions *ret);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * goidshim-layout: where a Go program keeps its goroutine ids, by every source
 * there is, and whether the sources agree.
 */
#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "tools/layout/layout.h"

/* The exit status, as in goidshim-layout(1). */
enum {
	EXIT_AGREE = 0,
	EXIT_DISAGREE = 1,
	EXIT_CANNOT = 2,
};

static const struct format {
	const char *name;
	void (*print)(const struct layout *layout, FILE *out);
	bool needs_layout;	/* has nothing to show of a layout that was refused */
} formats[] = {
	{ "text", layout_print_text, false },
	{ "json", layout_print_json, false },
	{ "c", layout_print_c, true },
};

struct options {
	const char *path;
	const struct format *format;
};

static const struct argp_option option_table[] = {
	{ "format", 'f', "NAME", 0,
	  "text (default), json, or c: an initializer of struct goidshim_golayout", 0 },
	{ 0 },
};

static const struct format *find_format(const char *name)
{
	for (unsigned i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (strcmp(formats[i].name, name) == 0)
			return &formats[i];
	}
	return NULL;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'f':
		o->format = find_format(arg);
		if (!o->format)
			argp_error(state, "--format=%s: give text, json or c", arg);
		return 0;
	case ARGP_KEY_ARG:
		if (o->path)
			argp_error(state, "%s: give one BINARY", arg);
		o->path = arg;
		return 0;
	case ARGP_KEY_END:
		if (!o->path)
			argp_error(state, "give a BINARY");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const char doc[] =
	"Print where a Go BINARY keeps its goroutine ids, and by which sources that is known.\v"
	"Exit status: 0 the sources agree, 1 they do not, 2 there was nothing to compare.";

static const struct argp parser = { option_table, parse_option, "BINARY", doc, NULL, NULL, NULL };

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "goidshim-layout: %s: %s\n", what, why);
	return EXIT_CANNOT;
}

static int show(const struct layout *layout, const struct format *format)
{
	if (layout->report.refusal && format->needs_layout)
		return complain(layout->path, layout->report.refusal);
	format->print(layout, stdout);
	if (fflush(stdout) || ferror(stdout))
		return complain("standard output", "cannot be written");
	if (layout->disagreements)
		return EXIT_DISAGREE;
	return layout->report.refusal ? EXIT_CANNOT : EXIT_AGREE;
}

int main(int argc, char **argv)
{
	struct options options = { .format = &formats[0] };
	struct layout layout;
	const char *error = NULL;
	int status;

	argp_program_version = PACKAGE_STRING;
	argp_err_exit_status = EXIT_CANNOT;
	argp_parse(&parser, argc, argv, 0, NULL, &options);
	if (layout_read(options.path, &layout, &error))
		return complain(options.path, error);
	status = show(&layout, options.format);
	layout_close(&layout);
	return status;
}

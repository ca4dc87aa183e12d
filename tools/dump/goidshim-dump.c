/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * goidshim-dump: what a ring has to say, or two. Finds the ring and hands it to an
 * exporter; or looks after the rings that there are.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/dump/diff.h"
#include "tools/dump/dumpoptions.h"
#include "tools/formats/reading.h"
#include "tools/formats/stuck.h"
#include "tools/ring/events.h"
#include "tools/ring/rings.h"

/* The exit status, as in goidshim-dump(1). */
enum {
	EXIT_DONE = 0,
	EXIT_PARTIAL = 1,	/* a part of the ring was damaged; or there was nothing to do */
	EXIT_CANNOT = DUMPOPTIONS_EXIT_CANNOT,
};

static int complain(const char *what, const char *how)
{
	fprintf(stderr, "goidshim-dump: %s: %s\n", what, how);
	return EXIT_CANNOT;
}

static bool wants_color(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no_color && *no_color) && term &&
	       strcmp(term, "dumb") != 0;
}

/* The end of the output. Whoever reads it may stop reading: that is no error. */
static int finish(const struct reader *reader, const char *path, int err)
{
	errno = 0;
	if (fflush(stdout) != 0 || ferror(stdout))
		return errno == EPIPE || errno == 0 ? EXIT_DONE
						    : complain("standard output", strerror(errno));
	if (err == -EBADMSG)
		return complain(path, "was changed while it was read: nobody but its program may "
				      "write it");
	if (err)
		return complain(path, strerror(-err));
	return reader_is_damaged(reader) ? EXIT_PARTIAL : EXIT_DONE;
}

/* Files whose names are not to be had. The report for people says it itself. */
static void complain_of_files(const struct dumpoptions *o, const struct symbolizer *symbolizer)
{
	if (o->exporter == &export_text)
		return;
	for (size_t i = 0; i < symbolizer_problem_count(symbolizer); i++)
		fprintf(stderr, "goidshim-dump: %s\n", symbolizer_problem(symbolizer, i));
}

/* Complains if what was asked for is not in the ring. */
static int check_event(const struct event *event, const struct goidshim_header *h, const char *path)
{
	char how[200], events[64];

	if (!event || events_is_recorded(event, h))
		return EXIT_DONE;
	events_list_with(event, h, events);
	snprintf(how, sizeof(how), "has no %s: run the program with GOIDSHIM_EVENTS=%s",
		 event->title, events);
	return complain(path, how);
}

static int read_ring(struct dumpoptions *o, struct reader *reader, struct export_context *context)
{
	int err;

	err = symbolizer_open(reader, &o->paths, &context->symbolizer);
	if (err)
		return err;
	if (o->stuck)
		err = stuck_report(reader, &o->filter, context->symbolizer,
				   &(struct stuck_request){
					   .out = context->out,
					   .min_ns = o->stuck_ns,
					   .is_alive = context->is_alive,
					   .as_json = o->exporter == &export_json,
					   .use_color = context->use_color,
				   });
	else
		err = reading_run(reader, &o->filter, o->exporter, context);
	complain_of_files(o, context->symbolizer);
	symbolizer_close(context->symbolizer);
	return err;
}

static int dump_ring(struct dumpoptions *o, const char *path)
{
	const struct event *only = o->event ? o->event : o->leaks ? &events_heap : NULL;
	struct progress progress = { 0 };
	struct export_context context = {
		.out = stdout,
		.path = path,
		.is_followed = o->follow,
		.use_color = wants_color(),
		.only = only,
		.leaks = o->leaks,
		.limit = o->has_limit ? o->limit : o->exporter->default_limit,
		.root = o->root,
		.progress = &progress,
	};
	struct reader *reader;
	const char *why;
	int err = reader_open(path, &why, &reader);

	if (err)
		return complain(path, why);
	err = check_event(only, reader_header(reader), path);
	if (err)
		goto out_close;
	if (!o->follow)
		progress_begin(&progress);
	context.reader = reader;
	context.event = only ? only : events_default(reader_header(reader));
	context.is_alive = reading_is_alive(reader, path);
	err = finish(reader, path, read_ring(o, reader, &context));
out_close:
	reader_close(reader);
	return err;
}

/* ---- the commands ---- */

/* The ring that a word means; complains if there is none. */
static int find_ring(const char *word, char **ret_path)
{
	int err = rings_find(RINGS_FOLDER, word, ret_path);

	if (err == -ENOENT && word)
		return complain(word, "no ring of such a process in " RINGS_FOLDER
				      ": try --list, or give the ring's file");
	if (err == -ENOENT)
		return complain(RINGS_FOLDER, "none of your programs left a ring here: start one "
					      "with LD_PRELOAD=libgoidshim.so");
	return err ? complain("cannot look for rings", strerror(-err)) : EXIT_DONE;
}

static bool is_for_a_file(const struct dumpoptions *o)
{
	if (!o->exporter->is_binary || !isatty(STDOUT_FILENO))
		return true;
	complain(o->exporter->name, "is not for a terminal: write it to a file with >");
	return false;
}

static int dump(struct dumpoptions *o)
{
	char *path;
	int err;

	if (!is_for_a_file(o))
		return EXIT_CANNOT;
	err = find_ring(o->word, &path);
	if (err)
		return err;
	err = dump_ring(o, path);
	free(path);
	return err;
}

/* Opens one of two rings. Complains unless it returns EXIT_DONE. */
static int open_side(const struct dumpoptions *o, const char *word, char **ret_path,
		     struct reader **ret_reader, struct export_context *context)
{
	const char *why;
	int err = find_ring(word, ret_path);

	if (err)
		return err;
	if (reader_open(*ret_path, &why, ret_reader))
		return complain(*ret_path, why);
	err = check_event(o->event, reader_header(*ret_reader), *ret_path);
	if (err)
		return err;
	if (symbolizer_open(*ret_reader, &o->paths, &context->symbolizer))
		return complain(*ret_path, strerror(ENOMEM));
	context->reader = *ret_reader;
	context->path = *ret_path;
	return EXIT_DONE;
}

static int diff_sides(struct dumpoptions *o, struct reader *readers[static 2],
		      const struct export_context contexts[static 2])
{
	int err;

	if (!o->event && !diff_common_event(readers[0], readers[1]))
		return complain(contexts[1].path, "has no event that the other ring has: run both "
						  "with the same GOIDSHIM_EVENTS");
	err = diff_report(readers, contexts, &o->filter, o->exporter);
	/* The notes, which name the programs, are read with the records. */
	if (!err && !diff_is_same_program(readers[0], readers[1]))
		fprintf(stderr, "goidshim-dump: warning: %s and %s are of different programs\n",
			contexts[0].path, contexts[1].path);
	for (unsigned i = 0; i < 2; i++)
		complain_of_files(o, contexts[i].symbolizer);
	return finish(reader_is_damaged(readers[1]) ? readers[1] : readers[0], contexts[0].path,
		      err);
}

static int diff(struct dumpoptions *o)
{
	const char *const words[] = { o->word, o->other_word };
	struct export_context contexts[2] = { 0 };
	struct reader *readers[2] = { NULL, NULL };
	char *paths[2] = { NULL, NULL };
	int err = is_for_a_file(o) ? EXIT_DONE : EXIT_CANNOT;

	for (unsigned i = 0; i < 2 && !err; i++) {
		contexts[i] = (struct export_context){
			.out = stdout,
			.use_color = wants_color(),
			.only = o->event,
			.limit = o->has_limit ? o->limit : o->exporter->default_limit,
			.root = o->root,
		};
		err = open_side(o, words[i], &paths[i], &readers[i], &contexts[i]);
	}
	if (!err)
		err = diff_sides(o, readers, contexts);
	for (unsigned i = 0; i < 2; i++) {
		if (contexts[i].symbolizer)
			symbolizer_close(contexts[i].symbolizer);
		if (readers[i])
			reader_close(readers[i]);
		free(paths[i]);
	}
	return err;
}

static int list(void)
{
	int count = rings_list(RINGS_FOLDER, stdout);

	if (count < 0)
		return complain(RINGS_FOLDER, strerror(-count));
	if (count == 0)
		fprintf(stderr, "goidshim-dump: no rings of yours in " RINGS_FOLDER "\n");
	return count ? EXIT_DONE : EXIT_PARTIAL;
}

static int clean(void)
{
	int count = rings_clean(RINGS_FOLDER, stdout);

	if (count < 0)
		return complain(RINGS_FOLDER, strerror(-count));
	if (count == 0)
		fprintf(stderr, "goidshim-dump: no rings of ended programs of yours in " RINGS_FOLDER
				"\n");
	return EXIT_DONE;
}

int main(int argc, char **argv)
{
	struct dumpoptions options;
	int status = EXIT_CANNOT;

	dumpoptions_parse(argc, argv, &options);
	switch (options.action) {
	case DUMPOPTIONS_LIST:
		return list();
	case DUMPOPTIONS_CLEAN:
		return clean();
	case DUMPOPTIONS_DIFF:
		status = diff(&options);
		break;
	case DUMPOPTIONS_DUMP:
		status = dump(&options);
		break;
	}
	filter_free(&options.filter);
	return status;
}

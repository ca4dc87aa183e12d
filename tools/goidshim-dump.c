/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * goidshim-dump: what a ring has to say. Finds the ring, reads it (once, or
 * along with the program) and hands every record to an exporter.
 */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "tools/export.h"
#include "tools/filter.h"
#include "tools/rings.h"
#include "tools/target.h"

/* The exit status, as in goidshim-dump(1). */
enum {
	EXIT_DONE = 0,
	EXIT_PARTIAL = 1,	/* a part of the ring was damaged; or there was nothing to do */
	EXIT_CANNOT = 2,
};

enum action { ACTION_DUMP, ACTION_LIST, ACTION_CLEAN };

struct options {
	enum action action;
	const char *word;		/* PID or FILE */
	const struct exporter *exporter;
	bool follow;
	bool leaks;
	__u32 event;			/* enum goidshim_event; 0: not said */
	unsigned limit;
	bool has_limit;
	enum export_root root;
	struct filter filter;
	struct modulefile_paths paths;
};

enum {
	KEY_LIST = 256,
	KEY_CLEAN,
	KEY_LIMIT,
	KEY_SYSROOT,
	KEY_DEBUG_DIR,
	KEY_ROOT,
	KEY_GOID,
	KEY_START,
	KEY_LABEL,
	KEY_THREAD,
	KEY_SINCE,
	KEY_UNTIL,
	KEY_C_ONLY,
	KEY_LEAKS,
	KEY_EVENT,
};

static const struct argp_option option_table[] = {
	{ "format", 'f', "NAME", 0,
	  "text (default), json; ndjson: a record a line; for other tools: folded, pprof, "
	  "perfetto; html: a flame graph for a browser", 0 },
	{ "follow", 'F', NULL, 0, "Read along until the program ends or Ctrl-C", 0 },
	{ "limit", KEY_LIMIT, "N", 0, "Report the N busiest goroutines; 0: all (default: 40 in text)", 0 },
	{ "root", KEY_ROOT, "NAME", 0,
	  "In folded, put above each stack its goroutine, the goroutine's start function, or its "
	  "thread", 0 },
	{ NULL, 0, NULL, 0, "Only these samples:", 3 },
	{ "goid", KEY_GOID, "N", 0, "Of goroutine N (may be repeated)", 3 },
	{ "start", KEY_START, "PATTERN", 0, "Of goroutines that started in such a function", 3 },
	{ "label", KEY_LABEL, "KEY=PATTERN", 0, "With such a Go label", 3 },
	{ "thread", KEY_THREAD, "TID|PATTERN", 0,
	  "Of this thread, or of threads of such a name", 3 },
	{ "since", KEY_SINCE, "SECONDS", 0, "From so long after the recording began", 3 },
	{ "until", KEY_UNTIL, "SECONDS", 0, "Before so long after the recording began", 3 },
	{ "c-only", KEY_C_ONLY, NULL, 0, "Taken while C code ran", 3 },
	{ "event", KEY_EVENT, "NAME", 0,
	  "Of what folded and pprof show the stacks: cpu, heap (default: cpu if it was recorded)", 0 },
	{ "leaks", KEY_LEAKS, NULL, 0, "In text, only the C memory in use: who has it, since when", 0 },
	{ "list", KEY_LIST, NULL, 0, "List your rings in " RINGS_FOLDER, 1 },
	{ "clean", KEY_CLEAN, NULL, 0, "Remove your rings whose program has ended", 1 },
	{ "sysroot", KEY_SYSROOT, "FOLDER", 0, "Look for the program's files below FOLDER", 2 },
	{ "debug-dir", KEY_DEBUG_DIR, "FOLDER", 0, "Look for separate debug files in FOLDER", 2 },
	{ 0 },
};

static volatile sig_atomic_t was_interrupted;

static unsigned parse_limit(const char *text, struct argp_state *state)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (!*text || *end || value > UINT32_MAX)
		argp_error(state, "--limit=%s: give a number of goroutines, or 0 for all", text);
	return (unsigned)value;
}

static __u32 parse_event(const char *text, struct argp_state *state)
{
	if (strcmp(text, "cpu") == 0)
		return GOIDSHIM_EVENT_CPU;
	if (strcmp(text, "heap") != 0)
		argp_error(state, "--event=%s: give cpu or heap", text);
	return GOIDSHIM_EVENT_HEAP;
}

static enum export_root parse_root(const char *text, struct argp_state *state)
{
	static const char *const names[] = {
		[EXPORT_ROOT_NONE] = "none",
		[EXPORT_ROOT_GOROUTINE] = "goroutine",
		[EXPORT_ROOT_START] = "start",
		[EXPORT_ROOT_THREAD] = "thread",
	};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(text, names[i]) == 0)
			return i;
	argp_error(state, "--root=%s: give goroutine, start, thread, or none", text);
	return EXPORT_ROOT_NONE;
}

/* The filter's answer to an option's value. */
static error_t check(int err, const char *option, const char *text, const char *wanted,
		     struct argp_state *state)
{
	if (err == -EINVAL)
		argp_error(state, "--%s=%s: give %s", option, text, wanted);
	else if (err)
		argp_failure(state, EXIT_CANNOT, -err, "--%s", option);
	return 0;
}

static error_t parse_filter(int key, char *arg, struct argp_state *state)
{
	struct filter *f = &((struct options *)state->input)->filter;

	switch (key) {
	case KEY_GOID:
		return check(filter_add_goid(f, arg), "goid", arg, "a goroutine's number", state);
	case KEY_START:
		return check(filter_add_start(f, arg), "start", arg, "a function, as main.*",
			     state);
	case KEY_LABEL:
		return check(filter_add_label(f, arg), "label", arg, "KEY=PATTERN", state);
	case KEY_THREAD:
		return check(filter_add_thread(f, arg), "thread", arg, "a thread id or name",
			     state);
	case KEY_SINCE:
		return check(filter_set_since(f, arg), "since", arg, "seconds, as 2.5", state);
	case KEY_UNTIL:
		return check(filter_set_until(f, arg), "until", arg, "seconds, as 2.5", state);
	case KEY_C_ONLY:
		f->c_only = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const char *format_names(void)
{
	static char names[256];
	size_t used = 0;

	for (const struct exporter *const *e = export_all; *e; e++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
					 used == 0 ? "" : e[1] ? ", " : " or ", (*e)->name);
	return names;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'f':
		o->exporter = export_find(arg);
		if (!o->exporter)
			argp_error(state, "--format=%s: give %s", arg, format_names());
		return 0;
	case 'F':
		o->follow = true;
		return 0;
	case KEY_LIMIT:
		o->limit = parse_limit(arg, state);
		o->has_limit = true;
		return 0;
	case KEY_EVENT:
		o->event = parse_event(arg, state);
		return 0;
	case KEY_LEAKS:
		o->leaks = true;
		return 0;
	case KEY_LIST:
		o->action = ACTION_LIST;
		return 0;
	case KEY_CLEAN:
		o->action = ACTION_CLEAN;
		return 0;
	case KEY_SYSROOT:
		o->paths.sysroot = arg;
		return 0;
	case KEY_DEBUG_DIR:
		o->paths.debug_dir = arg;
		return 0;
	case KEY_ROOT:
		o->root = parse_root(arg, state);
		return 0;
	case ARGP_KEY_ARG:
		if (o->word)
			argp_error(state, "%s: give one PID or FILE", arg);
		o->word = arg;
		return 0;
	default:
		return parse_filter(key, arg, state);
	}
}

static const char doc[] =
	"Report which goroutines a program under libgoidshim.so spent its CPU time for.\v"
	"Without PID or FILE: the newest ring of this user in " RINGS_FOLDER ".";

static const struct argp parser = { option_table, parse_option, "[PID|FILE]", doc, NULL, NULL, NULL };

static int complain(const char *what, const char *how)
{
	fprintf(stderr, "goidshim-dump: %s: %s\n", what, how);
	return EXIT_CANNOT;
}

/* ---- reading ---- */

/* C memory is added up here: what is in use is in no record. */
static int add_memory(const struct export_context *context, const struct reader_item *item)
{
	if (!context->memory || item->record->type != GOIDSHIM_RECORD_ALLOC)
		return 0;
	return memory_add(context->memory, item->alloc,
			  symbolizer_era(context->symbolizer, &item->alloc->sample));
}

static int add_live_memory(struct reader *reader, struct options *o,
			   const struct export_context *context)
{
	struct reader_item item = { 0 };
	__u32 slot = 0;
	int err = 0;

	while (context->memory && !err &&
	       (err = reader_next_live(reader, &slot, &item.alloc)) > 0) {
		bool wanted = filter_accepts(&o->filter, reader, context->symbolizer, &item);

		err = wanted ? memory_add_live(context->memory, item.alloc,
					       symbolizer_era(context->symbolizer,
							      &item.alloc->sample)) :
			       0;
	}
	return err;
}

/* One pass: everything that is new goes to the exporter. */
static int dump_pass(struct reader *reader, struct options *o,
		     const struct export_context *context, void *state)
{
	const struct exporter *exporter = o->exporter;
	struct reader_item item;
	__u64 done = 0;
	int err = reader_poll(reader, exporter->order);

	if (err)
		return err;
	while ((err = reader_next(reader, &item)) > 0) {
		progress_step(context->progress, "reading records", done++,
			      reader_totals(reader)->records);
		if (!filter_accepts(&o->filter, reader, context->symbolizer, &item))
			continue;
		err = add_memory(context, &item);
		if (!err)
			err = exporter->record(context, state, &item);
		if (err)
			return err;
	}
	return err;
}

static bool is_alive(const struct reader *reader, const char *path)
{
	return target_state(reader_header(reader)) == TARGET_ALIVE || target_has_writer(path);
}

static void on_interrupt(int signal)
{
	was_interrupted = 1;
}

/* Ctrl-C ends the reading, not the report. */
static void catch_interrupts(void)
{
	struct sigaction action = { .sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* Passes until the program has ended: what was asked before a pass is in that pass. */
static int dump_follow(struct reader *reader, struct options *o, struct export_context *context,
		       void *state)
{
	const struct timespec pause = { .tv_nsec = 100 * 1000 * 1000 };

	catch_interrupts();
	for (;;) {
		int err;

		context->is_alive = is_alive(reader, context->path);
		err = dump_pass(reader, o, context, state);
		if (err || fflush(context->out) != 0 || !context->is_alive || was_interrupted)
			return err;
		nanosleep(&pause, NULL);
	}
}

static int dump_records(struct reader *reader, struct options *o,
			struct export_context *context)
{
	const struct exporter *exporter = o->exporter;
	void *state;
	int err = exporter->begin(context, &state);

	if (err)
		return err;
	if (o->follow)
		err = dump_follow(reader, o, context, state);
	else
		err = dump_pass(reader, o, context, state);
	if (!err)
		err = add_live_memory(reader, o, context);
	if (!err)
		err = exporter->end(context, state);
	exporter->free(state);
	progress_clear(context->progress);
	return err;
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
static void complain_of_files(const struct options *o, const struct symbolizer *symbolizer)
{
	if (o->exporter == &export_text)
		return;
	for (size_t i = 0; i < symbolizer_problem_count(symbolizer); i++)
		fprintf(stderr, "goidshim-dump: %s\n", symbolizer_problem(symbolizer, i));
}

/* CPU time, unless something else was asked for, or it alone was recorded. */
static __u32 choose_event(const struct options *o, const struct goidshim_header *h)
{
	if (o->event)
		return o->event;
	return h->events == GOIDSHIM_EVENT_HEAP ? GOIDSHIM_EVENT_HEAP : GOIDSHIM_EVENT_CPU;
}

static int dump_ring(struct options *o, const char *path)
{
	struct progress progress = { 0 };
	struct export_context context = {
		.out = stdout,
		.path = path,
		.is_followed = o->follow,
		.use_color = wants_color(),
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
	context.reader = reader;
	if (!o->follow)
		progress_begin(&progress);
	context.is_alive = is_alive(reader, path);
	context.event = choose_event(o, reader_header(reader));
	if (o->event == GOIDSHIM_EVENT_HEAP && !o->exporter->has_heap) {
		reader_close(reader);
		return complain(o->exporter->name, "cannot show C memory: use text, json, folded or "
						   "pprof");
	}
	if ((o->leaks || o->event == GOIDSHIM_EVENT_HEAP) && !(reader_header(reader)->events & GOIDSHIM_EVENT_HEAP)) {
		reader_close(reader);
		return complain(path, "has no C memory: run the program with GOIDSHIM_EVENTS=heap");
	}
	if (reader_header(reader)->events & GOIDSHIM_EVENT_HEAP)
		context.memory = memory_new(reader_header(reader)->heap_interval);
	err = symbolizer_open(reader, &o->paths, &context.symbolizer);
	if (!err) {
		err = dump_records(reader, o, &context);
		complain_of_files(o, context.symbolizer);
		symbolizer_close(context.symbolizer);
	}
	memory_free(context.memory);
	err = finish(reader, path, err);
	reader_close(reader);
	return err;
}

/* ---- the commands ---- */

static int dump(struct options *o)
{
	char *path;
	int err;

	if (o->exporter->is_binary && isatty(STDOUT_FILENO))
		return complain(o->exporter->name,
				"is not for a terminal: write it to a file with >");
	err = rings_find(RINGS_FOLDER, o->word, &path);

	if (err == -ENOENT && o->word)
		return complain(o->word, "no ring of such a process in " RINGS_FOLDER
					 ": try --list, or give the ring's file");
	if (err == -ENOENT)
		return complain(RINGS_FOLDER, "none of your programs left a ring here: start one "
					      "with LD_PRELOAD=libgoidshim.so");
	if (err)
		return complain("cannot look for rings", strerror(-err));
	err = dump_ring(o, path);
	free(path);
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
	struct options options = { .exporter = export_all[0] };
	int status;

	argp_program_version = PACKAGE_STRING;
	argp_err_exit_status = EXIT_CANNOT;
	argp_parse(&parser, argc, argv, 0, NULL, &options);
	switch (options.action) {
	case ACTION_LIST:
		return list();
	case ACTION_CLEAN:
		return clean();
	case ACTION_DUMP:
		break;
	}
	status = dump(&options);
	filter_free(&options.filter);
	return status;
}

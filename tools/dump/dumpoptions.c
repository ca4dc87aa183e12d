/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/dump/dumpoptions.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "tools/dump/diff.h"
#include "tools/ring/events.h"
#include "tools/ring/rings.h"

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
	KEY_STUCK,
	KEY_DIFF,
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
	  "Show this event and no other: cpu, heap, lock, block or wall", 0 },
	{ "leaks", KEY_LEAKS, NULL, 0, "In text, only the C memory in use: who has it, since when", 0 },
	{ "stuck", KEY_STUCK, "SECONDS", OPTION_ARG_OPTIONAL,
	  "Only the goroutines that have been inside C for so long (default: 1), and where", 0 },
	{ "diff", KEY_DIFF, NULL, 0,
	  "Tell what changed from the first of two rings to the second, in text, folded or pprof",
	  0 },
	{ "list", KEY_LIST, NULL, 0, "List your rings in " RINGS_FOLDER, 1 },
	{ "clean", KEY_CLEAN, NULL, 0, "Remove your rings whose program has ended", 1 },
	{ "sysroot", KEY_SYSROOT, "FOLDER", 0, "Look for the program's files below FOLDER", 2 },
	{ "debug-dir", KEY_DEBUG_DIR, "FOLDER", 0, "Look for separate debug files in FOLDER", 2 },
	{ 0 },
};

static unsigned parse_limit(const char *text, struct argp_state *state)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (!*text || *end || value > UINT32_MAX)
		argp_error(state, "--limit=%s: give a number of goroutines, or 0 for all", text);
	return (unsigned)value;
}

/* Appends a name to a list in words: "text, json or pprof". */
static void add_name(char *list, size_t size, const char *name, bool is_last)
{
	size_t used = strlen(list);

	snprintf(list + used, size - used, "%s%s", used == 0 ? "" : is_last ? " or " : ", ", name);
}

static const struct exporter *parse_format(const char *text, struct argp_state *state)
{
	const struct exporter *exporter = export_find(text);
	char names[256] = "";

	for (const struct exporter *const *e = export_all; *e; e++)
		add_name(names, sizeof(names), (*e)->name, !e[1]);
	if (!exporter)
		argp_error(state, "--format=%s: give %s", text, names);
	return exporter;
}

static const struct event *parse_event(const char *text, struct argp_state *state)
{
	const struct event *event = events_find(text);
	char names[64] = "";

	for (const struct event *const *e = events_all; *e; e++)
		add_name(names, sizeof(names), (*e)->name, !e[1]);
	if (!event)
		argp_error(state, "--event=%s: give %s", text, names);
	return event;
}

static __u64 parse_stuck(const char *text, struct argp_state *state)
{
	double seconds = 0;

	if (filter_parse_seconds(text, &seconds))
		argp_error(state, "--stuck=%s: give seconds, as 2 or 0.5", text);
	return (__u64)(seconds * 1e9);
}

/* --stuck is a report of its own, of this moment. */
static void check_stuck(const struct dumpoptions *o, struct argp_state *state)
{
	if (!o->stuck)
		return;
	if (o->exporter != &export_text && o->exporter != &export_json)
		argp_error(state, "--stuck: give --format=text or json");
	if (o->follow)
		argp_error(state, "--stuck: tells of one moment; give no --follow");
}

static void check_words(const struct dumpoptions *o, struct argp_state *state)
{
	if (o->action != DUMPOPTIONS_DIFF && o->other_word)
		argp_error(state, "%s: give one PID or FILE, or two with --diff", o->other_word);
	if (o->action != DUMPOPTIONS_DIFF)
		return;
	if (!o->other_word)
		argp_error(state, "--diff: give two rings, the older one first");
	if (!diff_has_format(o->exporter))
		argp_error(state, "--diff: give --format=text, json, folded, pprof or html");
	if (o->follow || o->stuck || o->leaks)
		argp_error(state, "--diff: give no --follow, --stuck or --leaks");
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
		argp_failure(state, DUMPOPTIONS_EXIT_CANNOT, -err, "--%s", option);
	return 0;
}

static error_t parse_filter(int key, char *arg, struct argp_state *state)
{
	struct filter *f = &((struct dumpoptions *)state->input)->filter;

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

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct dumpoptions *o = state->input;

	switch (key) {
	case 'f':
		o->exporter = parse_format(arg, state);
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
	case KEY_STUCK:
		o->stuck = true;
		o->stuck_ns = parse_stuck(arg ? arg : "1", state);
		return 0;
	case KEY_DIFF:
		o->action = DUMPOPTIONS_DIFF;
		return 0;
	case ARGP_KEY_END:
		check_stuck(o, state);
		check_words(o, state);
		return 0;
	case KEY_LIST:
		o->action = DUMPOPTIONS_LIST;
		return 0;
	case KEY_CLEAN:
		o->action = DUMPOPTIONS_CLEAN;
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
		if (o->other_word)
			argp_error(state, "%s: give one PID or FILE, or two with --diff", arg);
		*(o->word ? &o->other_word : &o->word) = arg;
		return 0;
	default:
		return parse_filter(key, arg, state);
	}
}

static const char doc[] =
	"Report which goroutines a program under libgoidshim.so spent its CPU time for.\v"
	"Without PID or FILE: the newest ring of this user in " RINGS_FOLDER ".";

static const struct argp parser = {
	option_table, parse_option, "[PID|FILE]\n--diff PID|FILE PID|FILE", doc, NULL, NULL, NULL,
};

void dumpoptions_parse(int argc, char **argv, struct dumpoptions *ret)
{
	*ret = (struct dumpoptions){ .exporter = export_all[0] };
	argp_program_version = PACKAGE_STRING;
	argp_err_exit_status = DUMPOPTIONS_EXIT_CANNOT;
	argp_parse(&parser, argc, argv, 0, NULL, ret);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * goidshim-verify - does the kernel confirm what the shim reads?
 *
 * Loads the witness, lets a command run under the shim (or looks at a process
 * that does), and ends with a verdict. Never silently green: no reading at all
 * is a failure, with its cause.
 */
#include "config.h"

#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bpf/witness.h"
#include "tools/process/launch.h"
#include "tools/process/preload.h"
#include "tools/verify/trial.h"
#include "tools/verify/verdict.h"

#define LIBRARY_NAME "libgoidshim.so"
#define PROGRESS_NS 1000000000ll
#define LOOK_NS 100000000ll
#define DISPUTES_SHOWN 10u

static const struct argp_option option_list[] = {
	{ "pid", 'p', "PID", 0, "look at a running process instead of a command", 0 },
	{ "duration", 'd', "SECONDS", 0, "stop after this long (a command is then terminated)", 0 },
	{ "readings", 'n', "COUNT", 0, "stop after this many readings, likewise", 0 },
	{ "json", 'j', NULL, 0, "print the verdict as JSON", 0 },
	{ "events", 'e', "FILE", 0, "write every comparison to FILE, a line of JSON each", 0 },
	{ "library", 'l', "FILE", 0, "the library that has the probes", 0 },
	{ "trust-layout", 't', NULL, 0, "take Go's offsets from the shim, do not derive them", 0 },
	{ 0 },
};

struct options {
	pid_t pid;
	double seconds;
	unsigned long long readings;
	bool json;
	bool trust;
	const char *events;
	const char *library;
	char **command;
};

struct session {
	struct options options;
	char library[PATH_MAX];
	struct launch launch;
	struct witness_options witness;
	struct trial trial;
	FILE *events;
	unsigned disputes_shown;
	bool has_ended;		/* the target did */
	long long deadline;
	long long next_look;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	interrupted = sig;
}

static long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void parse_pid(struct argp_state *state, const char *text, pid_t *ret)
{
	char *end;
	long pid = strtol(text, &end, 10);

	if (*end || pid <= 0 || pid > INT_MAX)
		argp_error(state, "--pid: '%s' is not a process id", text);
	*ret = (pid_t)pid;
}

static void parse_seconds(struct argp_state *state, const char *text, double *ret)
{
	char *end;

	*ret = strtod(text, &end);
	if (*end || !(*ret > 0) || *ret > 1e6)
		argp_error(state, "--duration: '%s' is not a number of seconds", text);
}

static void parse_readings(struct argp_state *state, const char *text, unsigned long long *ret)
{
	char *end;

	*ret = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || *ret == 0)
		argp_error(state, "--readings: '%s' is not a number of readings", text);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'p': parse_pid(state, text, &o->pid); break;
	case 'd': parse_seconds(state, text, &o->seconds); break;
	case 'n': parse_readings(state, text, &o->readings); break;
	case 'j': o->json = true; break;
	case 'e': o->events = text; break;
	case 'l': o->library = text; break;
	case 't': o->trust = true; break;
	case ARGP_KEY_ARGS: o->command = state->argv + state->next; break;
	case ARGP_KEY_END:
		if (!o->pid == !o->command)
			argp_error(state, "give either --pid or a command");
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "goidshim-verify: %s%s%s\n", what, why ? ": " : "", why ? why : "");
	return VERDICT_FAILED;
}

/* The copy of the library that the process has mapped, wherever it came from. */
static int find_mapped_library(struct session *s)
{
	const struct procmaps_module *m;
	struct procmaps maps;
	int r;

	r = procmaps_read(s->options.pid, &maps);
	if (r < 0)
		return r;
	m = procmaps_find_name(&maps, LIBRARY_NAME);
	r = m ? procmaps_link(&maps, m, s->library, sizeof(s->library)) : -ENOENT;
	procmaps_free(&maps);
	return r;
}

static int find_library(struct session *s)
{
	int r;

	if (s->options.library || s->options.command)
		r = launch_library(s->options.library, s->library, sizeof(s->library));
	else
		r = find_mapped_library(s);
	if (r == -ENOENT && s->options.pid && !s->options.library)
		fail("the process has not loaded " LIBRARY_NAME, NULL);
	else if (r < 0)
		fail(s->options.library ? s->options.library : LIBRARY_NAME, strerror(-r));
	return r;
}

static void on_event(void *context, const struct evidence_event *e)
{
	struct session *s = context;

	if (e->kind == EVIDENCE_EVENT_OBJECTS) {
		trial_observe(&s->trial, (pid_t)e->tgid);
		return;
	}
	if (s->events)
		verdict_print_event(s->events, e);
	if (e->verdict != EVIDENCE_AGREED && s->disputes_shown < DISPUTES_SHOWN) {
		s->disputes_shown++;
		verdict_print_dispute(stderr, e);
	}
}

static void show_progress(const struct session *s, const struct trial_sums *sums)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K%llu readings, %llu agreed, %zu processes",
			sums->readings, sums->outcomes[EVIDENCE_AGREED], s->trial.count);
}

static void end_progress(void)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
}

/*
 * Looks at the counts so far, now and then: collecting takes longer the more
 * processes there are. Are there as many readings as were asked for?
 */
static bool has_enough(struct session *s)
{
	struct trial_sums sums;

	if (now_ns() < s->next_look)
		return false;
	s->next_look = now_ns() + (s->options.readings ? LOOK_NS : PROGRESS_NS);
	trial_collect(&s->trial);
	trial_sum(&s->trial, &sums);
	show_progress(s, &sums);
	return s->options.readings && sums.readings >= s->options.readings;
}

/* Has the command, or the process that we look at, come to its end? */
static bool has_target_ended(struct session *s)
{
	int status;

	if (s->options.pid)
		return kill(s->options.pid, 0) < 0 && errno == ESRCH;
	return waitpid(s->launch.pid, &status, WNOHANG) == s->launch.pid;
}

/* Watches until the target ends, it is enough, the time is up, or somebody interrupts. */
static int watch(struct session *s)
{
	while (!interrupted && !s->has_ended && now_ns() < s->deadline && !has_enough(s)) {
		int r = witness_poll(s->trial.witness, 100);

		if (r < 0 && r != -EINTR)
			return r;
		s->has_ended = has_target_ended(s);
	}
	if (s->options.command && !s->has_ended) {
		kill(s->launch.pid, SIGTERM);
		waitpid(s->launch.pid, NULL, 0);
	}
	witness_poll(s->trial.witness, 0);
	end_progress();
	return 0;
}

/* Nothing was read: say why, as far as it can be told. */
static const char *find_cause(const struct session *s)
{
	static char text[256];
	const struct trial_process *p = s->trial.processes;

	if (s->trial.count == 0 || !p->has_ring)
		return "no process has loaded the shim and found Go (static or setuid program, no "
		       "Go in it, or another copy of the library)";
	if (p->ring.header.state == GOIDSHIM_STATE_STOPPED) {
		snprintf(text, sizeof(text), "the shim stood down: %.159s",
			 p->ring.header.trigger_note);
		return text;
	}
	if (trial_ring_samples(p) == 0)
		return "the shim took no sample: the program used too little CPU time";
	return "the ring grew, but the probe never fired: the target runs another copy of the "
	       "library (give it with --library)";
}

static int conclude(struct session *s)
{
	const char *cause = NULL;
	struct trial_sums sums;
	enum verdict verdict;

	trial_collect(&s->trial);
	trial_sum(&s->trial, &sums);
	verdict = verdict_reach(&sums);
	if (verdict == VERDICT_FAILED)
		cause = find_cause(s);
	if (s->options.json)
		verdict_print_json(stdout, &s->trial, &sums, cause);
	else
		verdict_print_text(stdout, &s->trial, &sums, cause);
	return verdict;
}

/* The target exists but has not moved: attach, tell the witness, let it go. */
static int begin(struct session *s)
{
	int r;

	s->witness = (struct witness_options){
		.library = s->library,
		.pid = s->options.pid,
		.root = s->launch.pid,
		.report_all = s->events != NULL,
	};
	r = witness_open(&s->witness, &s->trial.witness);
	if (r < 0)
		return fail("cannot start the witness", witness_explain(r));
	witness_on_event(s->trial.witness, on_event, s);
	r = s->options.pid ? trial_observe(&s->trial, s->options.pid) : 0;
	if (r < 0)
		return fail("cannot read the process", strerror(-r));
	r = witness_attach(s->trial.witness);
	if (r < 0)
		return fail("cannot attach the witness", witness_explain(r));
	r = s->options.pid ? 0 : launch_release(&s->launch);
	if (r < 0)
		return fail(s->options.command[0], strerror(-r));
	if (s->options.seconds > 0)
		s->deadline = now_ns() + (long long)(s->options.seconds * 1e9);
	return 0;
}

static int run(struct session *s)
{
	int r = begin(s);

	if (r)
		return r;
	r = watch(s);
	if (r < 0)
		return fail("cannot read the witness's events", strerror(-r));
	return conclude(s);
}

/* A program may have the probes itself; then there is nothing to preload. */
static const char *library_to_preload(const struct session *s)
{
	struct stat library, command;
	char path[PATH_MAX];

	if (preload_find(s->options.command[0], path, sizeof(path)) == 0 &&
	    stat(path, &command) == 0 && stat(s->library, &library) == 0 &&
	    command.st_ino == library.st_ino && command.st_dev == library.st_dev)
		return NULL;
	return s->library;
}

static int prepare(struct session *s)
{
	struct sigaction action = { .sa_handler = on_signal };

	if (s->options.events) {
		s->events = fopen(s->options.events, "we");
		if (!s->events)
			return -errno;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (!s->options.command)
		return 0;
	return launch_start(s->options.command, library_to_preload(s), &s->launch);
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		option_list, parse, "-p PID\n-- COMMAND [ARGUMENT...]",
		"Check the shim's readings from the kernel's side.\v"
		"Exit status: 0 every reading agreed, 1 some did not, 2 nothing could be checked. "
		"See goidshim-verify(8).", NULL, NULL, NULL,
	};
	struct session s = { .deadline = LLONG_MAX };
	int r;

	argp_err_exit_status = VERDICT_FAILED;
	argp_program_version = PACKAGE_STRING;
	if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &s.options))
		return VERDICT_FAILED;
	s.trial.trusts_layouts = s.options.trust;
	s.trial.came_late = s.options.pid != 0;
	if (find_library(&s) < 0)
		return VERDICT_FAILED;
	r = prepare(&s);
	if (r < 0)
		return fail("cannot prepare", strerror(-r));
	r = run(&s);
	witness_close(s.trial.witness);
	trial_free(&s.trial);
	if (s.events)
		fclose(s.events);
	return r;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * goidshim-record - run a command under the shim, or sample one from the kernel.
 *
 * The everyday launcher: sets LD_PRELOAD and the GOIDSHIM_ variables, says at
 * once what cannot work, and ends with where the ring is. The command's output
 * and exit status are the command's own.
 */
#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#ifdef HAVE_BPF
#include "tools/record/kernelrecord.h"
#endif
#include "tools/process/launch.h"
#include "tools/process/preload.h"
#include "tools/record/summary.h"
#include "tools/ring/ringpath.h"
#include "tools/ring/rings.h"

/* As env(1) and timeout(1) have it. */
enum {
	EXIT_CANNOT = 125,
	EXIT_NOT_EXECUTABLE = 126,
	EXIT_NOT_FOUND = 127,
};

#define RATE_DEFAULT 99
#define RATE_MAX 10000

enum { KEY_TRIGGER = 256, KEY_FSBASE, KEY_SIZE, KEY_MODE, KEY_LIBRARY, KEY_LOG };

static const struct argp_option option_list[] = {
	{ "rate", 'r', "HZ", 0, "samples a second of CPU time, 1 to 10000; default 99", 0 },
	{ "events", 'e', "LIST", 0, "what to record; default cpu", 0 },
	{ "output", 'o', "FILE", 0, "the ring, %p: process id; default /dev/shm/goidshim.%p", 0 },
	{ "trigger", KEY_TRIGGER, "NAME", 0, "what samples: auto, sigtrap, perf or timer", 0 },
	{ "fsbase", KEY_FSBASE, "NAME", 0, "how: auto, rdfsbase, arch_prctl or fault", 0 },
	{ "size", KEY_SIZE, "BYTES", 0, "most bytes of records kept, with K, M or G", 0 },
	{ "mode", KEY_MODE, "NAME", 0, "when full: overwrite or drop", 0 },
	{ "log", KEY_LOG, "LEVEL", 0, "what the shim says: quiet, warn or info", 0 },
	{ "library", KEY_LIBRARY, "FILE", 0, "the shim to preload", 0 },
	{ "kernel", 'k', NULL, 0, "sample from the kernel by BPF instead: any Go program", 1 },
	{ "pid", 'p', "PID", 0, "with --kernel: a process that runs already", 1 },
	{ "duration", 'd', "SECONDS", 0, "with --pid: stop after this long", 1 },
	{ 0 },
};

struct options {
	bool kernel;
	pid_t pid;
	double seconds;
	unsigned rate_hz;
	const char *output;
	const char *library;
	const char *shim_only;	/* an option that --kernel cannot honour */
	char **command;
};

static int fail(int status, const char *what, const char *why)
{
	fprintf(stderr, "goidshim-record: %s%s%s\n", what, why ? ": " : "", why ? why : "");
	return status;
}

static double parse_number(struct argp_state *state, const char *name, const char *text,
			   double least, double most)
{
	char *end;
	double number = strtod(text, &end);

	if (!*text || *end || !(number >= least && number <= most))
		argp_error(state, "--%s=%s: give a number from %.10g to %.10g", name, text, least,
			   most);
	return number;
}

/* The shim itself judges these words; here they only become variables. */
static void set_variable(struct options *o, const char *name, const char *value)
{
	setenv(name, value, 1);
	o->shim_only = name;
}

static error_t parse_shim(int key, char *text, struct options *o)
{
	switch (key) {
	case 'e': set_variable(o, "GOIDSHIM_EVENTS", text); return 0;
	case KEY_TRIGGER: set_variable(o, "GOIDSHIM_TRIGGER", text); return 0;
	case KEY_FSBASE: set_variable(o, "GOIDSHIM_FSBASE", text); return 0;
	case KEY_SIZE: set_variable(o, "GOIDSHIM_RING_SIZE", text); return 0;
	case KEY_MODE: set_variable(o, "GOIDSHIM_RING_MODE", text); return 0;
	case KEY_LOG: set_variable(o, "GOIDSHIM_LOG", text); return 0;
	case KEY_LIBRARY: o->library = text; return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static void check_whole(struct argp_state *state, const struct options *o)
{
	if (o->pid && !o->kernel)
		argp_error(state, "a running process can only be recorded with --kernel");
	if (o->kernel && o->shim_only)
		argp_error(state, "--kernel has no use for %s", o->shim_only);
	if (o->pid && o->command)
		argp_error(state, "give either --pid or a command");
	if (!o->pid && !o->command)
		argp_error(state, "give a command");
	if (o->seconds > 0 && !o->pid)
		argp_error(state, "--duration is for --pid; a command ends by itself");
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'r': o->rate_hz = (unsigned)parse_number(state, "rate", text, 1, RATE_MAX); break;
	case 'o': o->output = text; break;
	case 'k': o->kernel = true; break;
	case 'p': o->pid = (pid_t)parse_number(state, "pid", text, 1, INT_MAX); break;
	case 'd': o->seconds = parse_number(state, "duration", text, 0.001, 1e6); break;
	case ARGP_KEY_ARGS: o->command = state->argv + state->next; break;
	case ARGP_KEY_END: check_whole(state, o); break;
	default: return parse_shim(key, text, o);
	}
	return 0;
}

/* Signals from the terminal reach the command too, and it decides what they mean. */
static pid_t forward_to;

static void forward(int sig)
{
	kill(forward_to, sig);
}

static int wait_for(pid_t pid)
{
	struct sigaction pass_on = { .sa_handler = forward, .sa_flags = SA_RESTART };
	int status = 0;

	forward_to = pid;
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	sigaction(SIGTERM, &pass_on, NULL);
	sigaction(SIGHUP, &pass_on, NULL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return launch_status(status);
}

static int refuse_exec(const char *command, int error)
{
	return fail(error == -ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE, command,
		    strerror(-error));
}

static int run_command(const struct options *o, const char *library, pid_t *ret_pid)
{
	struct launch launch;
	int r;

	r = launch_start(o->command, library, &launch);
	if (r < 0)
		return fail(EXIT_CANNOT, "cannot start a process", strerror(-r));
	r = launch_release(&launch);
	if (r < 0)
		return refuse_exec(o->command[0], r);
	*ret_pid = launch.pid;
	return wait_for(launch.pid);
}

static unsigned long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (unsigned long long)t.tv_sec * 1000000000u + (unsigned long long)t.tv_nsec;
}

/* The command's ring; else those of what it started; else why there is none. */
static void summarize(const char *pattern, pid_t pid, unsigned long long since_ns)
{
	char path[PATH_MAX];

	ringpath_expand(pattern, pid, path, sizeof(path));
	if (summary_print(stderr, path) == 0)
		return;
	if (summary_print_since(stderr, RINGS_FOLDER, since_ns) == 0)
		fail(0, "no ring was written: no process of the command had Go with cgo in it, or "
			"the shim said why not", NULL);
}

/* 0, or the exit status with which it is hopeless. */
static int check_command(const char *command)
{
	char path[PATH_MAX], what[PATH_MAX + 128];
	enum preload answer;
	const char *why;
	int r;

	r = preload_find(command, path, sizeof(path));
	if (r < 0)
		return refuse_exec(command, r);
	answer = preload_check(path, &why);
	if (answer == PRELOAD_WORKS)
		return 0;
	snprintf(what, sizeof(what), "%s %s", path, why);
	return fail(answer == PRELOAD_CANNOT ? EXIT_CANNOT : 0, what, NULL);
}

/* What the shim would take, had we no say in it. */
static const char *output_pattern(const struct options *o)
{
	const char *variable = getenv("GOIDSHIM_RING");

	if (o->output)
		return o->output;
	return variable && *variable ? variable : RINGS_FOLDER "/goidshim.%p";
}

static int record_by_shim(const struct options *o)
{
	char library[PATH_MAX], output[PATH_MAX], rate[16];
	unsigned long long since_ns = now_ns();
	pid_t pid = 0;
	int r;

	r = launch_library(o->library, library, sizeof(library));
	if (r < 0)
		return fail(EXIT_CANNOT, o->library ? o->library : "libgoidshim.so", strerror(-r));
	r = ringpath_absolute(output_pattern(o), output, sizeof(output));
	if (r < 0)
		return fail(EXIT_CANNOT, output_pattern(o), strerror(-r));
	r = check_command(o->command[0]);
	if (r)
		return r;
	if (o->output)
		setenv("GOIDSHIM_RING", output, 1);
	if (o->rate_hz) {
		snprintf(rate, sizeof(rate), "%u", o->rate_hz);
		setenv("GOIDSHIM_RATE", rate, 1);
	}
	r = run_command(o, library, &pid);
	if (pid)
		summarize(output, pid, since_ns);
	return r;
}

#ifdef HAVE_BPF
static int record_by_kernel(const struct options *o)
{
	struct kernelrecord_options options = {
		.rate_hz = o->rate_hz ? o->rate_hz : RATE_DEFAULT,
		.pid = o->pid,
		.seconds = o->seconds,
		.command = o->command,
	};
	char output[PATH_MAX], path[PATH_MAX];
	int r;

	r = ringpath_absolute(output_pattern(o), output, sizeof(output));
	if (r < 0)
		return fail(EXIT_CANNOT, output_pattern(o), strerror(-r));
	r = o->command ? preload_find(o->command[0], path, sizeof(path)) : 0;
	if (r < 0)
		return refuse_exec(o->command[0], r);
	options.output = output;
	r = kernelrecord_run(&options);
	return r < 0 ? EXIT_CANNOT : r;
}
#else
static int record_by_kernel(const struct options *o)
{
	return fail(EXIT_CANNOT, "--kernel: this goidshim was built without BPF", NULL);
}
#endif

int main(int argc, char **argv)
{
	static const struct argp argp = {
		option_list, parse, "[--] COMMAND [ARGUMENT...]\n--kernel -p PID",
		"Record which goroutines use the CPU, in C code too.\v"
		"The exit status is the command's; 125 if it could not be recorded, 126 or 127 if "
		"it could not be run. See goidshim-record(1).", NULL, NULL, NULL,
	};
	struct options options = { 0 };

	argp_err_exit_status = EXIT_CANNOT;
	argp_program_version = PACKAGE_STRING;
	if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &options))
		return EXIT_CANNOT;
	return options.kernel ? record_by_kernel(&options) : record_by_shim(&options);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/record/kernelrecord.h"

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

#include "bpf/sampler.h"
#include "tools/process/goprocess.h"
#include "tools/process/launch.h"
#include "tools/record/modulenote.h"
#include "tools/record/ringwriter.h"
#include "tools/record/summary.h"
#include "tools/record/weigher.h"
#include "tools/ring/ringpath.h"
#include "tools/ring/target.h"

#define SECOND_NS 1000000000ull
#define POLL_MS 50
#define STARTING_POLL_MS 1	/* until Go is found in a command that has just begun */
#define STARTING_NS (SECOND_NS / 2)
#define LOOK_NS (SECOND_NS / 2)	/* between two looks at what else was loaded */
#define THREAD_SLOTS 4096u	/* threads already named; a collision names one twice */

struct session {
	const struct kernelrecord_options *options;
	pid_t pid;
	struct launch launch;
	struct sampler *sampler;
	struct ringwriter *ring;
	char path[PATH_MAX];
	clockid_t cpu_clock;
	__u64 started_ns;
	__u64 looked_ns;
	size_t modules_seen;		/* mappings at the last look */
	__u32 modules_noted;
	__u64 cpu_ns;			/* at the last checkpoint of the rate */
	__u64 periods;
	__u32 threads[THREAD_SLOTS];
	struct weigher weigher;
	bool has_ended;
	int status;			/* of the command */
};

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	interrupted = sig;
}

static __u64 clock_ns(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t) < 0)
		return 0;
	return (__u64)t.tv_sec * SECOND_NS + (__u64)t.tv_nsec;
}

static int fail(int error, const char *what, const char *why)
{
	fprintf(stderr, "goidshim-record: %s: %s\n", what, why);
	return error;
}

static void name_thread(struct session *s, const struct evidence_sample *e)
{
	struct goidshim_thread *t;

	if (s->threads[e->tid % THREAD_SLOTS] == e->tid)
		return;
	s->threads[e->tid % THREAD_SLOTS] = e->tid;
	t = ringwriter_reserve(s->ring, sizeof(*t));
	*t = (struct goidshim_thread){
		.record = { .size = sizeof(*t), .type = GOIDSHIM_RECORD_THREAD },
		.time_ns = e->time_ns,
		.fs_base = e->fs_base,
		.tid = e->tid,
	};
	memcpy(t->name, e->name, sizeof(t->name));
	t->name[sizeof(t->name) - 1] = '\0';
	ringwriter_commit(s->ring, sizeof(*t));
}

static void on_sample(void *context, const struct evidence_sample *e)
{
	struct session *s = context;
	struct goidshim_lane *lane = ringwriter_lane(s->ring);
	__u16 depth = e->stack_depth < EVIDENCE_STACK_MAX ? e->stack_depth : EVIDENCE_STACK_MAX;
	__u32 size = (__u32)(sizeof(struct goidshim_sample) + depth * sizeof(__u64));
	__u32 periods = weigher_weigh(&s->weigher, e->tid, e->thread_start_ns, e->thread_cpu_ns);
	struct goidshim_sample *r;

	name_thread(s, e);
	if (periods == 0)
		return;
	r = ringwriter_reserve(s->ring, size);
	*r = (struct goidshim_sample){
		.record = { .size = size, .type = GOIDSHIM_RECORD_SAMPLE },
		.time_ns = e->time_ns,
		.sequence = lane->samples + 1,
		.goid = e->goid,
		.pc = e->pc,
		.sp = e->sp,
		.fs_base = e->fs_base,
		.g = e->g,
		.start_pc = e->start_pc,
		.go_pc = e->go_pc,
		.parent_goid = e->parent_goid,
		.tid = e->tid,
		.periods = periods,
		.class_ = e->class_,
		.reason = e->reason,
		.object = e->object,
		.fsbase_method = GOIDSHIM_FSBASE_KERNEL,
		.stack_end = e->stack_end,
		.stack_depth = depth,
		.goroutine_status = e->goroutine_status,
	};
	memcpy(r + 1, e->stack, depth * sizeof(__u64));
	ringwriter_commit(s->ring, size);
	lane->samples++;
	lane->periods += periods;
}

static int make_ring(struct session *s)
{
	struct goidshim_header h = {
		.source = GOIDSHIM_SOURCE_KERNEL,
		.uid = getuid(),
		.start_ns = clock_ns(CLOCK_MONOTONIC),
		.start_realtime_ns = clock_ns(CLOCK_REALTIME),
		.fsbase_method = GOIDSHIM_FSBASE_KERNEL,
		.trigger = GOIDSHIM_TRIGGER_BPF,
		.rate_hz = s->options->rate_hz,
		.period_ns = SECOND_NS / s->options->rate_hz,
		.ring_mode = GOIDSHIM_RING_OVERWRITE,
		.fsbase_note = "task->thread.fsbase, read by BPF",
		.trigger_note = "perf cpu-clock on every CPU, with a BPF program",
	};
	int r;

	target_identify((__u32)s->pid, &h);
	ringpath_expand(s->options->output, s->pid, s->path, sizeof(s->path));
	r = ringwriter_create(s->path, &h, &s->ring);
	if (r < 0)
		return fail(r, s->path, strerror(-r));
	return 0;
}

/* Notes the modules that are new, the executable (lowest) first. Their index is their order. */
static void note_modules(struct session *s, const struct goprocess *process)
{
	const struct procmaps *maps = &process->maps;

	for (size_t i = s->modules_seen; i < maps->count; i++) {
		struct goidshim_module *note;

		if (modulenote_make(maps, &maps->modules[i], s->modules_noted, &note) < 0)
			continue;
		if (ringwriter_note(s->ring, &note->record) == 0)
			s->modules_noted++;
		free(note);
	}
}

static int publish_objects(struct session *s, const struct goprocess *process)
{
	struct goidshim_header *h = ringwriter_header(s->ring);
	struct evidence_layouts layouts = { .count = (__u32)process->count };

	for (size_t i = 0; i < process->count; i++) {
		const struct goprocess_object *from = &process->objects[i];
		struct goidshim_object *to = &h->objects[i];

		layouts.layouts[i] = from->layout;
		to->layout = from->layout;
		memcpy(to->go_version, from->go_version, sizeof(to->go_version));
		to->load_bias = from->load_bias;
	}
	__atomic_store_n(&h->object_count, layouts.count, __ATOMIC_RELEASE);
	return sampler_set_layouts(s->sampler, &layouts);
}

/* Is there a Go runtime now, or another one? Returns 0 also if not; -ESRCH if it is gone. */
static int look(struct session *s)
{
	struct goidshim_header *h = ringwriter_header(s->ring);
	struct goprocess process;
	int r;

	s->looked_ns = clock_ns(CLOCK_MONOTONIC);
	r = goprocess_read(s->pid, &process);
	if (r < 0)
		return r;
	if (process.count > h->object_count)
		r = publish_objects(s, &process);
	if (process.count && process.maps.count != s->modules_seen) {
		note_modules(s, &process);
		s->modules_seen = process.maps.count;
	}
	goprocess_free(&process);
	return r;
}

/* Looking is dear (it copies the program), so only when something was mapped. */
static bool is_look_due(const struct session *s)
{
	struct goidshim_header *h = ringwriter_header(s->ring);
	__u64 now = clock_ns(CLOCK_MONOTONIC);
	struct procmaps maps;
	bool changed;

	if (h->object_count == 0 && now - s->started_ns < STARTING_NS)
		return true;
	if (now - s->looked_ns < LOOK_NS || procmaps_read(s->pid, &maps) < 0)
		return false;
	changed = maps.count != s->modules_seen;
	procmaps_free(&maps);
	return changed;
}

/* The achieved rate and the losses, brought up to date. */
static void checkpoint(struct session *s)
{
	struct goidshim_lane *lane = ringwriter_lane(s->ring);
	struct evidence_sampler_counts counts;
	__u64 cpu_ns = clock_ns(s->cpu_clock);

	if (sampler_get_counts(s->sampler, &counts) < 0)
		return;
	lane->lost[GOIDSHIM_LOST_BUFFER] = counts.lost;
	if (cpu_ns == 0)
		return;
	if (s->cpu_ns) {
		lane->rate_cpu_ns += cpu_ns - s->cpu_ns;
		lane->rate_periods += counts.samples - s->periods;
	}
	s->cpu_ns = cpu_ns;
	s->periods = counts.samples;
}

static bool has_target_ended(struct session *s)
{
	int status;

	if (s->options->pid)
		return kill(s->pid, 0) < 0 && errno == ESRCH;
	if (waitpid(s->pid, &status, WNOHANG) != s->pid)
		return false;
	s->status = launch_status(status);
	return true;
}

static bool is_over(const struct session *s)
{
	if (s->has_ended || interrupted)
		return true;
	return s->options->seconds > 0 &&
	       (double)(clock_ns(CLOCK_MONOTONIC) - s->started_ns) >= s->options->seconds * 1e9;
}

static int follow(struct session *s)
{
	while (!is_over(s)) {
		bool starting = ringwriter_header(s->ring)->object_count == 0;
		int r = sampler_poll(s->sampler, starting ? STARTING_POLL_MS : POLL_MS);

		if (r < 0 && r != -EINTR)
			return r;
		checkpoint(s);
		s->has_ended = has_target_ended(s);
		if (!s->has_ended && is_look_due(s))
			look(s);
	}
	sampler_stop(s->sampler);
	while (sampler_poll(s->sampler, 0) > 0)
		;
	checkpoint(s);
	return 0;
}

/* A command that was interrupted is ended as it would have been, and waited for. */
static void end_command(struct session *s)
{
	int status;

	if (s->options->pid || s->has_ended)
		return;
	kill(s->pid, SIGTERM);
	if (waitpid(s->pid, &status, 0) == s->pid)
		s->status = launch_status(status);
}

static int start(struct session *s)
{
	struct sampler_options options = {
		.pid = s->pid,
		.rate_hz = s->options->rate_hz,
		.fn = on_sample,
		.context = s,
	};
	int r;

	r = make_ring(s);
	if (r < 0)
		return r;
	r = sampler_open(&options, &s->sampler);
	if (r < 0) {
		unlink(s->path);
		return fail(r, "cannot sample from the kernel", sampler_explain(r));
	}
	if (clock_getcpuclockid(s->pid, &s->cpu_clock) != 0)
		s->cpu_clock = -1;
	s->started_ns = clock_ns(CLOCK_MONOTONIC);
	return 0;
}

static int begin(struct session *s)
{
	int r;

	if (s->options->pid) {
		r = look(s);
		if (r == 0 && ringwriter_header(s->ring)->object_count == 0)
			r = -ENOENT;
		if (r < 0)
			fail(r, "cannot record the process",
			     r == -ENOENT ? "there is no Go in it" : strerror(-r));
	} else {
		r = launch_release(&s->launch);
		if (r < 0)
			fail(r, s->options->command[0], strerror(-r));
	}
	if (r < 0)
		unlink(s->path);
	else
		ringwriter_publish(s->ring);
	return r;
}

static void conclude(struct session *s)
{
	__u32 objects = ringwriter_header(s->ring)->object_count;

	end_command(s);
	ringwriter_header(s->ring)->state = GOIDSHIM_STATE_STOPPED;
	if (objects) {
		summary_print(stderr, s->path);
		return;
	}
	unlink(s->path);
	fail(0, "nothing was recorded", "no Go runtime was found in the process");
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

int kernelrecord_run(const struct kernelrecord_options *options)
{
	struct session s = {
		.options = options,
		.pid = options->pid,
		.weigher.period_ns = SECOND_NS / options->rate_hz,
	};
	int r;

	catch_signals();
	if (!options->pid) {
		r = launch_start(options->command, NULL, &s.launch);
		if (r < 0)
			return fail(r, "cannot start a process", strerror(-r));
		s.pid = s.launch.pid;
	}
	r = start(&s);
	if (r < 0 && !options->pid)
		launch_abandon(&s.launch);
	if (r == 0)
		r = begin(&s);
	if (r == 0) {
		r = follow(&s);
		conclude(&s);
	}
	sampler_close(s.sampler);
	if (s.ring)
		ringwriter_close(s.ring);
	return r < 0 ? r : s.status;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/formats/stuck.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "tools/print/printable.h"
#include "tools/profile/locations.h"
#include "tools/profile/report.h"
#include "tools/profile/residence.h"
#include "tools/profile/stacks.h"
#include "tools/ring/names.h"
#include "tools/ring/syscalls.h"
#include "tools/ring/target.h"

enum { NAME_SIZE = 400 };

/* Code that computes is sampled every period; a busy machine may let it wait a while. */
static const __u64 GRACE_PERIODS = 20, GRACE_LEAST_NS = 1000 * 1000 * 1000;

/* All that the words are made from. */
struct stuck {
	const struct stuck_request *request;
	struct reader *reader;
	struct symbolizer *symbolizer;
	struct filter *filter;		/* knows the threads' names, too */
	struct residences all;
	struct locations locations;
	__u64 now_ns;
};

/* One goroutine in words. */
struct words {
	const struct residence *r;
	const struct goidshim_wait *wait;	/* NULL: it computes */
	struct report_goroutine who;
	struct report_goroutine holder;
	const char *function;		/* in C, that Go called */
	uint32_t frames[GOIDSHIM_MAX_STACK];
	unsigned depth;
};

/* ---- reading ---- */

static int read_records(struct stuck *s)
{
	struct reader_item item;
	int err = reader_poll(s->reader, READER_BY_TIME);

	while (!err && (err = reader_next(s->reader, &item)) > 0)
		switch (item.record->type) {
		case GOIDSHIM_RECORD_THREAD:
			filter_accepts(s->filter, s->reader, s->symbolizer, &item);
			err = 0;
			break;
		case GOIDSHIM_RECORD_SAMPLE:
		case GOIDSHIM_RECORD_WALL:
		case GOIDSHIM_RECORD_ALLOC:
		case GOIDSHIM_RECORD_LOCK:
		case GOIDSHIM_RECORD_BLOCK:
			err = residences_add(&s->all, item.sample);
			break;
		default:
			err = 0;
		}
	return err;
}

static int read_waits(struct stuck *s)
{
	const struct goidshim_wait *wait;
	__u32 slot = 0;
	int err;

	while ((err = reader_next_inside(s->reader, &slot, &wait)) > 0) {
		err = residences_add_wait(&s->all, wait);
		if (err)
			return err;
	}
	return err;
}

/* While the program runs, now; after that nobody knows more than its last record. */
static __u64 find_now(const struct stuck *s)
{
	struct timespec t;

	if (!s->request->is_alive)
		return s->all.last_ns;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (__u64)t.tv_sec * 1000000000 + (__u64)t.tv_nsec;
}

static int read_ring(struct stuck *s)
{
	__u64 grace = GRACE_PERIODS * reader_header(s->reader)->period_ns;
	int err = read_records(s);

	if (!err)
		err = read_waits(s);
	if (err)
		return err;
	s->now_ns = find_now(s);
	residences_settle(&s->all, s->now_ns, grace > GRACE_LEAST_NS ? grace : GRACE_LEAST_NS,
			  s->request->min_ns, !s->request->is_alive);
	return 0;
}

/* ---- words ---- */

static const char *function_of(const struct stuck *s, uint32_t location, unsigned frame)
{
	const struct location *l = &s->locations.locations[location];

	return s->locations.strings.texts[s->locations.frames[l->first + frame].function];
}

/* "f" of the function that cgo makes for calls of C.f, "main._Cfunc_f"; else NULL. */
static const char *called_by(const char *go)
{
	static const char *const infixes[] = { "._Cfunc_", "._C2func_" };

	for (unsigned i = 0; i < sizeof(infixes) / sizeof(infixes[0]); i++) {
		const char *at = strstr(go, infixes[i]);

		if (at)
			return at + strlen(infixes[i]);
	}
	return NULL;
}

static bool is_made_by_cgo(const char *function)
{
	return strncmp(function, "_cgo_", 5) == 0;
}

/* The C function that Go called last: cgo's own name for it, or the outermost of C's frames. */
static const char *name_function(const struct stuck *s, const struct words *w)
{
	const char *outermost = NULL;
	bool in_c = true;

	for (unsigned i = 0; i < w->depth; i++) {
		const struct location *l = &s->locations.locations[w->frames[i]];

		in_c = in_c && (l->kind == LOCATION_C || l->kind == LOCATION_UNKNOWN);
		for (unsigned k = 0; k < l->count; k++) {
			const char *function = function_of(s, w->frames[i], k);

			if (in_c && !is_made_by_cgo(function))
				outermost = function;
			if (!in_c && called_by(function))
				return called_by(function);
		}
		if (l->kind == LOCATION_GO)
			break;
	}
	return outermost ? outermost : "C";
}

static int find_frames(struct stuck *s, const struct goidshim_sample *record, struct words *w)
{
	struct stacks stacks = { 0 };
	uint32_t series;
	int err = stacks_find(&stacks, record, symbolizer_era(s->symbolizer, record), &series);

	if (!err)
		err = locations_of_stack(&s->locations, &stacks, stacks.series[series].stack,
					 w->frames);
	if (!err)
		w->depth = stacks.stacks[stacks.series[series].stack].depth;
	stacks_free(&stacks);
	return err;
}

static int find_words(struct stuck *s, const struct residence *r, struct words *ret)
{
	const struct goidshim_sample *record = r->record;
	int err;

	*ret = (struct words){ .r = r };
	if (r->is_waiting) {
		ret->wait = (const struct goidshim_wait *)record;
		if (ret->wait->holder_goid)
			report_goroutine(s->symbolizer, ret->wait->holder_start_pc, 0,
					 &ret->holder);
	}
	report_goroutine(s->symbolizer, record->start_pc, record->go_pc, &ret->who);
	err = find_frames(s, record, ret);
	if (!err)
		ret->function = name_function(s, ret);
	return err;
}

static bool is_wanted(const struct stuck *s, const struct residence *r)
{
	const struct reader_item item = { .sample = r->record };

	return filter_accepts(s->filter, s->reader, s->symbolizer, &item);
}

/* Is the first argument of this system call an open file? */
static bool is_of_file(unsigned number)
{
	static const unsigned short others[] = {
		SYS_nanosleep, SYS_clock_nanosleep, SYS_futex, SYS_wait4, SYS_waitid, SYS_pause,
		SYS_poll, SYS_ppoll, SYS_select, SYS_pselect6, SYS_rt_sigsuspend,
		SYS_rt_sigtimedwait, SYS_msgrcv, SYS_msgsnd, SYS_semop, SYS_semtimedop, SYS_open,
		SYS_openat, SYS_msync,
	};

	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (number == others[i])
			return false;
	return true;
}

/* ---- text ---- */

static double seconds(__u64 ns)
{
	return (double)ns / 1e9;
}

static void put_who(FILE *out, __u64 goid, const struct report_goroutine *who)
{
	fprintf(out, "goroutine %llu", goid);
	if (who->function[0])
		fprintf(out, " (%s)", who->function);
}

static void put_holder(FILE *out, const struct words *w)
{
	if (!w->wait->holder_tid) {
		fputs(w->wait->kind == GOIDSHIM_LOCK_COND ? "" : ", held by nobody known", out);
		return;
	}
	fputs(", held by ", out);
	if (w->wait->holder_goid) {
		put_who(out, w->wait->holder_goid, &w->holder);
		fputs(", ", out);
	}
	fprintf(out, "thread %u", w->wait->holder_tid);
}

static void put_wait(const struct stuck *s, const struct words *w)
{
	FILE *out = s->request->out;
	const struct goidshim_wait *wait = w->wait;

	fputs(s->request->is_alive ? "waits" : "waited", out);
	if (wait->sample.record.type == GOIDSHIM_RECORD_LOCK)
		fprintf(out, " for %s 0x%llx", names_lock_kind(wait->kind), wait->address);
	else
		fprintf(out, " in %s", syscalls_name(wait->kind));
	if (wait->sample.record.type == GOIDSHIM_RECORD_BLOCK && is_of_file(wait->kind))
		fprintf(out, " on file %llu", wait->address);
	fprintf(out, ", for %.1f s", seconds(s->now_ns - wait->start_ns));
	if (wait->sample.record.type == GOIDSHIM_RECORD_LOCK)
		put_holder(out, w);
}

static void put_frames(const struct stuck *s, const struct words *w)
{
	FILE *out = s->request->out;
	char file[NAME_SIZE];

	for (unsigned i = 0; i < w->depth; i++) {
		const struct location *l = &s->locations.locations[w->frames[i]];

		for (unsigned k = 0; k < l->count; k++) {
			const struct location_frame *f = &s->locations.frames[l->first + k];

			fprintf(out, "    %s", function_of(s, w->frames[i], k));
			if (f->file)
				fprintf(out, "  %s:%u",
					printable_copy(file, sizeof(file),
						       s->locations.strings.texts[f->file]),
					f->line);
			putc('\n', out);
		}
	}
}

static void put_goroutine(const struct stuck *s, const struct words *w)
{
	const struct stuck_request *request = s->request;
	FILE *out = request->out;

	fputs(request->use_color ? "\n\033[1m" : "\n", out);
	put_who(out, w->r->goid, &w->who);
	fprintf(out, " %s in %s for %s%.1f s%s\n", request->is_alive ? "has been" : "was",
		w->function, request->is_alive ? "" : "at least ",
		seconds(residence_ns(w->r, s->now_ns)), request->use_color ? "\033[0m" : "");
	fprintf(out, "  thread %u", w->r->tid);
	if (threads_name(&s->filter->names, w->r->tid)[0])
		fprintf(out, " (%s)", threads_name(&s->filter->names, w->r->tid));
	fputs(" ", out);
	if (w->wait)
		put_wait(s, w);
	else
		fprintf(out,
			request->is_alive ? "computes: it was sampled %.2f s ago"
					  : "computed: it was sampled %.2f s before the last record",
			seconds(s->now_ns > w->r->last_ns ? s->now_ns - w->r->last_ns : 0));
	putc('\n', out);
	put_frames(s, w);
}

static int put_text(struct stuck *s)
{
	FILE *out = s->request->out;
	struct words words;
	unsigned shown = 0;
	char exe[NAME_SIZE];

	fprintf(out, "%s  pid %u, %s\n",
		printable_copy(exe, sizeof(exe), target_exe(s->reader)),
		reader_header(s->reader)->pid, s->request->is_alive ? "running" : "ended");
	for (size_t i = 0; i < s->all.count; i++) {
		int err;

		if (!is_wanted(s, &s->all.threads[i]))
			continue;
		err = find_words(s, &s->all.threads[i], &words);
		if (err)
			return err;
		put_goroutine(s, &words);
		shown++;
	}
	if (!shown)
		fprintf(out, "\nNo goroutine %s in C for %.1f s or more.\n",
			s->request->is_alive ? "has been" : "was known to be",
			seconds(s->request->min_ns));
	return 0;
}

/* ---- JSON ---- */

static json_t *text(const char *value)
{
	char clean[4096];

	return value[0] ? json_string(printable_copy(clean, sizeof(clean), value)) : json_null();
}

static json_t *number(__u64 value)
{
	return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

static json_t *build_frames(const struct stuck *s, const struct words *w)
{
	json_t *frames = json_array();

	for (unsigned i = 0; i < w->depth; i++) {
		const struct location *l = &s->locations.locations[w->frames[i]];

		for (unsigned k = 0; k < l->count; k++) {
			const struct location_frame *f = &s->locations.frames[l->first + k];

			json_array_append_new(
				frames,
				json_pack("{s:o, s:o, s:i}", "function",
					  text(function_of(s, w->frames[i], k)), "file",
					  text(s->locations.strings.texts[f->file]), "line",
					  (int)f->line));
		}
	}
	return frames;
}

static json_t *build_holder(const struct words *w)
{
	if (!w->wait->holder_tid)
		return json_null();
	return json_pack("{s:i, s:o, s:o}", "tid", (int)w->wait->holder_tid, "goid",
			 w->wait->holder_goid ? number(w->wait->holder_goid) : json_null(), "start",
			 text(w->holder.function));
}

static json_t *build_wait(const struct stuck *s, const struct words *w)
{
	bool is_lock;

	if (!w->wait)
		return json_null();
	is_lock = w->wait->sample.record.type == GOIDSHIM_RECORD_LOCK;
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "event", is_lock ? "lock" : "block",
			 "kind",
			 is_lock ? names_lock_kind(w->wait->kind) : syscalls_name(w->wait->kind),
			 "address", number(w->wait->address), "start_ns", number(w->wait->start_ns),
			 "ns", number(s->now_ns - w->wait->start_ns), "holder", build_holder(w));
}

static json_t *build_goroutine(const struct stuck *s, const struct words *w)
{
	return json_pack("{s:o, s:o, s:o, s:i, s:o, s:o, s:o, s:o, s:o, s:o}", "goid",
			 number(w->r->goid), "start", text(w->who.function), "created_at",
			 text(w->who.created_at), "tid", (int)w->r->tid, "thread",
			 text(threads_name(&s->filter->names, w->r->tid)), "function", text(w->function),
			 "since_ns", number(w->r->since_ns), "ns",
			 number(residence_ns(w->r, s->now_ns)), "wait", build_wait(s, w), "stack",
			 build_frames(s, w));
}

static int put_json(struct stuck *s)
{
	json_t *goroutines = json_array(), *object;
	struct words words;
	int err = 0;

	for (size_t i = 0; i < s->all.count && !err; i++) {
		if (!is_wanted(s, &s->all.threads[i]))
			continue;
		err = find_words(s, &s->all.threads[i], &words);
		if (!err)
			json_array_append_new(goroutines, build_goroutine(s, &words));
	}
	object = json_pack("{s:o, s:i, s:b, s:o, s:o}", "exe", text(target_exe(s->reader)), "pid",
			   (int)reader_header(s->reader)->pid, "alive", s->request->is_alive,
			   "now_ns", number(s->now_ns), "in_c", goroutines);
	if (!object)
		return -ENOMEM;
	if (!err && json_dumpf(object, s->request->out, JSON_INDENT(2)))
		err = -EIO;
	putc('\n', s->request->out);
	json_decref(object);
	return err;
}

int stuck_report(struct reader *reader, struct filter *filter, struct symbolizer *symbolizer,
		 const struct stuck_request *request)
{
	struct stuck s = {
		.request = request,
		.reader = reader,
		.symbolizer = symbolizer,
		.filter = filter,
	};
	int err = locations_init(&s.locations, reader, symbolizer);

	if (err)
		return err;
	err = read_ring(&s);
	if (!err)
		err = request->as_json ? put_json(&s) : put_text(&s);
	residences_free(&s.all);
	locations_free(&s.locations);
	return err;
}

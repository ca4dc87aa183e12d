/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unwind-churn: stacks taken from threads that do what unwinders die of.
 *
 * One thread opens and closes a library for ever and calls it in between, one
 * throws exceptions, one makes threads; one does what the shim's hooks do
 * (modules_refresh). A signal comes to each of them some thousand times a
 * second, and its handler unwinds. Every stack that claims to be complete must
 * pass through the thread's own function, just above where threads begin. One
 * that is cut must be cut where code has no tables (_init and _fini), in longjmp, or
 * where code writes over its own frame (libgcc as it lands an exception, see
 * ehrows.sig.h), and of those the first two are seldom. And everybody
 * must get on: a thread that makes no progress in ten seconds hangs.
 *
 * GOIDSHIM_TEST_LONG=1: ten minutes instead of three seconds.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "shim/unwind/modules.h"
#include "shim/unwind/unwind.sig.h"
#include "tests/bench/faults.h"
#include "tests/fixtures/steps.h"

enum { DEPTH = 128, WORKERS = 4 };

/* Functions that threads begin with, together, so that a pc tells. */
#define WORKER __attribute__((noinline, section("thread_functions")))
extern const char __start_thread_functions[], __stop_thread_functions[];

struct worker {
	const char *name;
	void *(*function)(void *);
	pthread_t thread;
	unsigned long rounds;
	unsigned long seen;	/* rounds when last looked at */
	time_t stuck_since;
};

static bool stop;
static const char late[] = "libzstd.so.1";

static struct {
	unsigned long stacks, complete, cut, landing, unexplained, wrong;
	unsigned long ends[GOIDSHIM_STACK_MAX];
	__u64 example;		/* where an unexplained one was cut */
} count;

static void add(unsigned long *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

/* -------------------------------------------------------------------- handler */

static bool is_in_workers(__u64 pc)
{
	return pc > (__u64)__start_thread_functions && pc <= (__u64)__stop_thread_functions;
}

static bool is_in_file(__u64 pc, const char *name)
{
	struct modules_segment segment = { .start = 0 };

	return modules_find(pc, &segment) && segment.module != NULL &&
	       segment.module->path != NULL && strstr(segment.module->path, name) != NULL;
}

/* The library that comes and goes may be in no snapshot: it is then told by its newness. */
static bool is_explained(const __u64 *frames, const struct unwind_result *result)
{
	struct modules_segment segment = { .start = 0 };
	__u64 last = frames[result->depth - 1];

	if (result->end == GOIDSHIM_STACK_EXPRESSION) {
		if (result->depth == 1 && is_in_file(last, "libc.so.6"))
			return true;
		for (unsigned i = 0; i < result->depth; i++) {
			if (is_in_file(frames[i], "libgcc_s")) {
				add(&count.landing);
				return true;
			}
		}
		return false;
	}
	if (result->end != GOIDSHIM_STACK_NO_CFI || !modules_find(last, &segment))
		return false;
	return segment.module == NULL || segment.module->path == NULL ||
	       is_in_file(last, "libzstd");
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	struct goid_reading nobody = { .class_ = GOIDSHIM_CLASS_C_THREAD, .object = 0xff };
	ucontext_t *uc = context;
	struct unwind_result result;
	__u64 frames[DEPTH];

	unwind_stack(NULL, NULL, &nobody, (const struct sigcontext *)&uc->uc_mcontext, frames,
		     DEPTH, &result);
	add(&count.stacks);
	add(&count.ends[result.end]);
	if (result.end != GOIDSHIM_STACK_THREAD) {
		add(&count.cut);
		if (!is_explained(frames, &result)) {
			count.example = frames[result.depth - 1];
			add(&count.unexplained);
		}
		return;
	}
	add(&count.complete);
	/* ... worker, start_thread, clone3; or still, or already, outside the worker. */
	for (unsigned i = 0; i + 1 < result.depth; i++)
		if (is_in_workers(frames[i]) && i + 3 != result.depth)
			add(&count.wrong);
}

/* -------------------------------------------------------------------- workers */

static struct worker *self_of(void *arg)
{
	return arg;
}

WORKER static void *open_and_close(void *arg)
{
	static char in[20000], out[30000];

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		void *library = dlopen(late, RTLD_NOW);
		size_t (*compress)(void *, size_t, const void *, size_t, int);

		*(void **)&compress = library ? dlsym(library, "ZSTD_compress") : NULL;
		if (compress != NULL)
			compress(out, sizeof(out), in, sizeof(in), 3);
		if (library != NULL)
			dlclose(library);
		self_of(arg)->rounds++;
	}
	return NULL;
}

WORKER static void *throw_and_catch(void *arg)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		steps_exceptions();
		self_of(arg)->rounds++;
	}
	return NULL;
}

WORKER static void *live_briefly(void *arg)
{
	steps_fixtures();
	return NULL;
}

WORKER static void *make_threads(void *arg)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, live_briefly, NULL) == 0)
			pthread_join(thread, NULL);
		self_of(arg)->rounds++;
	}
	return NULL;
}

WORKER static void *refresh(void *arg)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		modules_refresh(true);
		self_of(arg)->rounds++;
		usleep(500);
	}
	return NULL;
}

static struct worker workers[WORKERS] = {
	{ .name = "dlopen and dlclose", .function = open_and_close },
	{ .name = "throw and catch", .function = throw_and_catch },
	{ .name = "pthread_create", .function = make_threads },
	{ .name = "refresh", .function = refresh },
};

/* ----------------------------------------------------------------------- main */

/* False if a worker has been at the same round for ten seconds. */
static bool all_get_on(time_t now)
{
	for (unsigned i = 0; i < WORKERS; i++) {
		struct worker *w = &workers[i];
		unsigned long rounds = __atomic_load_n(&w->rounds, __ATOMIC_RELAXED);

		if (rounds != w->seen || w->stuck_since == 0)
			w->stuck_since = now;
		w->seen = rounds;
		if (now - w->stuck_since > 10) {
			printf("%s hangs in round %lu\n", w->name, rounds);
			return false;
		}
	}
	return true;
}

static bool signal_for(time_t seconds)
{
	time_t end = time(NULL) + seconds;

	while (time(NULL) < end) {
		for (unsigned i = 0; i < WORKERS; i++)
			pthread_kill(workers[i].thread, SIGRTMIN);
		if (!all_get_on(time(NULL)))
			return false;
		usleep(100);
	}
	return true;
}

static void report(void)
{
	for (unsigned i = 0; i < WORKERS; i++)
		printf("%-20s %lu rounds\n", workers[i].name, workers[i].rounds);
	printf("%lu stacks: %lu complete, %lu cut (%lu landing, %lu unexplained), %lu wrong\n",
	       count.stacks, count.complete, count.cut, count.landing, count.unexplained,
	       count.wrong);
	if (count.unexplained > 0)
		printf("one was cut at %#llx\n", count.example);
	for (unsigned i = 0; i < GOIDSHIM_STACK_MAX; i++)
		if (count.ends[i] > 0)
			printf("  end %u: %lu\n", i, count.ends[i]);
}

int main(void)
{
	struct sigaction act = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART };
	void *library = dlopen(late, RTLD_NOW);
	bool ok;

	if (library == NULL) {
		printf("SKIP: %s is not installed\n", late);
		return 77;
	}
	dlclose(library);
	faults_catch();
	modules_refresh(true);
	sigaction(SIGRTMIN, &act, NULL);
	for (unsigned i = 0; i < WORKERS; i++)
		if (pthread_create(&workers[i].thread, NULL, workers[i].function, &workers[i]) != 0)
			return 99;
	ok = signal_for(getenv("GOIDSHIM_TEST_LONG") ? 600 : 3);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (unsigned i = 0; ok && i < WORKERS; i++)
		pthread_join(workers[i].thread, NULL);
	report();
	return !ok || count.wrong > 0 || count.complete < 1000 ||
	       count.unexplained > 0 || (count.cut - count.landing) * 20 > count.stacks;
}

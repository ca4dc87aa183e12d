/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole stack: ours through C and Go, beside what else can walk C, all from
 * the same depth and the same registers; then how long the tables take to make
 * and how large they are. The floor is a walk along frame pointers, with which
 * this file alone is compiled. Without Go that part is left out.
 */
#include <dlfcn.h>
#include <execinfo.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include "probe/golayout.h"
#include "shim/modules.h"
#include "shim/unwind.h"
#include "tests/bench/bench.h"
#include "tests/bench/faults.h"

enum { FRAMES = 64 };

static ucontext_t context;
static struct goid_reading who = { .class_ = GOIDSHIM_CLASS_C_THREAD, .object = 0xff };
static struct goidshim_golayout layout;
static struct unwind_go go;
static bool has_go;
static struct unwind_result result;

static struct {
	int (*init_local)(unw_cursor_t *, unw_context_t *);
	int (*step)(unw_cursor_t *);
	int (*get_reg)(unw_cursor_t *, int, unw_word_t *);
	int (*backtrace)(void **, int);
} libunwind;

/* ----------------------------------------------------------------------- rows */

static void ours(unsigned long n, void *backend)
{
	__u64 frames[FRAMES];

	unwind.backend = (enum unwind_backend)(long)backend;
	for (unsigned long i = 0; i < n; i++) {
		unwind_stack(has_go ? &go : NULL, has_go ? &layout : NULL, &who,
			     (const struct sigcontext *)&context.uc_mcontext, frames, FRAMES,
			     &result);
		BENCH_USE(frames);
	}
}

static void step_libunwind(unsigned long n, void *unused)
{
	unw_cursor_t cursor;
	unw_word_t ip;

	for (unsigned long i = 0; i < n; i++) {
		libunwind.init_local(&cursor, &context);
		do
			libunwind.get_reg(&cursor, UNW_REG_IP, &ip);
		while (libunwind.step(&cursor) > 0);
		BENCH_USE(ip);
	}
}

static void call_unw_backtrace(unsigned long n, void *unused)
{
	void *frames[FRAMES];

	for (unsigned long i = 0; i < n; i++)
		BENCH_USE(libunwind.backtrace(frames, FRAMES));
}

static void call_glibc_backtrace(unsigned long n, void *unused)
{
	void *frames[FRAMES];

	for (unsigned long i = 0; i < n; i++)
		BENCH_USE(backtrace(frames, FRAMES));
}

/* ------------------------------------------------------------------ the stacks */

static void (*at_the_bottom)(void);
static volatile int sink;

/* Ten frames of C; the innermost keeps its registers in `context`. */
__attribute__((noinline, noclone)) static void descend(int n)
{
	if (n > 0) {
		descend(n - 1);
	} else {
		getcontext(&context);
		at_the_bottom();
	}
	sink++;
}

static int failed;

static void measure_c(void)
{
	static const struct bench_row rows[] = {
		{ .name = "frame pointers", .repeat = ours, .arg = (void *)UNWIND_FP },
		{ .name = "ours", .repeat = ours, .arg = (void *)UNWIND_CFI,
		  .floor = "frame pointers" },
		{ .name = "glibc backtrace()", .repeat = call_glibc_backtrace,
		  .floor = "frame pointers" },
		{ .name = "unw_backtrace", .repeat = call_unw_backtrace,
		  .floor = "frame pointers" },
		{ .name = "libunwind, step by step", .repeat = step_libunwind,
		  .floor = "frame pointers" },
	};

	ours(1, (void *)UNWIND_CFI);
	bench_figure("unwind: C", "frames", result.depth, "");
	failed |= bench_run("unwind: C", rows, libunwind.step ? 5 : 3);
}

static void measure_go(void)
{
	static const struct bench_row rows[] = {
		{ .name = "ours", .repeat = ours, .arg = (void *)UNWIND_CFI },
	};
	__u64 fs_base;

	__asm__("movq %%fs:0, %0" : "=r"(fs_base));
	goid_read(&layout, 1, fs_base, (__u64)context.uc_mcontext.gregs[REG_RIP],
		  (__u64)context.uc_mcontext.gregs[REG_RSP], &who);
	has_go = true;
	ours(1, (void *)UNWIND_CFI);
	if (result.end != GOIDSHIM_STACK_GOEXIT || result.gap) {
		printf("unwind: the stack ends with %u, gap %u\n", result.end, result.gap);
		failed = 1;
	}
	bench_figure("unwind: 10 C + 10 Go", "frames", result.depth, "");
	failed |= bench_run("unwind: 10 C + 10 Go", rows, 1);
	has_go = false;
}

static void bottom_of_go(void)
{
	descend(9);
}

/* ------------------------------------------------------------------- Go, if any */

static int find_go(struct dl_phdr_info *info, size_t size, void *unused)
{
	struct golayout_report report;
	struct gobinary binary;
	struct goimage image;

	if (goimage_from_phdr(info, &image) < 0 || gobinary_find(&image, &binary) < 0 ||
	    golayout_resolve(&binary, &layout, &report) < 0)
		return 0;
	unwind_prepare_go(&binary, &go);
	return 1;
}

static void (*load_go(void))(void (*)(void))
{
	const char *command = getenv("GO") && *getenv("GO") ? getenv("GO") : "go";
	char folder[] = "/tmp/goidshim-bench.XXXXXX", text[4096], path[256];
	void *library;

	if (mkdtemp(folder) == NULL)
		return NULL;
	snprintf(path, sizeof(path), "%s/depth.so", folder);
	snprintf(text, sizeof(text),
		 "cd '%s/tests/fixtures/depth' && GO111MODULE=off GOFLAGS= "
		 "'%s' build -buildmode=c-shared -o '%s' . 2>/dev/null",
		 SRCDIR, command, path);
	library = system(text) == 0 ? dlopen(path, RTLD_NOW) : NULL;
	snprintf(text, sizeof(text), "rm -rf '%s'", folder);
	if (system(text) != 0 || library == NULL || dl_iterate_phdr(find_go, NULL) == 0)
		return NULL;
	return (void (*)(void (*)(void)))dlsym(library, "depthRun");
}

/* ----------------------------------------------------------------------- tables */

/* By this thread's own clock: the machine may have other work. */
static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void measure_tables(void)
{
	double size = 0, rows = 0;
	double start = cpu_ms();

	modules_refresh(true);
	bench_figure("unwind: tables", "CPU time to make", cpu_ms() - start, "ms");
	for (unsigned i = 0; i < modules_count(); i++) {
		const struct cfi_table *table = modules_at(i)->cfi;

		size += table ? (double)table->size : 0;
		rows += table ? table->rows : 0;
	}
	bench_figure("unwind: tables", "modules", modules_count(), "");
	bench_figure("unwind: tables", "rows", rows, "");
	bench_figure("unwind: tables", "size", size / 1048576, "MiB");
}

/* Libraries that a large program might have, 30 MB of code and more in all. */
static void load_libraries(void)
{
	static const char *const names[] = {
		"libz3.so.4", "libcrypto.so.3", "libsqlite3.so.0", "libstdc++.so.6",
		"libpython3.11.so.1.0", "libxml2.so.2", "libzstd.so.1", "libgnutls.so.30",
		"libglib-2.0.so.0", "libgio-2.0.so.0", "libX11.so.6", "libcurl.so.4",
		"libssl.so.3", "libicuuc.so.72", "libm.so.6",
	};

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		dlopen(names[i], RTLD_LAZY);
}

static void open_libunwind(void)
{
	void *library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);

	if (library == NULL)
		return;
	*(void **)&libunwind.init_local = dlsym(library, "_ULx86_64_init_local");
	*(void **)&libunwind.get_reg = dlsym(library, "_ULx86_64_get_reg");
	*(void **)&libunwind.step = dlsym(library, "_ULx86_64_step");
	*(void **)&libunwind.backtrace = dlsym(library, "unw_backtrace");
}

int main(void)
{
	void (*run_go)(void (*)(void));

	faults_catch();
	open_libunwind();
	load_libraries();
	measure_tables();
	at_the_bottom = measure_c;
	descend(14);
	run_go = bench_is_quick() ? NULL : load_go();
	if (run_go != NULL) {
		modules_refresh(true);
		at_the_bottom = measure_go;
		run_go(bottom_of_go);
	} else {
		printf("unwind: 10 C + 10 Go: SKIP, needs Go\n");
	}
	return failed;
}

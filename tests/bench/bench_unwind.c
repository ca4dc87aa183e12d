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
#include "shim/unwind/ehframe.sig.h"
#include "shim/unwind/modules.h"
#include "shim/unwind/unwind.h"
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

/* Functions that have call-frame information, as the search table says. */
static __u32 functions_of(const struct module *m)
{
	__u64 eh_frame, table;
	__u32 count = 0;

	return m->section.hdr && ehframe_header(&m->section, &eh_frame, &table, &count) ? count : 0;
}

static void report_tables(double ms)
{
	double code = 0, size = 0, functions = 0, compiled = 0;

	for (unsigned i = 0; i < modules_count(); i++) {
		const struct module *m = modules_at(i);

		for (unsigned s = 0; s < m->segments; s++)
			code += (double)(m->segment[s].end - m->segment[s].start);
		functions += functions_of(m);
		compiled += m->cfi ? functions_of(m) : 0;
		size += m->cfi ? (double)m->cfi->size : 0;
	}
	bench_figure("unwind: tables", "code", code / 1e6, "MB");
	bench_figure("unwind: tables", "modules", modules_count(), "");
	bench_figure("unwind: tables", "functions", functions, "");
	bench_figure("unwind: tables", "functions compiled ahead", compiled, "");
	bench_figure("unwind: tables", "CPU time to make", ms, "ms");
	bench_figure("unwind: tables", "size", size / 1048576, "MiB");
}

/* Places in one module, for their rules to be looked up in turns. */
struct places {
	const struct module *module;
	struct modules_segment segment;
	unsigned long count;	/* of pcs; more than the memory for rules has places, or few */
};

static void find_rules(unsigned long n, void *arg)
{
	const struct places *p = arg;
	const __u64 size = p->segment.end - p->segment.start;
	struct cfi_rule rule;

	for (unsigned long i = 0; i < n; i++) {
		modules_find_rule(&p->segment,
				  p->segment.start + i % p->count * 0x9e3779b97f4a7c15ull % size,
				  &rule);
		BENCH_USE(rule.kind);
	}
}

/* The module with most functions of those that are, or are not, compiled. */
static struct places places_in(bool compiled, unsigned long count)
{
	struct places p = { .count = count };

	for (unsigned i = 0; i < modules_count(); i++) {
		const struct module *m = modules_at(i);

		if ((m->cfi != NULL) == compiled &&
		    (p.module == NULL || functions_of(m) > functions_of(p.module)))
			p.module = m;
	}
	if (p.module != NULL)
		p.segment = (struct modules_segment){ .start = p.module->segment[0].start,
						      .end = p.module->segment[0].end,
						      .module = p.module };
	return p;
}

static int measure_rules(void)
{
	struct places table = places_in(true, 1 << 20);
	struct places anew = places_in(false, 1 << 20), again = places_in(false, 64);
	const struct bench_row rows[] = {
		{ .name = "a rule from a table", .repeat = find_rules, .arg = &table },
		{ .name = "a rule read in place", .repeat = find_rules, .arg = &anew,
		  .floor = "a rule from a table" },
		{ .name = "a rule read in place before", .repeat = find_rules, .arg = &again,
		  .floor = "a rule from a table" },
	};

	if (table.module == NULL || anew.module == NULL || functions_of(anew.module) == 0)
		return 0;
	return bench_run("unwind: tables", rows, BENCH_ROWS(rows));
}

static int count_libraries(struct dl_phdr_info *info, size_t size, void *ret)
{
	*(unsigned *)ret += info->dlpi_name[0] == '/';
	return 0;
}

/*
 * Twenty libraries that a large program might have, 30 MB of code in all; more
 * names than that, for not every machine has each.
 */
static void load_libraries(void)
{
	static const char *const names[] = {
		"libz3.so.4", "libpython3.11.so.1.0", "libcrypto.so.3", "libstdc++.so.6",
		"libgnutls.so.30", "libgio-2.0.so.0", "libsqlite3.so.0", "libxml2.so.2",
		"libicui18n.so.72", "libzstd.so.1", "libisl.so.23", "libdb-5.3.so",
		"libX11.so.6", "libcurl.so.4", "libperl.so.5.36", "libgcrypt.so.20",
	};
	unsigned count = 0;

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names) && count < 20; i++) {
		dlopen(names[i], RTLD_LAZY);
		count = 0;
		dl_iterate_phdr(count_libraries, &count);
	}
}

static int measure_tables(void)
{
	double start;

	load_libraries();
	start = cpu_ms();
	modules_refresh(true);
	report_tables(cpu_ms() - start);
	return measure_rules();
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
	failed |= measure_tables();
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

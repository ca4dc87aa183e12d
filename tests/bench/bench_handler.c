/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a sample costs beside its signal: the handler is called like a function,
 * with a context as the kernel makes it and without a stack to walk, in a thread
 * without a goroutine, and in C that a goroutine called. The signal itself, sent
 * and handled, is there to compare.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "probe/fsbase.sig.h"
#include "probe/goid.sig.h"
#include "shim/sampler.sig.h"
#include "tests/bench/bench.h"
#include "tests/fixtures/fakeg.h"
#include "tests/ring-memory.h"

#define COOKIE 4711
#define GOID 7

static siginfo_t info;
static ucontext_t context;

/* In a program with so many Go runtimes: 0, or the one whose goroutine this is. */
static void take_samples(unsigned long n, void *objects)
{
	sampler.object_count = (__u32)(uintptr_t)objects;
	for (unsigned long i = 0; i < n; i++)
		sampler_on_signal(SIGRTMIN, (struct siginfo *)&info, &context);
}

static void do_nothing(int sig)
{
}

static void raise_signals(unsigned long n, void *arg)
{
	pid_t pid = getpid(), tid = (pid_t)syscall(SYS_gettid);

	for (unsigned long i = 0; i < n; i++)
		syscall(SYS_tgkill, pid, tid, SIGUSR1);
}

static void read_clock(unsigned long n, void *arg)
{
	for (unsigned long i = 0; i < n; i++)
		BENCH_USE(sampler_now());
}

/* The clock that the shim uses: the vdso's, where there is one. */
static void find_clock(void)
{
	void *vdso = dlopen("linux-vdso.so.1", RTLD_NOW | RTLD_NOLOAD);

	if (vdso)
		sampler.clock_gettime = (int (*)(int, struct __kernel_timespec *))dlsym(
			vdso, "__vdso_clock_gettime");
}

/* False: it is not found, and figures would be about something else. */
static bool make_goroutine(void)
{
	struct goid_reading who;

	fakeg_make(GOID, sampler.ring.header);
	sampler.layouts[0] = sampler.ring.header->objects[0].layout;
	goid_read(sampler.layouts, 1, fakeg_live_fs_base(), 0, (__u64)&who, &who);
	return who.class_ == GOIDSHIM_CLASS_C && who.goid == GOID;
}

int main(void)
{
	const bool has_rdfsbase = getauxval(AT_HWCAP2) & FSBASE_HWCAP2;
	static const struct geometry geometry = { 64, 1024, 8192, GOIDSHIM_RING_OVERWRITE };
	static const struct bench_row rows[] = {
		{ .name = "a signal, sent and handled", .repeat = raise_signals },
		{ .name = "the clock", .repeat = read_clock },
		{ .name = "our own work for a sample", .repeat = take_samples,
		  .floor = "the clock" },
		{ .name = "the same with a goroutine", .repeat = take_samples, .arg = (void *)1,
		  .floor = "the clock" },
	};

	find_clock();
	signal(SIGUSR1, do_nothing);
	fsbase_permit(getauxval(AT_HWCAP2));
	if (!ring_memory_make(&geometry, -1, &sampler.ring))
		return 99;
	sampler.fsbase_method = has_rdfsbase ? GOIDSHIM_FSBASE_RDFSBASE :
					       GOIDSHIM_FSBASE_ARCH_PRCTL;
	sampler.signal = (__u32)SIGRTMIN;
	sampler.trigger = GOIDSHIM_TRIGGER_TIMER;
	sampler.cookie = COOKIE;
	info.si_signo = SIGRTMIN;
	info.si_code = SI_TIMER;
	info.si_value.sival_ptr = (void *)COOKIE;
	getcontext(&context);
	memset(&context.uc_sigmask, 0, sizeof(context.uc_sigmask));
	if (has_rdfsbase && !make_goroutine())
		return 1;
	/* Without it there is no goroutine for the last row. */
	return bench_run("handler", rows, BENCH_ROWS(rows) - !has_rdfsbase);
}

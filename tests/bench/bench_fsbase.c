/* SPDX-License-Identifier: BSD-2-Clause */
/* FS base by each method, beside what the method cannot do without. */
#include <asm/prctl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/auxv.h>

#include "probe/fsbase.h"
#include "probe/sys.sig.h"
#include "tests/bench/bench.h"
#include "tests/bench/faults.h"

static void bare_rdfsbase(unsigned long n, void *arg)
{
	for (unsigned long i = 0; i < n; i++) {
		__u64 base;

		__asm__ volatile("rdfsbase %0" : "=r"(base));
		BENCH_USE(base);
	}
}

static void bare_arch_prctl(unsigned long n, void *arg)
{
	for (unsigned long i = 0; i < n; i++) {
		__u64 base;

		sys_call2(__NR_arch_prctl, ARCH_GET_FS, (long)&base);
	}
}

static void read_by(unsigned long n, void *method)
{
	for (unsigned long i = 0; i < n; i++) {
		__u64 base = 0;

		fsbase_read((uintptr_t)method, &base);
		BENCH_USE(base);
	}
}

static void read_guarded_by(unsigned long n, void *method)
{
	for (unsigned long i = 0; i < n; i++) {
		__u64 base = 0;

		fsbase_read_guarded((uintptr_t)method, &base);
		BENCH_USE(base);
	}
}

static const struct bench_row rows[] = {
	{ .name = "bare arch_prctl(ARCH_GET_FS)", .repeat = bare_arch_prctl },
	{ .name = "fsbase_read(ARCH_PRCTL)", .repeat = read_by,
	  .arg = (void *)GOIDSHIM_FSBASE_ARCH_PRCTL, .floor = "bare arch_prctl(ARCH_GET_FS)" },
	{ .name = "bare fault and return", .repeat = faults_bare },
	{ .name = "fsbase_read(FAULT)", .repeat = read_by,
	  .arg = (void *)GOIDSHIM_FSBASE_FAULT, .floor = "bare fault and return" },
	{ .name = "fsbase_read_guarded(FAULT)", .repeat = read_guarded_by,
	  .arg = (void *)GOIDSHIM_FSBASE_FAULT, .floor = "bare fault and return" },
};

static const struct bench_row instruction_rows[] = {
	{ .name = "bare rdfsbase", .repeat = bare_rdfsbase },
	{ .name = "fsbase_read(RDFSBASE)", .repeat = read_by,
	  .arg = (void *)GOIDSHIM_FSBASE_RDFSBASE, .floor = "bare rdfsbase" },
};

int main(void)
{
	unsigned long hwcap2 = getauxval(AT_HWCAP2);

	faults_catch();
	fsbase_permit(hwcap2);
	if (!(hwcap2 & FSBASE_HWCAP2))
		puts("fsbase     rdfsbase: not measured, AT_HWCAP2 forbids it");
	else if (bench_run("fsbase", instruction_rows, BENCH_ROWS(instruction_rows)))
		return 1;
	return bench_run("fsbase", rows, BENCH_ROWS(rows));
}

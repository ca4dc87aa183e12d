/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From FS base to goid, in C that a goroutine called, beside the bare loads that
 * depend on each other: g, m, curg, goid. Each reading begins where the last one
 * ended, so what is measured is how long one takes, not how many overlap.
 */
#include <stdio.h>
#include <sys/auxv.h>

#include "probe/fsbase.sig.h"
#include "probe/goid.sig.h"
#include "tests/bench/bench.h"
#include "tests/fixtures/fakeg.h"

#define GOID 7

static struct goidshim_header header;

static __u64 load(__u64 addr)
{
	return *(volatile __u64 *)addr;
}

/* 0, but not before the goid is there. */
static __u64 nothing_but_after(__u64 goid)
{
	__asm__ volatile("" : "+r"(goid));
	return goid - GOID;
}

static void bare_chain(unsigned long n, void *arg)
{
	const struct goidshim_golayout *l = &header.objects[0].layout;
	__u64 fs_base = fakeg_live_fs_base();

	for (unsigned long i = 0; i < n; i++) {
		__u64 g = load(fs_base + (__u64)l->tls_offset);
		__u64 curg = load(load(g + l->g_m) + l->m_curg);

		fs_base += nothing_but_after(load(curg + l->g_goid));
	}
	BENCH_USE(fs_base);
}

static void read_goid(unsigned long n, void *arg)
{
	__u64 fs_base = fakeg_live_fs_base();
	struct goid_reading r;

	for (unsigned long i = 0; i < n; i++) {
		goid_read(&header.objects[0].layout, 1, fs_base, 0, (__u64)&r, &r);
		fs_base += nothing_but_after(r.goid);
	}
	BENCH_USE(fs_base);
}

static const struct bench_row rows[] = {
	{ .name = "bare loads: g, m, curg, goid", .repeat = bare_chain },
	{ .name = "goid_read", .repeat = read_goid, .floor = "bare loads: g, m, curg, goid" },
};

int main(void)
{
	struct goid_reading r;

	if (!(getauxval(AT_HWCAP2) & FSBASE_HWCAP2)) {
		puts("goid       not measured, AT_HWCAP2 forbids rdfsbase");
		return 77;
	}
	fakeg_make(GOID, &header);
	goid_read(&header.objects[0].layout, 1, fakeg_live_fs_base(), 0, (__u64)&r, &r);
	if (r.class_ != GOIDSHIM_CLASS_C || r.goid != GOID) {
		fprintf(stderr, "goid: the goroutine was not found\n");
		return 1;
	}
	return bench_run("goid", rows, BENCH_ROWS(rows));
}

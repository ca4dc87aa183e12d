/* SPDX-License-Identifier: BSD-2-Clause */
/* Access relative to FS base, beside the bare instruction. */
#include "probe/segment.sig.h"
#include "tests/bench/bench.h"

static __thread __u64 own_word;

static void bare_load(unsigned long n, void *arg)
{
	for (unsigned long i = 0; i < n; i++) {
		__u64 value;

		__asm__ volatile("movq %%fs:0, %0" : "=r"(value));
		BENCH_USE(value);
	}
}

static void load_0(unsigned long n, void *arg)
{
	for (unsigned long i = 0; i < n; i++)
		BENCH_USE(segment_fs_load_u64(0));
}

/* The offset of a word of this thread, known only at run time. */
static __s64 own_offset(void)
{
	return (__s64)((__u64)&own_word - segment_fs_load_u64(0));
}

static void load_own(unsigned long n, void *arg)
{
	__s64 offset = own_offset();

	for (unsigned long i = 0; i < n; i++)
		BENCH_USE(segment_fs_load_u64(offset));
}

static void store_own(unsigned long n, void *arg)
{
	__s64 offset = own_offset();

	for (unsigned long i = 0; i < n; i++)
		segment_fs_store_u64(offset, i);
}

static const struct bench_row rows[] = {
	{ .name = "bare mov %fs:0", .repeat = bare_load },
	{ .name = "segment_fs_load_u64(0)", .repeat = load_0, .floor = "bare mov %fs:0" },
	{ .name = "segment_fs_load_u64(offset)", .repeat = load_own, .floor = "bare mov %fs:0" },
	{ .name = "segment_fs_store_u64(offset)", .repeat = store_own, .floor = "bare mov %fs:0" },
};

int main(void)
{
	return bench_run("segment", rows, BENCH_ROWS(rows));
}

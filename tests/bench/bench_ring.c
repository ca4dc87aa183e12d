/* SPDX-License-Identifier: BSD-2-Clause */
/* What a record of 128 bytes costs, alone and side by side; the floor is copying it. */
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "tests/bench/bench.h"
#include "tests/ring-memory.h"

static struct ring ring;

/* Into private memory, as much of it as a lane's share of the ring. */
static void copy_only(unsigned long n, void *arg)
{
	static __thread unsigned char to[64 << 10];
	struct payload p = { .record = { .size = sizeof(p) } };

	for (unsigned long i = 0; i < n; i++) {
		p.number = i;
		memcpy(to + i % 512 * sizeof(p), &p, sizeof(p));
		BENCH_USE(to);
	}
}

static void record(unsigned long n, void *arg)
{
	__u32 lane = ring_lane_claim(&ring, GOIDSHIM_LANE_SAMPLES, (__u32)syscall(SYS_gettid));
	struct payload p = { .record = { .size = sizeof(p) } };

	for (unsigned long i = 0; i < n; i++) {
		void *at = ring_reserve(&ring, lane, sizeof(p));

		if (!at)
			abort();
		p.number = i;
		memcpy(at, &p, sizeof(p));
		ring_commit(&ring, lane, sizeof(p));
	}
	ring_lane_release(&ring, lane);
}

int main(void)
{
	static const struct geometry geometry = { 64, 256, 8192, GOIDSHIM_RING_OVERWRITE };
	static const struct bench_row rows[] = {
		{ .name = "copy, 1 thread", .repeat = copy_only },
		{ .name = "record, 1 thread", .repeat = record, .floor = "copy, 1 thread" },
		{ .name = "copy, 2 threads", .repeat = copy_only, .threads = 2 },
		{ .name = "record, 2 threads", .repeat = record, .floor = "copy, 2 threads",
		  .threads = 2 },
		{ .name = "copy, 8 threads", .repeat = copy_only, .threads = 8 },
		{ .name = "record, 8 threads", .repeat = record, .floor = "copy, 8 threads",
		  .threads = 8 },
	};

	if (!ring_memory_make(&geometry, -1, &ring))
		return 99;
	return bench_run("ring", rows, BENCH_ROWS(rows));
}

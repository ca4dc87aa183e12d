/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/rate.sig.h"

#include <stdbool.h>
#include <linux/resource.h>
#include <linux/time.h>

#include "probe/sys.sig.h"

#define CHECKPOINT_EVERY 64u

#define count(field, n) __atomic_store_n(&(field), (field) + (n), __ATOMIC_RELAXED)

static __u64 user_ns(void)
{
	struct rusage u;

	sys_call2(__NR_getrusage, RUSAGE_THREAD, (long)&u);
	return (__u64)u.ru_utime.tv_sec * 1000000000u + (__u64)u.ru_utime.tv_usec * 1000u;
}

static __u64 cpu_ns(void)
{
	struct timespec t;

	sys_call2(__NR_clock_gettime, CLOCK_THREAD_CPUTIME_ID, (long)&t);
	return (__u64)t.tv_sec * 1000000000u + (__u64)t.tv_nsec;
}

/* Samples 1, 2, 4, ... 64: short threads count too. Then every 64th. */
static bool is_checkpoint(__u64 n)
{
	return n <= CHECKPOINT_EVERY ? (n & (n - 1)) == 0 : n % CHECKPOINT_EVERY == 0;
}

void rate_count_sample(struct goidshim_lane *lane, __u32 periods, __u32 user_only)
{
	__u64 now;

	count(lane->samples, 1);
	count(lane->periods, periods);
	count(lane->owner_samples, 1);
	count(lane->checkpoint_periods, periods);
	if (!is_checkpoint(lane->owner_samples))
		return;
	now = user_only ? user_ns() : cpu_ns();
	if (lane->owner_samples > 1) {
		count(lane->rate_cpu_ns, now - lane->checkpoint_cpu_ns);
		count(lane->rate_periods, lane->checkpoint_periods);
	}
	lane->checkpoint_cpu_ns = now;
	lane->checkpoint_periods = 0;
}

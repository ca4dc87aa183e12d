/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weigher: how many periods of CPU time a sample stands for. Ordinary code.
 *
 * The kernel's sampler ticks by the wall, on each CPU. Where a host takes CPUs
 * away, ticks are lost or find a thread that was not running, by turns, and a count
 * of ticks is some per cent off. The scheduler knows what each thread has used, so
 * weights are drawn towards that.
 */
#ifndef TOOLS_WEIGHER_H
#define TOOLS_WEIGHER_H

#include <linux/types.h>

#define WEIGHER_SLOTS 4096u

struct weigher_thread {
	__u32 tid;
	__u64 start_ns;
	__u64 cpu_ns;		/* at its last sample */
	__s64 owed_ns;		/* used since its first sample and not in any weight yet */
	__s64 due_ns;		/* what rounding to whole periods has kept back */
};

/* Set period_ns; the rest is 0 at first. Two threads in one slot weigh 1 each time. */
struct weigher {
	__u64 period_ns;
	struct weigher_thread threads[WEIGHER_SLOTS];
};

/*
 * weigher_weigh - the weight of the next sample of thread `tid`
 *
 * `start_ns` tells the thread from others that had its tid, `cpu_ns` is what it has
 * used in all. Returns periods: 1 for a thread's first sample; 0 for one that
 * stands for nothing that was not counted before.
 */
__u32 weigher_weigh(struct weigher *weigher, __u32 tid, __u64 start_ns, __u64 cpu_ns);

#endif

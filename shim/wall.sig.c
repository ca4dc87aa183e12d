/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/wall.sig.h"

#include <linux/time_types.h>

#include "probe/sys.sig.h"
#include "shim/random.sig.h"

#define NS_PER_S 1000000000u

struct wall wall;

void wall_count_thread(void)
{
	__atomic_fetch_add(&wall.awake, 1, __ATOMIC_RELAXED);
}

static bool is_idle(const struct wall_thread *t)
{
	return t->unserved >= WALL_IDLE_AFTER;
}

void wall_forget_thread(struct wall_thread *thread)
{
	thread->gone = true;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (!is_idle(thread))
		__atomic_fetch_sub(&wall.awake, 1, __ATOMIC_RELAXED);
}

/* Counts the look; a thread that falls idle or comes back is told of. */
static void note(struct wall_thread *t, bool serves)
{
	bool was_idle = is_idle(t);

	if (t->gone)
		return;
	if (serves)
		t->unserved = 0;
	else if (!was_idle)
		t->unserved++;
	if (is_idle(t) != was_idle)
		__atomic_fetch_add(&wall.awake, was_idle ? 1u : ~0u, __ATOMIC_RELAXED);
}

/* Of how many periods is one looked in? */
static __u32 spacing(const struct wall_thread *t)
{
	__u32 awake = __atomic_load_n(&wall.awake, __ATOMIC_RELAXED);
	__u32 crowd = awake > WALL_CROWD ? (awake + WALL_CROWD - 1) / WALL_CROWD : 1;

	return is_idle(t) ? crowd * WALL_IDLE_FACTOR : crowd;
}

__u32 wall_next(struct wall_thread *thread, bool serves, __u32 *ret_weight)
{
	__u32 next = 1;

	*ret_weight = thread->weight ? thread->weight : 1;
	note(thread, serves);
	thread->weight = spacing(thread);
	if (thread->weight == 1)
		return 1;
	if (!thread->random)
		thread->random = random_mix(wall.cookie + (__u64)thread) | 1;
	while ((random_next(&thread->random) >> 32) % thread->weight)
		next++;
	return next;
}

void wall_reset_timer(int timer, __u32 next)
{
	__u64 first = wall.period_ns * next;
	struct __kernel_itimerspec spec = {
		.it_interval = { .tv_sec = (long long)(wall.period_ns / NS_PER_S),
				 .tv_nsec = (long long)(wall.period_ns % NS_PER_S) },
		.it_value = { .tv_sec = (long long)(first / NS_PER_S),
			      .tv_nsec = (long long)(first % NS_PER_S) },
	};

	sys_call4(__NR_timer_settime, timer, 0, (long)&spec, 0);
}

#define count(field, n) __atomic_store_n(&(field), (field) + (n), __ATOMIC_RELAXED)

void wall_count_periods(struct goidshim_lane *lane, __u32 periods, bool serves)
{
	if (!serves) {
		count(lane->wall_idle_periods, periods);
		return;
	}
	count(lane->wall_samples, 1);
	count(lane->wall_periods, periods);
}

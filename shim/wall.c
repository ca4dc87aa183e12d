/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/wall.h"

#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "shim/random.sig.h"
#include "shim/threadtimer.h"
#include "shim/wall.sig.h"

/* This thread's timer + 1; 0: none, or not known. */
static __thread int armed;

int wall_signal(void)
{
	return SIGRTMIN;
}

/* Threads that begin together are not looked at together: each has its own phase. */
static int arm(pid_t tid)
{
	const struct threadtimer timer = {
		.clock = CLOCK_MONOTONIC,
		.sig = wall_signal(),
		.cookie = wall.cookie,
		.first_ns = 1 + random_mix(wall.cookie + (__u64)tid) % wall.period_ns,
		.period_ns = wall.period_ns,
	};
	int id = threadtimer_start(tid, &timer);

	if (id < 0)
		return id;
	wall_count_thread();
	if (tid == (pid_t)syscall(SYS_gettid))
		armed = id + 1;
	return 0;
}

unsigned wall_start(__u32 rate_hz, __u64 cookie)
{
	wall.period_ns = 1000000000u / rate_hz;
	wall.signal = (__u32)wall_signal();
	__atomic_store_n(&wall.cookie, cookie, __ATOMIC_RELEASE);
	return threadtimer_each(arm);
}

int wall_arm_thread(void)
{
	if (!__atomic_load_n(&wall.cookie, __ATOMIC_ACQUIRE))
		return 0;
	return arm((pid_t)syscall(SYS_gettid));
}

void wall_disarm_thread(void)
{
	if (armed)
		threadtimer_delete(armed - 1);
	armed = 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sigwait() and its relatives, interposed: a program that blocks the trigger's
 * signal and waits for one of its own must not be handed ours.
 */
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <time.h>

#include "shim/block.h"
#include "shim/init.h"
#include "shim/interpose.h"
#include "shim/ring.sig.h"
#include "shim/sampler.sig.h"

#define NS_PER_S 1000000000l

typedef int sigtimedwait_fn(const sigset_t *, siginfo_t *, const struct timespec *);

static sigtimedwait_fn *next_sigtimedwait(void)
{
	static sigtimedwait_fn *next;

	if (!next)
		next = (sigtimedwait_fn *)dlsym(RTLD_NEXT, "sigtimedwait");
	return next;
}

static bool is_ours(const siginfo_t *info)
{
	return init_is_recording() && sampler_owns((const struct siginfo *)info);
}

/* What is left of a timeout that began at `start`; never negative. */
static struct timespec left_of(const struct timespec *timeout, const struct timespec *start)
{
	struct timespec now, left;
	long ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = timeout->tv_nsec + start->tv_nsec - now.tv_nsec;
	left.tv_sec = timeout->tv_sec + start->tv_sec - now.tv_sec;
	for (; ns < 0; ns += NS_PER_S)
		left.tv_sec--;
	for (; ns >= NS_PER_S; ns -= NS_PER_S)
		left.tv_sec++;
	left.tv_nsec = ns;
	return left.tv_sec < 0 ? (struct timespec){ 0 } : left;
}

static int wait_for(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
	struct timespec start, left;
	siginfo_t got;
	int sig;

	if (timeout) {
		clock_gettime(CLOCK_MONOTONIC, &start);
		left = *timeout;
	}
	for (;;) {
		sig = next_sigtimedwait()(set, &got, timeout ? &left : NULL);
		if (sig < 0)
			return sig;
		if (!is_ours(&got))
			break;
		ring_lose_without_lane(&sampler.ring, GOIDSHIM_LOST_NESTED);
		if (timeout)
			left = left_of(timeout, &start);
	}
	if (info)
		*info = got;
	return sig;
}

EXPORT int sigtimedwait(const sigset_t *restrict set, siginfo_t *restrict info,
			const struct timespec *restrict timeout)
{
	struct block call;
	int sig;

	block_enter(&call, SYS_rt_sigtimedwait, (__u64)set, __builtin_frame_address(0));
	sig = wait_for(set, info, timeout);
	block_leave(&call);
	return sig;
}

EXPORT int sigwaitinfo(const sigset_t *restrict set, siginfo_t *restrict info)
{
	struct block call;
	int sig;

	block_enter(&call, SYS_rt_sigtimedwait, (__u64)set, __builtin_frame_address(0));
	sig = wait_for(set, info, NULL);
	block_leave(&call);
	return sig;
}

EXPORT int sigwait(const sigset_t *restrict set, int *restrict ret)
{
	int saved = errno, sig, err;
	struct block call;

	block_enter(&call, SYS_rt_sigtimedwait, (__u64)set, __builtin_frame_address(0));
	do
		sig = wait_for(set, NULL, NULL);
	while (sig < 0 && errno == EINTR);
	block_leave(&call);
	err = sig < 0 ? errno : 0;
	errno = saved;
	if (!err)
		*ret = sig;
	return err;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/threadtimer.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NS_PER_S 1000000000u

static struct timespec timespec_of(__u64 ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / NS_PER_S),
				  .tv_nsec = (long)(ns % NS_PER_S) };
}

int threadtimer_start(pid_t tid, const struct threadtimer *timer)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = timer->sig,
		.sigev_value.sival_ptr = (void *)timer->cookie,
		._sigev_un._tid = tid,
	};
	struct itimerspec spec = { .it_interval = timespec_of(timer->period_ns),
				   .it_value = timespec_of(timer->first_ns) };
	int id;

	if (syscall(SYS_timer_create, timer->clock, &event, &id))
		return -errno;
	if (syscall(SYS_timer_settime, id, 0, &spec, NULL)) {
		int err = -errno;

		threadtimer_delete(id);
		return err;
	}
	return id;
}

void threadtimer_delete(int timer)
{
	syscall(SYS_timer_delete, timer);
}

unsigned threadtimer_each(int (*arm)(pid_t tid))
{
	DIR *tasks = opendir("/proc/self/task");
	unsigned failed = 0;

	if (!tasks)
		return arm((pid_t)syscall(SYS_gettid)) < 0;
	for (struct dirent *d; (d = readdir(tasks));)
		if (d->d_name[0] != '.' && arm(atoi(d->d_name)) < 0)
			failed++;
	closedir(tasks);
	return failed;
}

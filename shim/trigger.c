/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/trigger.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "shim/sampler.sig.h"
#include "shim/threadtimer.h"

#define NS_PER_S 1000000000u
/* The first real-time signal: the only one that Go leaves alone. */
#define TIMER_SIGNAL SIGRTMIN

static struct {
	__u32 kind;
	__u32 user_only;
	__u64 period_ns;
	__u64 cookie;
} running;

/* The events that later threads inherit: one, or one for each thread there was at start. */
#define MAX_INHERITED 64
static struct {
	int fds[MAX_INHERITED];
	unsigned count;
} inherited;

/* What this thread was armed with. */
static __thread struct {
	int fd;		/* + 1; 0: none */
	int timer;	/* + 1; 0: none */
} armed;

static pid_t self_tid(void)
{
	return (pid_t)syscall(SYS_gettid);
}

static struct perf_event_attr perf_attr(bool sigtrap)
{
	return (struct perf_event_attr){
		.size = sizeof(struct perf_event_attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_TASK_CLOCK,
		.sample_period = running.period_ns,
		.exclude_kernel = running.user_only,
		.exclude_hv = 1,
		.sigtrap = sigtrap,
		.inherit = sigtrap,
		.inherit_thread = sigtrap,
		.remove_on_exec = sigtrap,
		.sig_data = sigtrap ? running.cookie : 0,
		.wakeup_events = sigtrap ? 0 : 1,
		.disabled = !sigtrap,
	};
}

/* Low descriptors are the program's: ours goes where it will not be met. */
static int move_up(int fd)
{
	struct rlimit limit;
	int up;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur < 64)
		return fd;
	up = limit.rlim_cur > 1 << 20 ? 1 << 19 : (int)limit.rlim_cur / 2;
	up = fcntl(fd, F_DUPFD_CLOEXEC, up);
	if (up < 0)
		return fd;
	close(fd);
	return up;
}

static int perf_open(struct perf_event_attr *attr, pid_t tid)
{
	long fd = syscall(SYS_perf_event_open, attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : move_up((int)fd);
}

/* The descriptor is the event: it stays open for the life of the process. */
static int arm_sigtrap(pid_t tid)
{
	struct perf_event_attr attr = perf_attr(true);
	int fd = perf_open(&attr, tid);

	if (fd < 0)
		return fd;
	if (inherited.count < MAX_INHERITED)
		inherited.fds[inherited.count++] = fd;
	return 0;
}

static int arm_perf(pid_t tid)
{
	struct perf_event_attr attr = perf_attr(false);
	struct f_owner_ex owner = { .type = F_OWNER_TID, .pid = tid };
	int fd = perf_open(&attr, tid);

	if (fd < 0)
		return fd;
	if (fcntl(fd, F_SETFL, O_ASYNC) || fcntl(fd, F_SETSIG, TIMER_SIGNAL) ||
	    fcntl(fd, F_SETOWN_EX, &owner) || ioctl(fd, PERF_EVENT_IOC_ENABLE, 0)) {
		int err = -errno;

		close(fd);
		return err;
	}
	if (tid == self_tid()) {
		armed.fd = fd + 1;
		sampler_set_event(fd);
	}
	return 0;
}

/* The kernel's encoding of a thread's CPU-time clock (not in any header). */
static clockid_t thread_cpu_clock(pid_t tid)
{
	return (clockid_t)(~(unsigned)tid << 3 | 6);
}

static int arm_timer(pid_t tid)
{
	const struct threadtimer timer = {
		.clock = thread_cpu_clock(tid),
		.sig = TIMER_SIGNAL,
		.cookie = running.cookie,
		.first_ns = running.period_ns,
		.period_ns = running.period_ns,
	};
	int id = threadtimer_start(tid, &timer);

	if (id < 0)
		return id;
	if (tid == self_tid())
		armed.timer = id + 1;
	return 0;
}

static int arm(pid_t tid)
{
	switch (running.kind) {
	case GOIDSHIM_TRIGGER_SIGTRAP:
		return arm_sigtrap(tid);
	case GOIDSHIM_TRIGGER_PERF:
		return arm_perf(tid);
	}
	return arm_timer(tid);
}

/* Can an event like this be opened? Disabled, so that it raises nothing. */
static int try_perf(bool sigtrap)
{
	struct perf_event_attr attr = perf_attr(sigtrap);
	long fd;

	attr.disabled = 1;
	fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return -errno;
	close((int)fd);
	return 0;
}

/* Before 6.0 the kernel forces SIGTRAP on a thread that blocks it, and so kills. */
static int sigtrap_is_safe(void)
{
	struct utsname name;

	return uname(&name) == 0 && atoi(name.release) >= 6 ? 0 : -ENOTSUP;
}

static int try_sigtrap(bool may_exec, const char **ret_note)
{
	int err = sigtrap_is_safe();

	if (err)
		return err;
	running.user_only = may_exec;
	*ret_note = may_exec ? "user time only, for the program can exec itself" : NULL;
	err = try_perf(true);
	if (may_exec || (err != -EACCES && err != -EPERM))
		return err;
	running.user_only = 1;
	*ret_note = "no permission to sample the kernel";
	return try_perf(true);
}

static int try_signal(bool may_exec, const char **ret_note)
{
	running.user_only = 1;
	return try_perf(false);
}

static int try_timer(bool may_exec, const char **ret_note)
{
	running.user_only = 0;
	*ret_note = "at most CONFIG_HZ signals a second, weighted";
	return 0;
}

static const struct candidate {
	__u32 kind;
	const char *name;
	int (*try)(bool may_exec, const char **ret_note);
} candidates[] = {
	{ GOIDSHIM_TRIGGER_SIGTRAP, "sigtrap", try_sigtrap },
	{ GOIDSHIM_TRIGGER_PERF, "perf", try_signal },
	{ GOIDSHIM_TRIGGER_TIMER, "timer", try_timer },
};

static const char *explain(int err)
{
	switch (-err) {
	case EACCES:
	case EPERM:
		return "perf_event_open is refused (perf_event_paranoid or seccomp)";
	case ENOSYS:
		return "the kernel has no perf_event_open";
	case ENOTSUP:
		return "the kernel is older than 6.0";
	}
	return strerror(-err);
}

static void add_note(char note[160], const char *subject, const char *text)
{
	size_t n = strlen(note);

	snprintf(note + n, 160 - n, "%s%s: %s", n ? "; " : "", subject, text);
}

static void accept(const struct candidate *c, const char *note, struct trigger *ret)
{
	ret->kind = running.kind = c->kind;
	ret->user_only = running.user_only;
	ret->sig = c->kind == GOIDSHIM_TRIGGER_SIGTRAP ? SIGTRAP : TIMER_SIGNAL;
	if (note)
		add_note(ret->note, c->name, note);
}

int trigger_choose(__u32 asked, __u32 rate_hz, bool may_exec, struct trigger *ret)
{
	const char *note;
	int err = 0, last = 0;

	*ret = (struct trigger){ 0 };
	running.period_ns = NS_PER_S / rate_hz;
	for (size_t i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++) {
		const struct candidate *c = &candidates[i];

		if (asked && c->kind < asked)
			continue;
		note = NULL;
		err = c->try(may_exec, &note);
		if (!err) {
			accept(c, note, ret);
			return 0;
		}
		if (err != last)
			add_note(ret->note, c->name, explain(err));
		last = err;
	}
	return err ? err : -ENOTSUP;
}

unsigned trigger_start(const struct trigger *trigger, __u64 cookie)
{
	running.cookie = cookie;
	return threadtimer_each(arm);
}

/*
 * Between threads that inherited the same events the kernel does not switch
 * events but swaps them, running timer and all, so that what a thread that
 * mostly sleeps leaves over is charged to the thread that follows it. Opening
 * any event on a thread ends that for good, even if it is closed again.
 */
static int make_events_own(void)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_DUMMY,
		.exclude_kernel = 1,
		.disabled = 1,
	};
	long fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd >= 0)
		close((int)fd);
	return 0;
}

int trigger_arm_thread(void)
{
	if (running.kind == GOIDSHIM_TRIGGER_NONE)
		return 0;
	return running.kind == GOIDSHIM_TRIGGER_SIGTRAP ? make_events_own() : arm(self_tid());
}

static void control_inherited(unsigned long request)
{
	if (running.kind != GOIDSHIM_TRIGGER_SIGTRAP)
		return;
	for (unsigned i = 0; i < inherited.count; i++)
		ioctl(inherited.fds[i], request, 0);
}

void trigger_pause(void)
{
	control_inherited(PERF_EVENT_IOC_DISABLE);
}

void trigger_resume(void)
{
	control_inherited(PERF_EVENT_IOC_ENABLE);
}

void trigger_disarm_thread(void)
{
	if (armed.fd)
		close(armed.fd - 1);
	if (armed.timer)
		threadtimer_delete(armed.timer - 1);
	armed.fd = armed.timer = 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/process/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIBRARY "libgoidshim.so"

static int absolute(const char *path, char *ret, size_t size)
{
	char *real = realpath(path, NULL);
	int r = 0;

	if (!real)
		return -errno;
	if (strlen(real) >= size)
		r = -ENAMETOOLONG;
	else
		strcpy(ret, real);
	free(real);
	return r;
}

/* libtool puts programs in its own .libs folder: the same that holds the library. */
static int beside_program(char *ret, size_t size)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof("/.libs/" LIBRARY));
	char *slash;

	if (n < 0)
		return -errno;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return -ENOENT;
	strcpy(slash, "/" LIBRARY);
	if (access(path, R_OK) < 0)
		strcpy(slash, "/.libs/" LIBRARY);
	return absolute(path, ret, size);
}

int launch_library(const char *chosen, char *ret, size_t size)
{
	if (chosen)
		return absolute(chosen, ret, size);
	if (beside_program(ret, size) == 0)
		return 0;
	return absolute(LIBDIR "/" LIBRARY, ret, size);
}

/* In the child. */
static int preload(const char *library)
{
	const char *old = getenv("LD_PRELOAD");
	char *value;
	int r;

	if (asprintf(&value, "%s%s%s", library, old && *old ? ":" : "", old ? old : "") < 0)
		return -ENOMEM;
	r = setenv("LD_PRELOAD", value, 1) < 0 ? -errno : 0;
	free(value);
	return r;
}

/* The child: wait for the gate, become the command, or say why not. */
static void run(char *const argv[], const char *library, int gate, int report)
{
	sigset_t none;
	char byte;
	int error;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (read(gate, &byte, 1) != 1)
		_exit(125);
	if (!library || preload(library) == 0)
		execvp(argv[0], argv);
	error = errno;
	if (write(report, &error, sizeof(error)) < 0)
		_exit(125);
	_exit(error == ENOENT ? 127 : 126);
}

int launch_start(char *const argv[], const char *library, struct launch *ret)
{
	int gate[2], report[2], r;

	if (pipe2(gate, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(report, O_CLOEXEC) < 0) {
		r = -errno;
		goto out_gate;
	}
	ret->pid = fork();
	if (ret->pid < 0) {
		r = -errno;
		goto out_report;
	}
	if (ret->pid == 0) {
		close(gate[1]);
		run(argv, library, gate[0], report[1]);
	}
	close(gate[0]);
	close(report[1]);
	ret->gate = gate[1];
	ret->report = report[0];
	return 0;
out_report:
	close(report[0]);
	close(report[1]);
out_gate:
	close(gate[0]);
	close(gate[1]);
	return r;
}

int launch_release(struct launch *launch)
{
	int error = 0;

	if (write(launch->gate, "", 1) != 1)
		error = errno;
	close(launch->gate);
	if (error == 0 && read(launch->report, &error, sizeof(error)) != sizeof(error))
		error = 0;
	close(launch->report);
	if (error)
		waitpid(launch->pid, NULL, 0);
	return -error;
}

void launch_abandon(struct launch *launch)
{
	close(launch->gate);
	close(launch->report);
	waitpid(launch->pid, NULL, 0);
}

int launch_status(int wait_status)
{
	if (WIFSIGNALED(wait_status))
		return 128 + WTERMSIG(wait_status);
	return WEXITSTATUS(wait_status);
}

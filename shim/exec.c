/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The exec family, interposed: no sample may fall due inside execve, because the
 * signal would reach the program that comes after (trigger.h says why). Nothing
 * else changes; a child that fork() or vfork() made passes straight through.
 */
#include <alloca.h>
#include <dlfcn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#include "shim/init.h"
#include "shim/interpose.h"
#include "shim/trigger.h"

typedef int execv_fn(const char *, char *const[]);
typedef int execve_fn(const char *, char *const[], char *const[]);
typedef int execveat_fn(int, const char *, char *const[], char *const[], int);
typedef int fexecve_fn(int, char *const[], char *const[]);

static struct {
	execv_fn *execv, *execvp;
	execve_fn *execve, *execvpe;
	execveat_fn *execveat;
	fexecve_fn *fexecve;
} next;

/* At start, because a child of vfork() must not wait for the dynamic linker's lock. */
__attribute__((constructor)) static void find_next(void)
{
	next.execv = (execv_fn *)dlsym(RTLD_NEXT, "execv");
	next.execvp = (execv_fn *)dlsym(RTLD_NEXT, "execvp");
	next.execve = (execve_fn *)dlsym(RTLD_NEXT, "execve");
	next.execvpe = (execve_fn *)dlsym(RTLD_NEXT, "execvpe");
	next.execveat = (execveat_fn *)dlsym(RTLD_NEXT, "execveat");
	next.fexecve = (fexecve_fn *)dlsym(RTLD_NEXT, "fexecve");
}

static bool pause_sampling(void)
{
	bool recording = init_is_recording();

	if (!next.execve)
		find_next();
	if (recording)
		trigger_pause();
	return recording;
}

/* The exec has failed, or we would not be here. */
static int resume_sampling(bool recording, int ret)
{
	if (recording)
		trigger_resume();
	return ret;
}

EXPORT int execv(const char *path, char *const argv[])
{
	bool recording = pause_sampling();

	return resume_sampling(recording, next.execv(path, argv));
}

EXPORT int execvp(const char *file, char *const argv[])
{
	bool recording = pause_sampling();

	return resume_sampling(recording, next.execvp(file, argv));
}

EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
	bool recording = pause_sampling();

	return resume_sampling(recording, next.execve(path, argv, envp));
}

EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
	bool recording = pause_sampling();

	return resume_sampling(recording, next.execvpe(file, argv, envp));
}

EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
	bool recording = pause_sampling();

	return resume_sampling(recording, next.fexecve(fd, argv, envp));
}

EXPORT int execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags)
{
	bool recording = pause_sampling();

	return resume_sampling(recording, next.execveat(fd, path, argv, envp, flags));
}

/* How many arguments there are before the null that ends them. */
static size_t count_arguments(va_list *args)
{
	size_t n = 0;

	while (va_arg(*args, char *))
		n++;
	return n;
}

static void collect_arguments(const char *first, va_list *args, char **ret)
{
	*ret++ = (char *)first;
	while ((*ret++ = va_arg(*args, char *)))
		;
}

/* The arguments as an array in this function's frame; `args` then stands behind them. */
#define ARGUMENTS(args, first, ret)                                   \
	do {                                                          \
		va_start(args, first);                                \
		ret = alloca((count_arguments(&args) + 2) * sizeof(*ret)); \
		va_end(args);                                         \
		va_start(args, first);                                \
		collect_arguments(first, &args, ret);                 \
	} while (0)

EXPORT int execl(const char *path, const char *arg, ...)
{
	char **argv;
	va_list args;

	ARGUMENTS(args, arg, argv);
	va_end(args);
	return execv(path, argv);
}

EXPORT int execlp(const char *file, const char *arg, ...)
{
	char **argv;
	va_list args;

	ARGUMENTS(args, arg, argv);
	va_end(args);
	return execvp(file, argv);
}

EXPORT int execle(const char *path, const char *arg, ...)
{
	char **argv, **envp;
	va_list args;

	ARGUMENTS(args, arg, argv);
	envp = va_arg(args, char **);
	va_end(args);
	return execve(path, argv, envp);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * goidshim-dump from start to end on a ring of a million samples with stacks,
 * of a Go binary of 26 MB or so (the Go compiler) and the C library: reading,
 * naming every function, writing. The floor is reading the file. Beside the time
 * on the clock stands the CPU time, which other work on the machine does not
 * change.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define RING "bench_formats.ring"

static void run(const char *name, double samples, const char *command)
{
	unsigned long long start = bench_now_ns();
	char figure[64];
	struct rusage usage;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid || status)
		errx(1, "failed: %s", command);
	snprintf(figure, sizeof(figure), "%s, on the clock", name);
	bench_figure("formats", figure, (double)(bench_now_ns() - start) / 1e9, "s");
	if (!samples)
		return;
	snprintf(figure, sizeof(figure), "%s, of CPU time", name);
	bench_figure("formats", figure,
		     samples / ((double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
				(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6),
		     "samples/s");
}

int main(void)
{
	const char *go = getenv("GO"), *samples = bench_is_quick() ? "2000" : "1000000";
	static const char *const formats[] = { "folded", "pprof", "perfetto", "html" };
	char command[1024];

	if (!go || !*go)
		go = "go";
	snprintf(command, sizeof(command), "%s version >/dev/null 2>&1", go);
	if (system(command)) {
		puts("formats: skipped: needs Go, for a Go program to name functions of");
		return 77;
	}
	snprintf(command, sizeof(command),
		 "tests/profile-ring " RING " \"$('%s' env GOTOOLDIR)\"/compile "
		 "\"$(realpath /lib/x86_64-linux-gnu/libc.so.6)\" %s >/dev/null", go, samples);
	if (system(command))
		errx(1, "failed: %s", command);
	run("bare read of the ring", 0, "cat " RING " >/dev/null");
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		snprintf(command, sizeof(command),
			 "exec ./goidshim-dump --format=%s " RING " >/dev/null", formats[i]);
		run(formats[i], atof(samples), command);
	}
	unlink(RING);
	return 0;
}

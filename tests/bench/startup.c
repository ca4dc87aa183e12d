/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * startup SHIM BINARY: what preloading a library adds to the time that a program
 * takes from start to end. It runs with and without it in turns.
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define PAIRS 31
#define NS_PER_MS 1e6

static double run(char *binary)
{
	unsigned long long start = bench_now_ns();
	char *argv[] = { binary, NULL };
	int status = -1;
	pid_t child;

	if (posix_spawn(&child, binary, NULL, NULL, argv, environ) ||
	    waitpid(child, &status, 0) < 0 || status != 0) {
		fprintf(stderr, "startup: %s does not run, or fails\n", binary);
		exit(1);
	}
	return (double)(bench_now_ns() - start) / NS_PER_MS;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	int pairs = bench_is_quick() ? 1 : PAIRS;
	double without[PAIRS], added[PAIRS];

	if (argc != 3)
		return 99;
	/* It is no setting of the shim, which would remark on it. */
	unsetenv("GOIDSHIM_BENCH_QUICK");
	run(argv[2]);
	for (int i = 0; i < pairs; i++) {
		unsetenv("LD_PRELOAD");
		without[i] = run(argv[2]);
		setenv("LD_PRELOAD", argv[1], 1);
		added[i] = run(argv[2]) - without[i];
	}
	qsort(without, (size_t)pairs, sizeof(*without), compare);
	qsort(added, (size_t)pairs, sizeof(*added), compare);
	bench_figure("startup", "the program alone", without[pairs / 2], "ms");
	bench_figure("startup", "the shim adds", added[pairs / 2], "ms");
	return 0;
}

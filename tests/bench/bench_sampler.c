/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel sampler costs the program that it samples: the same work with
 * and without it, in turns, as a ratio of CPU time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "bpf/sampler.h"
#include "tests/bench/bench.h"

#define ROUNDS 9

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double work(void)
{
	unsigned long rounds = bench_is_quick() ? 1000000 : 200000000;
	double start = cpu_seconds();

	for (unsigned long i = 0; i < rounds; i++)
		BENCH_USE(i);
	return cpu_seconds() - start;
}

static void ignore(void *context, const struct evidence_sample *sample)
{
	++*(unsigned long *)context;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* One pair: the ratio of the work sampled to the work not sampled. */
static int pair(unsigned rate_hz, unsigned long *samples, double *ret)
{
	struct sampler_options options = {
		.pid = getpid(), .rate_hz = rate_hz, .fn = ignore, .context = samples,
	};
	double without = work(), with;
	struct sampler *s;
	int r;

	r = sampler_open(&options, &s);
	if (r < 0)
		return r;
	with = work();
	sampler_poll(s, 0);
	sampler_close(s);
	*ret = with / without;
	return 0;
}

static int measure(unsigned rate_hz)
{
	double ratios[ROUNDS];
	unsigned long samples = 0;
	char name[64];

	for (int i = 0; i < ROUNDS; i++) {
		int r = pair(rate_hz, &samples, &ratios[i]);

		if (r < 0) {
			printf("sampler  not measured: %s\n", sampler_explain(r));
			return 0;
		}
	}
	if (!bench_is_quick() && samples == 0) {
		fprintf(stderr, "no sample came\n");
		return 1;
	}
	qsort(ratios, ROUNDS, sizeof(*ratios), compare);
	snprintf(name, sizeof(name), "CPU time when sampled at %u Hz", rate_hz);
	bench_figure("sampler", name, ratios[ROUNDS / 2], "times that without");
	return 0;
}

int main(void)
{
	return measure(99) || measure(999);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Rounds, medians and ratios; see bench.h. */
#include "tests/bench/bench.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_ROUNDS 101
#define MAX_ROWS 64
#define MAX_THREADS 64
#define ROUND_NS 1000000ull	/* one row's share of a round: less than a time slice */

bool bench_is_quick(void)
{
	const char *quick = getenv("GOIDSHIM_BENCH_QUICK");

	return quick && !strcmp(quick, "1");
}

unsigned long long bench_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* One thread's part of a row. All start together. */
struct share {
	const struct bench_row *row;
	unsigned long n;
	pthread_barrier_t *start;
	double ns;
};

static void *run_share(void *arg)
{
	struct share *share = arg;
	unsigned long long began;

	pthread_barrier_wait(share->start);
	began = bench_now_ns();
	share->row->repeat(share->n, share->row->arg);
	share->ns = bench_now_ns() - began;
	return NULL;
}

static double run_in_threads(const struct bench_row *row, unsigned long n)
{
	struct share share[MAX_THREADS];
	pthread_t thread[MAX_THREADS];
	pthread_barrier_t start;
	double sum = 0;

	pthread_barrier_init(&start, NULL, row->threads);
	for (unsigned i = 0; i < row->threads; i++) {
		share[i] = (struct share){ .row = row, .n = n, .start = &start };
		if (pthread_create(&thread[i], NULL, run_share, &share[i])) {
			fprintf(stderr, "%s: no more threads\n", row->name);
			exit(1);
		}
	}
	for (unsigned i = 0; i < row->threads; i++) {
		pthread_join(thread[i], NULL);
		sum += share[i].ns;
	}
	pthread_barrier_destroy(&start);
	return sum / row->threads;
}

static double run_once(const struct bench_row *row, unsigned long n)
{
	unsigned long long began;

	if (row->threads > 1)
		return run_in_threads(row, n);
	began = bench_now_ns();
	row->repeat(n, row->arg);
	return bench_now_ns() - began;
}

/* Not the first time, when nothing is warm, nor a time when others had the processor. */
static double run_undisturbed(const struct bench_row *row, unsigned long n)
{
	double least = run_once(row, n);

	for (int i = 0; i < 2; i++) {
		double ns = run_once(row, n);

		least = ns < least ? ns : least;
	}
	return least;
}

/* How often a row fits into its share of a round; it is warm afterwards. */
static unsigned long calibrate(const struct bench_row *row)
{
	unsigned long n = 1;
	double ns;

	if (bench_is_quick())
		return 3;
	while ((ns = run_undisturbed(row, n)) < ROUND_NS / 8.0)
		n *= 2;
	n *= ROUND_NS / ns;
	return n ? n : 1;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const double *values, unsigned count)
{
	double sorted[MAX_ROUNDS];

	memcpy(sorted, values, count * sizeof(*values));
	qsort(sorted, count, sizeof(*sorted), compare);
	return sorted[count / 2];
}

static const struct bench_row *floor_of(const struct bench_row *row, const struct bench_row *rows,
					size_t count)
{
	for (size_t i = 0; row->floor && i < count; i++)
		if (!strcmp(rows[i].name, row->floor))
			return &rows[i];
	return NULL;
}

static bool is_sound(const char *subject, const struct bench_row *rows, size_t count)
{
	if (count > MAX_ROWS) {
		fprintf(stderr, "%s: more than %d rows\n", subject, MAX_ROWS);
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		if (rows[i].threads > MAX_THREADS) {
			fprintf(stderr, "%s: %s: too many threads\n", subject, rows[i].name);
			return false;
		}
		if (rows[i].floor && !floor_of(&rows[i], rows, count)) {
			fprintf(stderr, "%s: %s: no row is its floor, \"%s\"\n", subject,
				rows[i].name, rows[i].floor);
			return false;
		}
	}
	return true;
}

static void print_row(const char *subject, const struct bench_row *row, const double *ns,
		      const double *floor_ns, unsigned rounds)
{
	double ratio[MAX_ROUNDS], least = ns[0], most = ns[0];

	for (unsigned r = 0; r < rounds; r++) {
		least = ns[r] < least ? ns[r] : least;
		most = ns[r] > most ? ns[r] : most;
		if (floor_ns)
			ratio[r] = ns[r] / floor_ns[r];
	}
	printf("%-10s %-36s %10.2f ns  (%.2f to %.2f)", subject, row->name, median(ns, rounds),
	       least, most);
	if (floor_ns)
		printf("  %.2f x %s", median(ratio, rounds), row->floor);
	putchar('\n');
}

int bench_run(const char *subject, const struct bench_row *rows, size_t count)
{
	static double ns[MAX_ROWS][MAX_ROUNDS];
	unsigned rounds = bench_is_quick() ? 1 : MAX_ROUNDS;
	unsigned long n[MAX_ROWS];

	if (!is_sound(subject, rows, count))
		return 1;
	for (size_t i = 0; i < count; i++)
		n[i] = calibrate(&rows[i]);
	for (unsigned r = 0; r < rounds; r++)
		for (size_t i = 0; i < count; i++)
			ns[i][r] = run_once(&rows[i], n[i]) / n[i];
	for (size_t i = 0; i < count; i++) {
		const struct bench_row *floor = floor_of(&rows[i], rows, count);

		print_row(subject, &rows[i], ns[i], floor ? ns[floor - rows] : NULL, rounds);
	}
	return 0;
}

void bench_figure(const char *subject, const char *name, double value, const char *unit)
{
	printf("%-10s %-36s %10.2f %s\n", subject, name, value, unit);
}

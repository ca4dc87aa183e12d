/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long a thing takes, beside the least it could take. A benchmark is a table
 * of rows; a row is a function that does its thing n times in a loop of its own,
 * and names its floor: another row of the same table, the bare instruction or
 * system call that no implementation can do without. All rows run in turns,
 * round by round, so that a row and its floor see the same machine.
 *
 *	static const struct bench_row rows[] = {
 *		{ .name = "bare rdfsbase", .repeat = bare_rdfsbase },
 *		{ .name = "fsbase_read", .repeat = read_it, .floor = "bare rdfsbase" },
 *	};
 *	return bench_run("fsbase", rows, BENCH_ROWS(rows));
 *
 * GOIDSHIM_BENCH_QUICK=1: a few repetitions, to see that everything runs.
 */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>

struct bench_row {
	const char *name;
	void (*repeat)(unsigned long n, void *arg);	/* does it n times */
	void *arg;
	const char *floor;	/* name of the row to compare with; NULL: this is a floor */
	unsigned threads;	/* n times in each of so many threads; 0 is 1 */
};

#define BENCH_ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

/*
 * Measures all rows and prints one line for each: nanoseconds for doing it once
 * (median, least and most of the rounds), and the median ratio to its floor.
 * With threads the time is one thread's, while the others do the same.
 * Returns main()'s value: 1, and says why, for a table that makes no sense.
 */
int bench_run(const char *subject, const struct bench_row *rows, size_t count);

/* Prints a figure that is no time, in the same shape: "subject  name  value unit". */
void bench_figure(const char *subject, const char *name, double value, const char *unit);

/* Only a few repetitions are wanted. */
bool bench_is_quick(void);

/* CLOCK_MONOTONIC in nanoseconds. */
unsigned long long bench_now_ns(void);

/* The compiler must have `value` at this point, and may not know what for. */
#define BENCH_USE(value) __asm__ volatile("" : : "r"(value) : "memory")

#endif

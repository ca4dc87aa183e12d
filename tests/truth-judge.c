/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * truth-judge RING INTERVALS MINIMUM - were the samples right?
 *
 * Joins the samples of a ring with what the sampled program (fixtures/truth)
 * says was true of each of its threads, and when. A sample taken within an
 * interval of its thread is judged: its goid, and the class that gives or
 * denies it one. Prints one line of counts, and up to ten wrong samples. Exits
 * 0 if none is wrong and each of the four truths (in C for a goroutine, in Go,
 * in a fresh C thread, in a C thread between callbacks) judged at least
 * MINIMUM samples; 1 if not; 99 if the files cannot be read.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fixtures/truth/truth.h"
#include "tools/ring/reader.h"

#define HARD_ERROR 99
#define MAX_SHOWN 10

/* truth_kind, made dense; a locked goroutine's samples count as what they are. */
enum count {
	COUNT_C,
	COUNT_GO,
	COUNT_FRESH,
	COUNT_PARKED,
	COUNT_RUNTIME,
	COUNT_SCHEDULER,
	COUNT_MAX
};

static const char *const count_names[] = {
	[COUNT_C] = "in C",
	[COUNT_GO] = "in Go",
	[COUNT_FRESH] = "fresh",
	[COUNT_PARKED] = "parked",
	[COUNT_RUNTIME] = "runtime",
	[COUNT_SCHEDULER] = "scheduler",
};

enum verdict {
	NOT_JUDGED,
	RIGHT,
	WRONG,
};

struct interval {
	unsigned long long start, end, goid;
	unsigned int tid;
	char kind;
};

struct reading {
	__u64 time, goid, pc;
	__u32 tid;
	__u8 class_, reason;
	enum verdict verdict;
	enum count count;
};

struct trial {
	struct reading *readings;	/* by thread, then by time */
	size_t count, room;
	unsigned int go_minor;
	unsigned long counts[COUNT_MAX];
	unsigned long judged, wrong;
};

static void die(const char *path, const char *why)
{
	fprintf(stderr, "truth-judge: %s: %s\n", path, why);
	exit(HARD_ERROR);
}

static void add_sample(struct trial *trial, const struct goidshim_sample *sample)
{
	if (trial->count == trial->room) {
		trial->room = trial->room ? 2 * trial->room : 4096;
		trial->readings = reallocarray(trial->readings, trial->room,
					       sizeof(*trial->readings));
		if (!trial->readings)
			die("samples", strerror(ENOMEM));
	}
	trial->readings[trial->count++] = (struct reading){
		.time = sample->time_ns,
		.goid = sample->goid,
		.pc = sample->pc,
		.tid = sample->tid,
		.class_ = sample->class_,
		.reason = sample->reason,
	};
}

static void read_ring(struct trial *trial, const char *path)
{
	struct reader_item item;
	struct reader *reader;
	const char *why = "";

	if (reader_open(path, &why, &reader) != 0)
		die(path, why);
	if (reader_poll(reader, READER_BY_CLAIM) != 0)
		die(path, "cannot be read");
	while (reader_next(reader, &item) > 0) {
		if (item.record->type == GOIDSHIM_RECORD_SAMPLE)
			add_sample(trial, item.sample);
	}
	if (reader_is_damaged(reader))
		die(path, "is damaged");
	trial->go_minor = reader_header(reader)->objects[0].layout.go_minor;
	reader_close(reader);
}

static int compare_readings(const void *a, const void *b)
{
	const struct reading *x = a, *y = b;

	if (x->tid != y->tid)
		return x->tid < y->tid ? -1 : 1;
	return x->time < y->time ? -1 : x->time > y->time;
}

/* The first reading of the interval's thread that is later than its start. */
static size_t first_within(const struct trial *trial, const struct interval *interval)
{
	size_t low = 0, high = trial->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct reading *reading = &trial->readings[middle];

		if (reading->tid < interval->tid ||
		    (reading->tid == interval->tid && reading->time <= interval->start))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* A goroutine that is locked to its thread leaves it to the scheduler or to nobody. */
static enum verdict judge_locked(struct reading *reading, unsigned long long goid)
{
	switch (reading->class_) {
	case GOIDSHIM_CLASS_GO:
		reading->count = COUNT_GO;
		return reading->goid == goid ? RIGHT : WRONG;
	case GOIDSHIM_CLASS_C:
		reading->count = COUNT_C;
		return reading->goid == goid ? RIGHT : WRONG;
	case GOIDSHIM_CLASS_RUNTIME:
		reading->count = COUNT_RUNTIME;
		return reading->goid == goid ? RIGHT : WRONG;
	case GOIDSHIM_CLASS_SCHED:
	case GOIDSHIM_CLASS_IDLE:
	case GOIDSHIM_CLASS_SIGNAL:
		reading->count = COUNT_SCHEDULER;
		return reading->goid == 0 ? RIGHT : WRONG;
	default:
		return WRONG;
	}
}

static enum verdict judge(const struct trial *trial, struct reading *reading,
			  const struct interval *interval)
{
	/* Before Go 1.21 a parked extra M leaves no g behind in its C thread. */
	__u8 parked = trial->go_minor >= 21 ? GOIDSHIM_CLASS_EXTRA_M : GOIDSHIM_CLASS_C_THREAD;
	__u8 want;

	switch (interval->kind) {
	case TRUTH_LOCKED:
		return judge_locked(reading, interval->goid);
	case TRUTH_C:
		reading->count = COUNT_C;
		want = GOIDSHIM_CLASS_C;
		break;
	case TRUTH_FRESH:
		reading->count = COUNT_FRESH;
		want = GOIDSHIM_CLASS_C_THREAD;
		break;
	default:
		reading->count = COUNT_PARKED;
		want = parked;
		break;
	}
	return reading->class_ == want && reading->goid == interval->goid ? RIGHT : WRONG;
}

static void show_wrong(const struct trial *trial, const struct reading *reading,
		       const struct interval *interval)
{
	if (trial->wrong > MAX_SHOWN)
		return;
	printf("wrong: tid %u time %llu class %u reason %u goid %llu pc 0x%llx; truth: '%c' goid %llu\n",
	       reading->tid, (unsigned long long)reading->time, reading->class_, reading->reason,
	       (unsigned long long)reading->goid, (unsigned long long)reading->pc, interval->kind,
	       interval->goid);
}

/* Intervals nest: a sample counts once, and one that is wrong anywhere is wrong. */
static void judge_interval(struct trial *trial, const struct interval *interval)
{
	for (size_t i = first_within(trial, interval); i < trial->count; i++) {
		struct reading *reading = &trial->readings[i];

		if (reading->tid != interval->tid || reading->time >= interval->end)
			return;
		if (reading->verdict == WRONG)
			continue;
		reading->verdict = judge(trial, reading, interval);
		if (reading->verdict == WRONG) {
			trial->wrong++;
			show_wrong(trial, reading, interval);
		}
	}
}

static void judge_all(struct trial *trial, const char *path)
{
	FILE *file = fopen(path, "r");
	struct interval interval;
	int fields;

	if (!file)
		die(path, strerror(errno));
	while ((fields = fscanf(file, "%u %llu %llu %c %llu", &interval.tid, &interval.start,
				&interval.end, &interval.kind, &interval.goid)) == 5)
		judge_interval(trial, &interval);
	if (fields != EOF)
		die(path, "is not a list of intervals");
	fclose(file);
}

static void sum_up(struct trial *trial)
{
	for (size_t i = 0; i < trial->count; i++) {
		if (trial->readings[i].verdict == NOT_JUDGED)
			continue;
		trial->judged++;
		if (trial->readings[i].verdict == RIGHT)
			trial->counts[trial->readings[i].count]++;
	}
}

static bool enough(const struct trial *trial, unsigned long minimum)
{
	for (enum count i = COUNT_C; i <= COUNT_PARKED; i++) {
		if (trial->counts[i] < minimum)
			return false;
	}
	return true;
}

static void print_counts(const struct trial *trial)
{
	printf("%zu samples, %lu judged, %lu wrong;", trial->count, trial->judged, trial->wrong);
	for (enum count i = 0; i < COUNT_MAX; i++)
		printf(" %s %lu", count_names[i], trial->counts[i]);
	putchar('\n');
}

int main(int argc, char **argv)
{
	struct trial trial = { 0 };
	unsigned long minimum;
	bool passed;

	if (argc != 4) {
		fputs("usage: truth-judge RING INTERVALS MINIMUM\n", stderr);
		return HARD_ERROR;
	}
	minimum = strtoul(argv[3], NULL, 10);
	read_ring(&trial, argv[1]);
	if (trial.count == 0)
		die(argv[1], "holds no samples");
	qsort(trial.readings, trial.count, sizeof(*trial.readings), compare_readings);
	judge_all(&trial, argv[2]);
	sum_up(&trial);
	print_counts(&trial);
	passed = trial.wrong == 0 && enough(&trial, minimum);
	if (trial.wrong == 0 && !passed)
		printf("too few: each of the first four must be at least %lu\n", minimum);
	free(trial.readings);
	return passed ? 0 : 1;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/print/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_NS 500000000ull
#define REFRESH_NS 100000000ull
#define CALLS_PER_LOOK 1024	/* reading the clock costs more than most steps */

static __u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__u64)now.tv_sec * 1000000000 + (__u64)now.tv_nsec;
}

void progress_begin(struct progress *progress)
{
	const char *term = getenv("TERM");

	*progress = (struct progress){ .began_ns = now_ns() };
	progress->next_ns = progress->began_ns + PATIENCE_NS;
	progress->is_wanted = isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO) && term &&
			      strcmp(term, "dumb");
}

void progress_step(struct progress *progress, const char *what, __u64 done, __u64 total)
{
	__u64 now;

	if (!progress || !progress->is_wanted || progress->calls++ % CALLS_PER_LOOK)
		return;
	now = now_ns();
	if (now < progress->next_ns)
		return;
	progress->next_ns = now + REFRESH_NS;
	progress->is_shown = true;
	if (total >= done && total)
		fprintf(stderr, "\r\033[K%s %3.0f %%", what, 100.0 * (double)done / (double)total);
	else
		fprintf(stderr, "\r\033[K%s %llu", what, done);
}

void progress_clear(struct progress *progress)
{
	if (!progress)
		return;
	if (progress->is_shown)
		fputs("\r\033[K", stderr);
	progress->is_shown = false;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How far long work has come, on a line of standard error that goes away. Shown
 * only on a terminal that the output does not go to, and only after half a
 * second. Signal-safe: no.
 */
#ifndef TOOLS_PROGRESS_H
#define TOOLS_PROGRESS_H

#include <linux/types.h>
#include <stdbool.h>

struct progress {
	bool is_wanted;
	bool is_shown;
	__u64 began_ns;
	__u64 next_ns;		/* when to show again */
	unsigned calls;
};

void progress_begin(struct progress *progress);

/* To be called often; NULL shows nothing. `done` of `total` steps of `what` ("reading samples"). */
void progress_step(struct progress *progress, const char *what, __u64 done, __u64 total);

/*
 * Removes the line, if there is one; NULL as above. To be called before anything else
 * is said on the terminal.
 */
void progress_clear(struct progress *progress);

#endif

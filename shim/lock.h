/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event lock: the C library's locks, interposed. What is recorded is
 * lock.sig.h's business; here are the functions that stand in.
 */
#ifndef SHIM_LOCK_H
#define SHIM_LOCK_H

#include <linux/types.h>

/*
 * Finds the functions that stand behind ours. Early, while the program has one
 * thread: a lock that is asked for inside the search would not be had.
 */
void lock_find(void);

/* From here on waits of at least `min_ns` are recorded. Once, after call_start(). */
void lock_start(__u64 min_ns);

#endif

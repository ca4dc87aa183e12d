/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event heap: the C library's allocation functions, interposed. The
 * decisions are heap.sig.h's; here are the functions that stand in.
 */
#ifndef SHIM_HEAP_H
#define SHIM_HEAP_H

#include <linux/types.h>

/*
 * From here on allocations are recorded, one for each `interval` bytes on
 * average. Says in one line what cannot be recorded. Once, after call_start().
 */
void heap_start(__u64 interval, __u64 seed);

#endif

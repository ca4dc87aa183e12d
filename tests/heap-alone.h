/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sampler of C memory alone: the rest of the shim is played by a call that is
 * always had and a ring that takes everything.
 */
#ifndef TESTS_HEAP_ALONE_H
#define TESTS_HEAP_ALONE_H

#include "shim/heap.sig.h"

enum { HEAP_ALONE_SLOTS = 65536 };

/* What was counted since the program began. */
extern unsigned heap_alone_lost, heap_alone_recorded;

/* Begins with empty live slots. Ends the program if that fails. */
void heap_alone_begin(__u64 interval);

/* Records an allocation at `address`. */
void heap_alone_record(__u64 address);

struct goidshim_live *heap_alone_live(__u32 slot);

/* How many slots have been used, and how many of them are in use. */
unsigned heap_alone_used(void);
unsigned heap_alone_count(void);

#endif

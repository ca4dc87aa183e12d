/* SPDX-License-Identifier: BSD-2-Clause */
/* The difference of two rings for people. Signal-safe: no. */
#ifndef TOOLS_DIFFTEXT_H
#define TOOLS_DIFFTEXT_H

#include "tools/dump/diff.h"

/* Prints which rings these are. */
void difftext_begin(struct diff_ring rings[static 2], unsigned event);

/*
 * Prints the tables of an event: by start function and by stack, what changed most
 * first. `event` is its place in events_all. Returns 0 or -ENOMEM.
 */
int difftext_put(struct diff_ring rings[static 2], unsigned event);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ring's append-only notes: which files are mapped where, so that the ring
 * can be read elsewhere and later. Ordinary side, one thread at a time.
 */
#ifndef SHIM_NOTES_H
#define SHIM_NOTES_H

#include "shim/ring.sig.h"

/*
 * Appends a MODULE note for each loaded object that has none yet, the
 * executable first. Notes that find no more room are left out.
 */
void notes_add_modules(const struct ring *ring);

/* The index of the newest noted module with this load bias; 0 if there is none. */
__u32 notes_find_module(__u64 load_bias);

#endif

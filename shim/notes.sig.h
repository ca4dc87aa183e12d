/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ring's append-only notes: which files are mapped where, so that the ring
 * can be read elsewhere and later. Whoever finds a module writes its note: the
 * ordinary side, or a handler in the middle of that. So several may write at
 * once, each in space of its own, and notes become visible in order: whoever
 * completes one makes visible all that are complete before the first that is not.
 *
 * Signal-safe: all of it.
 */
#ifndef SHIM_NOTES_SIG_H
#define SHIM_NOTES_SIG_H

#include "shim/ring.sig.h"
#include "shim/unwind/module.sig.h"

/* From now on each new module gets a note in `ring`. One that finds no room is left out. */
void notes_start(const struct ring *ring);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ring file: creating it safely in a directory that others can write.
 * Ordinary side, one thread at a time.
 */
#ifndef SHIM_SEGMENT_H
#define SHIM_SEGMENT_H

#include "shim/config.h"
#include "shim/ring.sig.h"

/*
 * Creates and maps the ring that the configuration asks for, with geometry and
 * identity filled in and magic still 0. 0 or -errno; on error nothing is left
 * behind, and one line has said why.
 */
int segment_create(const struct config *config, struct ring *ret);

/* The header is complete: from here on readers may believe the file. */
void segment_publish(const struct ring *ring);

/* Removes the file again: recording could not begin. The mapping stays. */
void segment_remove(const struct ring *ring);

#endif

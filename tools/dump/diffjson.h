/* SPDX-License-Identifier: BSD-2-Clause */
/* The difference of two rings for programs. Signal-safe: no. */
#ifndef TOOLS_DIFFJSON_H
#define TOOLS_DIFFJSON_H

#include "tools/dump/diff.h"

/*
 * Prints one JSON object, of the event at `first` in events_all and all behind it that
 * are compared. Returns 0, -ENOMEM or -EIO.
 */
int diffjson_put(struct diff_ring rings[static 2], unsigned first);

#endif

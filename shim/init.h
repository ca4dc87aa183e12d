/* SPDX-License-Identifier: BSD-2-Clause */
/* Bring-up: from a process that may hold Go to one that records. */
#ifndef SHIM_INIT_H
#define SHIM_INIT_H

#include <stdbool.h>

/*
 * Looks for Go in the process, and starts recording when there is some. Cheap
 * when nothing was loaded since the last look. Called by the constructor, and
 * again whenever a thread is made, because a Go library that is loaded later
 * begins its life with a thread. Ordinary side; never fails: it stands down.
 */
void init_look_for_go(void);

/* Is this process recording? False in a child that fork() made of one. */
bool init_is_recording(void);

#endif

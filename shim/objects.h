/* SPDX-License-Identifier: BSD-2-Clause */
/* The Go objects of this process, and how each lays out its runtime. */
#ifndef SHIM_OBJECTS_H
#define SHIM_OBJECTS_H

#include <stdbool.h>

#include "goidshim/format.h"
#include "shim/unwind/unwind.sig.h"

/*
 * Looks through every loaded object that is not known yet. Returns how many Go
 * runtimes with cgo are known; they are numbered in the order found and never
 * forgotten. One thread at a time.
 */
unsigned objects_find(void);

/* The first objects_find() of them; and what a walk through their stacks needs. */
const struct goidshim_object *objects_get(unsigned index);
struct unwind_go *objects_get_go(unsigned index);

/* Is syscall.Exec linked into one of them? Without it Go code cannot exec itself. */
bool objects_can_exec(void);

/* Has the dynamic linker loaded anything since the last objects_find()? Cheap. */
bool objects_changed(void);

#endif

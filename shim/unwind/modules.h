/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of files mapped as code, for the ring's module records and, compiled,
 * for the handler (modules.sig.h says how the two sides meet).
 *
 * Whoever is at a convenient place calls modules_refresh(): the constructor, the
 * wrapper of pthread_create. It costs one call of dl_iterate_phdr
 * when nothing has changed.
 *
 * Ordinary code, but in somebody else's program: no malloc, no stdio, no errno.
 */
#ifndef SHIM_MODULES_H
#define SHIM_MODULES_H

#include "shim/unwind/modules.sig.h"

/*
 * Brings the list up to date, and tells of the new ones (listing.sig.h), in order
 * of index; index 0 is the executable. With `with_cfi` their call-frame
 * information is compiled.
 *
 * Returns 0, also when another thread is just doing it, or -ENOMEM. Not
 * signal-safe; takes the dynamic linker's lock, so not to be called while
 * holding one that a library's constructor may want.
 */
int modules_refresh(bool with_cfi);

/* How many there are in the list so far, and one of them. */
unsigned modules_count(void);
const struct module *modules_at(unsigned place);

/* The newest in the list with this load bias, or NULL. */
const struct module *modules_find_bias(__u64 load_bias);

#endif

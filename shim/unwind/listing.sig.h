/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order in which modules came: each new one gets the next index, and
 * whoever keeps account of them (notes.sig.h) is told.
 *
 * The ordinary side lists what it finds (modules.c). A handler that comes upon a
 * module first lists it here, in a place of a fixed array that it alone has
 * claimed, so that it waits for nobody and nobody for it. Two threads may come
 * upon one module at once and list it twice, which does no harm. A place that is
 * filled stays so for ever.
 *
 * Signal-safe: all of it.
 */
#ifndef SHIM_LISTING_SIG_H
#define SHIM_LISTING_SIG_H

#include "shim/unwind/module.sig.h"

enum { LISTING_MAX = 512 };

/*
 * From now on `on_new` is called for each new module, by whoever finds it: it
 * must be signal-safe, and several threads may be in it. module->path is that of
 * the file, for the length of the call.
 */
void listing_tell(void (*on_new)(const struct module *module));

/* The index of the next module, from 0 on; each is given once. */
__u32 listing_next_index(void);

/* A module that is complete is new: tells of it. */
void listing_new(const struct module *module);

/*
 * Lists a copy of `module`, which a handler has just read, gives it an index and
 * tells of it. `name` is as for module_read_path(). NULL if there is no more room.
 */
const struct module *listing_add(const struct module *module, __u64 name);

/* Up to which place all are filled. */
__u32 listing_ready(void);

/*
 * Of the modules that handlers have listed from place `from` on, the newest that
 * shares an address with [start, end) and is newer than index `after`; or NULL.
 */
const struct module *listing_newest(__u32 from, __u64 start, __u64 end, __s64 after);

#endif

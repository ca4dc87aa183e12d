/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory for the ordinary side, from the kernel. Never malloc: we run inside
 * other people's programs, perhaps inside their calls of it.
 *
 * Signal-safe: yes, though nothing in a handler should want it.
 */
#ifndef SHIM_PAGES_H
#define SHIM_PAGES_H

#include <stddef.h>

/* Zeroed pages for `size` bytes, or NULL. */
void *pages_map(size_t size);

/* Moves a mapping, if need be, so that it holds `new_size` bytes. NULL: it stays. */
void *pages_resize(void *at, size_t size, size_t new_size);

/* `at` may be NULL. */
void pages_unmap(void *at, size_t size);

#endif

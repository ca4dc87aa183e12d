/* SPDX-License-Identifier: BSD-2-Clause */
/* An array that grows: how all that is added up here is kept. Signal-safe: no. */
#ifndef TOOLS_ARRAY_H
#define TOOLS_ARRAY_H

#include <stddef.h>

/*
 * Makes room for `more` elements behind the first `count` of the array whose pointer
 * is at `at` (NULL at first) and that has room for *room elements of `size` bytes.
 * What is new is zero. Returns 0, or -ENOMEM with everything as it was.
 */
int array_reserve(void *at, size_t count, size_t more, size_t *room, size_t size);

#endif

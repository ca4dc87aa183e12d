/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringpath: the name of a ring before its process has one. Ordinary code.
 */
#ifndef TOOLS_RINGPATH_H
#define TOOLS_RINGPATH_H

#include <stddef.h>
#include <sys/types.h>

/* The shim wants an absolute pattern. Returns 0, -ENAMETOOLONG, or -errno. */
int ringpath_absolute(const char *pattern, char *ret, size_t size);

/* Writes `pattern` with %p replaced by `pid`, as the shim does; cut at `size`. */
void ringpath_expand(const char *pattern, pid_t pid, char *ret, size_t size);

#endif

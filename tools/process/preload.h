/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload: can the shim be preloaded into this program, and will it find Go
 * there? Ordinary code.
 */
#ifndef TOOLS_PRELOAD_H
#define TOOLS_PRELOAD_H

#include <stddef.h>

enum preload {
	PRELOAD_WORKS = 0,	/* a dynamic Go program with cgo */
	PRELOAD_DOUBTFUL = 1,	/* no Go in the file itself: it may load some, or start some */
	PRELOAD_CANNOT = 2,	/* the dynamic linker will not, or no C to look at */
};

/*
 * preload_find - the file that execvp(3) would run
 *
 * Returns 0 or -errno of what stands in the way (-ENOENT, -EACCES).
 */
int preload_find(const char *command, char *ret_path, size_t size);

/* *ret_why: static text, a clause that follows the program's name; NULL if it works. */
enum preload preload_check(const char *path, const char **ret_why);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding, on this machine and now, the file that a ring's module was mapped
 * from, and its separate debug file. A file that has been replaced since is
 * refused: its symbols would be lies. Signal-safe: no.
 */
#ifndef TOOLS_MODULEFILE_H
#define TOOLS_MODULEFILE_H

#include <libelf.h>

#include "goidshim/format.h"

/* Where to look. NULL: the usual place. */
struct modulefile_paths {
	const char *sysroot;	/* prefix of the paths in the ring; usually "" */
	const char *debug_dir;	/* separate debug files; usually /usr/lib/debug */
};

struct modulefile {
	char *image;		/* the bytes that `elf` is made of */
	char *debug_image;
	char *alt_image;
	Elf *elf;
	Elf *debug;		/* NULL: no separate debug file */
	Elf *alt;		/* what dwz moved out of several debug files; NULL: nothing */
};

/*
 * Opens the file of `module` (whose path has been checked to end with a NUL).
 * Returns 0; -ENOENT: there is none; -ESTALE: there is one, but another than
 * was mapped (its build id differs or, without build ids, its size, or outside
 * a sysroot the time it was changed); -EBADMSG: not an ELF file; or another
 * -errno from opening it.
 */
int modulefile_open(const struct modulefile_paths *paths, const struct goidshim_module *module,
		    struct modulefile *ret_file);
void modulefile_close(struct modulefile *file);

/*
 * Opens the same file, after the same checks, for somebody who reads it in his
 * own way; *ret_fd is his to close. Returns as modulefile_open.
 */
int modulefile_open_fd(const struct modulefile_paths *paths, const struct goidshim_module *module,
		       int *ret_fd);

#endif

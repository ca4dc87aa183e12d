/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gofile: an ELF file on disk as a goimage, so that the tools read Go's tables
 * with the shim's own code.
 *
 * The file is copied into memory and its relative relocations are applied to the
 * copy, with a load bias of 0: addresses are link-time addresses, in executables
 * and shared objects alike. Words that only the dynamic linker of a process can
 * know (a GOT slot with a TLS offset) stay as they are in the file.
 * Signal-safe: no.
 */
#ifndef TOOLS_GOFILE_H
#define TOOLS_GOFILE_H

#include <libelf.h>

#include "probe/goimage.h"

struct gofile {
	struct goimage image;
	Elf *elf;		/* of the copy */
	int fd;			/* borrowed if opened with gofile_open_fd */
	bool owns_fd;
	bool is_dynamic;	/* a dynamic linker loads it: LD_PRELOAD can work */
	bool is_shared;		/* ET_DYN: a position-independent executable or a library */
	void *map;
	size_t map_size;
};

/*
 * gofile_open - open the ELF file at path
 *
 * Returns 0, or -errno: -ENOEXEC if it is not an ELF file for x86-64 (ret_error
 * says what it is instead), -EBADMSG if it is truncated or damaged, or what
 * open(2), read(2) and mmap(2) said. On failure *ret_error is one static line for a person.
 */
int gofile_open(const char *path, struct gofile *ret_file, const char **ret_error);

/* The same for a file that the caller has open, and closes after gofile_close. */
int gofile_open_fd(int fd, struct gofile *ret_file, const char **ret_error);

void gofile_close(struct gofile *file);

#endif

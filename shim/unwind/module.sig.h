/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One ELF file as it is mapped: where, which file, and what in it tells how its
 * frames unwind. Read from the mapping itself by its program headers, through
 * peek, so that a handler may do it for a library that nobody has told us of
 * (modules.sig.h), and the ordinary side for all that it lists (modules.h).
 *
 * Signal-safe: all of it.
 */
#ifndef SHIM_MODULE_SIG_H
#define SHIM_MODULE_SIG_H

#include <stdbool.h>

#include "shim/unwind/ehframe.sig.h"

#pragma GCC visibility push(hidden)

enum { MODULE_STAMP_WORDS = 2, MODULE_SEGMENTS = 4, MODULE_BUILD_ID_SIZE = 32 };

/* Immutable once it is published, and never freed. */
struct module {
	__u64 bias;		/* run-time address minus ELF address */
	__u64 start;		/* [start, end): its mapped addresses */
	__u64 end;
	__u64 stamp_at;		/* address of the stamp */
	__u64 stamp[MODULE_STAMP_WORDS]; /* sixteen bytes of its build id, if it can be */
	const struct cfi_table *cfi; /* NULL: not compiled, read the section */
	struct ehframe_section section; /* hdr 0: none */
	__u64 seen_ns;		/* CLOCK_MONOTONIC, before it was looked at */
	__u64 inode;		/* 0: unknown */
	__u64 device;		/* as st_dev */
	__u64 file_size;
	__u64 mtime_ns;
	__u32 index;		/* of its GOIDSHIM_RECORD_MODULE */
	__u16 phnum;
	__u8 build_id_size;
	__u8 build_id[MODULE_BUILD_ID_SIZE];
	__u8 segments;
	struct {
		__u64 start;
		__u64 end;
	} segment[MODULE_SEGMENTS]; /* the executable ones */
	__u64 phdr;		/* address of its program headers, in the module itself */
	const char *path;	/* "[vdso]" for the kernel's; NULL: nobody needs it any more */
};

/*
 * Reads all but cfi, index and what is known of the file on disk. `phdr` is
 * where `phnum` program headers are. False if they cannot be read, or say
 * nothing of memory.
 */
bool module_read(__u64 bias, __u64 phdr, __u16 phnum, struct module *ret);

/* The same of a file that is mapped from its start, at `map_start`. */
bool module_read_at(__u64 map_start, struct module *ret);

/*
 * The file's absolute path, or "[vdso]", from what the dynamic linker calls it:
 * `name`, the address of a string in this process. Of one that does not fit, or
 * cannot be read, *ret is "".
 */
void module_read_path(__u64 name, char *ret, __u32 size);

/* Asks the kernel for the identity of the file at `path`. */
void module_read_file(const char *path, struct module *module);

/* The executable segment that contains pc: an index, or -1. */
int module_find_segment(const struct module *module, __u64 pc);

/* Is it still this file that is mapped there? */
bool module_has_stamp(const struct module *module);

/* What the files themselves say of being one and the same, wherever they are mapped. */
bool module_is_same_file(const struct module *a, const struct module *b);

#pragma GCC visibility pop

#endif

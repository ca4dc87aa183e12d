/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of files mapped as code, for the ring's module records and, compiled,
 * for the handler (modules.sig.h says how the two sides meet).
 *
 * Whoever is at a convenient place calls modules_refresh(): the constructor, the
 * wrappers of pthread_create and dlclose. It costs one call of dl_iterate_phdr
 * when nothing has changed.
 *
 * Ordinary code, but in somebody else's program: no malloc, no stdio, no errno.
 */
#ifndef SHIM_MODULES_H
#define SHIM_MODULES_H

#include "shim/modules.sig.h"

/* All that is known of one mapped file. Immutable, never freed. */
struct modules_entry {
	struct modules_module module;
	__u64 inode;		/* 0: unknown */
	__u64 device;		/* as st_dev */
	__u64 file_size;
	__u64 mtime_ns;
	__u8 build_id_size;
	__u8 build_id[32];
	__u16 phnum;
	const void *phdr;	/* in the module itself: ElfW(Phdr) */
	__u32 segments;
	struct {
		__u64 start;
		__u64 end;
	} segment[4];		/* the executable ones */
	char path[];		/* NUL-terminated; "[vdso]" for the kernel's */
};

/*
 * Brings the list up to date. `on_new` (may be NULL) is called for each entry
 * that was added, in order of index, one at a time; index 0 is the executable.
 * With `with_cfi` their call-frame information is compiled.
 *
 * Returns 0, also when another thread is just doing it, or -ENOMEM. Not
 * signal-safe; takes the dynamic linker's lock, so not to be called while
 * holding one that a library's constructor may want.
 */
int modules_refresh(bool with_cfi, void (*on_new)(const struct modules_entry *));

/* Entries so far, and one of them by index. */
unsigned modules_count(void);
const struct modules_entry *modules_at(unsigned index);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * goimage: the bytes of one ELF object, addressed as the running process
 * addresses them.
 *
 * Everything that parses Go's own tables reads them through this one
 * bounds-checked view, so the same code serves an object of the process that it
 * runs in (the shim, at load) and a file on disk (the tools, see tools/symbols/gofile).
 * It allocates nothing: the caller provides the struct, and the bytes belong to
 * whoever mapped them. Ordinary code, not signal-safe, but free of side effects.
 */
#ifndef PROBE_GOIMAGE_H
#define PROBE_GOIMAGE_H

#include <link.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

/* More PT_LOADs than any linker makes; an object with more is refused. */
#define GOIMAGE_MAX_SEGMENTS 32

/* One PT_LOAD. Only the part that the file backs has bytes; the rest is zero. */
struct goimage_segment {
	__u64 vaddr;		/* run-time address of the first byte */
	__u64 file_size;	/* bytes readable at `bytes`; 0 if the segment is not readable */
	__u64 mem_size;
	__u32 flags;		/* PF_R | PF_W | PF_X */
	const __u8 *bytes;
};

struct goimage {
	__u64 load_bias;	/* run-time address minus link-time address; 0 for a file */
	__u64 tls_vaddr;	/* PT_TLS, run-time address of its image */
	__u64 tls_mem_size;
	__u64 tls_align;	/* 0 if the object has no PT_TLS */
	bool is_executable;	/* the process's main program: its TLS block ends at the FS base */
	bool is_live;		/* memory of this process: the dynamic linker has filled the GOT */
	unsigned segment_count;
	struct goimage_segment segments[GOIMAGE_MAX_SEGMENTS];
};

/*
 * goimage_from_phdr - view an object that the dynamic linker has loaded here
 *
 * To be called from a dl_iterate_phdr callback or while the object cannot be
 * unloaded. Only segments mapped readable (PF_R) become readable in the image.
 * Returns 0, or -E2BIG if there are more than GOIMAGE_MAX_SEGMENTS segments.
 */
int goimage_from_phdr(const struct dl_phdr_info *info, struct goimage *ret);

/*
 * goimage_add_segment - append one PT_LOAD; for constructors of images
 *
 * Returns 0, -E2BIG when the table is full, or -EBADMSG if file_size is larger
 * than mem_size or the segment wraps around the address space.
 */
int goimage_add_segment(struct goimage *image, const struct goimage_segment *segment);

/*
 * goimage_bytes - the bytes at [vaddr, vaddr + size), or NULL
 *
 * NULL unless the whole range lies in the file part of one readable segment.
 * The pointer has whatever alignment the address has.
 */
const __u8 *goimage_bytes(const struct goimage *image, __u64 vaddr, __u64 size);

/* How many bytes goimage_bytes could give from vaddr on; 0 if none. */
__u64 goimage_room(const struct goimage *image, __u64 vaddr);

/*
 * Read one little-endian word as the object was loaded: the zero-filled part of
 * a segment (.bss) reads as zero, whatever a running program put there since.
 * Returns 0, or -EFAULT outside the object's segments.
 */
int goimage_read_u64(const struct goimage *image, __u64 vaddr, __u64 *ret);

/* Does an executable (PF_X) segment contain vaddr? */
bool goimage_is_code(const struct goimage *image, __u64 vaddr);

#endif

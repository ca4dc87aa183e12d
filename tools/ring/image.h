/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ring file as untrusted bytes: opened without side effects, its header
 * copied and its geometry checked, the rest copied out on request. Nothing is
 * mapped, so that a file that somebody truncates meanwhile makes a read short
 * instead of raising SIGBUS.
 */
#ifndef TOOLS_IMAGE_H
#define TOOLS_IMAGE_H

#include <stddef.h>

#include "goidshim/format.h"

struct image {
	int fd;
	__u64 file_size;		/* as the file system has it, not the header */
	struct goidshim_header header;	/* as of image_open or the last image_refresh */
};

/*
 * Opens `path` for reading. Returns 0, or -errno with one clause in *ret_why
 * that follows the file's name in a message. After 0 the header's regions are
 * aligned, in order, do not overflow, and its texts are NUL-terminated; that
 * the file is long enough for them is not promised.
 */
int image_open(const char *path, struct image *ret, const char **ret_why);
void image_close(struct image *image);

/* Copies the header's changing part again. Returns 0 or -errno. */
int image_refresh(struct image *image);

/* Copies up to `size` bytes from `offset`; returns how many there were. */
size_t image_read(const struct image *image, __u64 offset, void *buffer, size_t size);

#endif

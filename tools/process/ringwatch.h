/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringwatch: the header and the counters of a live process's ring, without its
 * records. Ordinary code; the ring is untrusted input.
 */
#ifndef TOOLS_RINGWATCH_H
#define TOOLS_RINGWATCH_H

#include "goidshim/format.h"
#include "tools/process/procmaps.h"

struct ringwatch {
	int fd;
	char path[256];
	struct goidshim_header header;	/* as of the last ringwatch_update */
	__u64 samples;			/* of all lanes */
};

/*
 * ringwatch_open - find and open the ring that the process has mapped
 *
 * Returns 0, or -ENOENT if it has none that this build can read.
 */
int ringwatch_open(const struct procmaps *maps, struct ringwatch *ret);
void ringwatch_close(struct ringwatch *watch);

/* Reads header and counters again. Returns 0, or -EBADMSG if it is no longer a ring. */
int ringwatch_update(struct ringwatch *watch);

#endif

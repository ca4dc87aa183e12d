/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * goprocess: the Go runtimes inside another, running process, read from its
 * memory: what the shim finds from within, found from without. Works on static
 * and stripped programs, on replaced files, and where the TLS offset is only in
 * the relocated GOT. Ordinary code.
 */
#ifndef TOOLS_GOPROCESS_H
#define TOOLS_GOPROCESS_H

#include <stdbool.h>

#include "goidshim/format.h"
#include "tools/process/procmaps.h"

struct goprocess_object {
	struct goidshim_golayout layout;
	char go_version[32];
	__u64 load_bias;
	size_t module;		/* index in procmaps */
	bool has_cgo;
};

struct goprocess {
	struct procmaps maps;
	size_t count;
	struct goprocess_object objects[GOIDSHIM_MAX_OBJECTS];
	char refusal[160];	/* why a Go object that was seen is not listed; "" if none */
};

/*
 * goprocess_read - find every Go runtime of process `pid`
 *
 * Returns 0 (also with count 0), -ESRCH if the process is gone, -EACCES or
 * -EPERM without the right to read its memory, -ENOMEM. Free with
 * goprocess_free.
 */
int goprocess_read(pid_t pid, struct goprocess *ret);
void goprocess_free(struct goprocess *process);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernelrecord: goidshim-record --kernel. Samples a Go process from the kernel
 * and writes a ring like the shim's. Ordinary code.
 */
#ifndef TOOLS_KERNELRECORD_H
#define TOOLS_KERNELRECORD_H

#include <sys/types.h>

struct kernelrecord_options {
	unsigned rate_hz;
	const char *output;	/* absolute; may hold %p */
	pid_t pid;		/* 0: run `command` */
	double seconds;		/* 0: until the process ends */
	char **command;
};

/*
 * kernelrecord_run - record until the process ends, the time is up, or SIGINT
 *
 * Says on standard error what it could not do, and at the end where the ring is.
 * Returns the exit status of the command (0 for a pid), or -errno.
 */
int kernelrecord_run(const struct kernelrecord_options *options);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * launch: start a command under the shim, held back until the caller is ready.
 * Between launch_start and launch_release the child exists, with its final pid,
 * but has not yet run the command. Ordinary code.
 */
#ifndef TOOLS_LAUNCH_H
#define TOOLS_LAUNCH_H

#include <stdbool.h>
#include <sys/types.h>

struct launch {
	pid_t pid;
	int gate;	/* the child waits for a byte from here */
	int report;	/* the child's errno, if exec fails; else closed by exec */
};

/*
 * launch_library - where the shim is
 *
 * `chosen` if not NULL, else the library beside this program in a build tree,
 * else the installed one. Returns 0 with an absolute path, or -errno if there
 * is no such file.
 */
int launch_library(const char *chosen, char *ret, size_t size);

/*
 * launch_start - fork a child that will become argv, found in PATH
 *
 * `library`, if not NULL, is put first in the child's LD_PRELOAD. Returns 0 or
 * -errno.
 */
int launch_start(char *const argv[], const char *library, struct launch *ret);

/*
 * launch_release - let the command run
 *
 * Returns 0 once it runs, or the -errno with which it could not be executed; the
 * child is then reaped.
 */
int launch_release(struct launch *launch);

/* Ends and reaps a child that was never released. */
void launch_abandon(struct launch *launch);

/* What a shell makes of a wait status: the exit status, or 128 + the signal. */
int launch_status(int wait_status);

#endif

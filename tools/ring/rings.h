/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which rings are there? The rings of the calling user in a folder, and the
 * ring that a word on a command line means.
 */
#ifndef TOOLS_RINGS_H
#define TOOLS_RINGS_H

#include <linux/types.h>
#include <stddef.h>
#include <stdio.h>

/* Where the shim puts a ring unless GOIDSHIM_RING says otherwise. */
#define RINGS_FOLDER "/dev/shm"

/*
 * The file that `word` means: NULL, this user's newest ring; a number, the ring
 * of that process, else a file of that name; anything else, a file. Returns 0
 * with a path to free, -ENOENT if there is no such ring, or -ENOMEM.
 */
int rings_find(const char *folder, const char *word, char **ret_path);

/* Prints a line for each of this user's rings. Returns how many, or -errno. */
int rings_list(const char *folder, FILE *out);

/*
 * Removes this user's rings whose process has ended; never one that a process
 * still writes. Prints a line for each. Returns how many, or -errno.
 */
int rings_clean(const char *folder, FILE *out);

#endif

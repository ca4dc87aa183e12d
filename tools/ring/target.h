/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is the process that a ring tells of still there? A process is its pid together
 * with its start time and the boot of the machine; pids alone come round again.
 */
#ifndef TOOLS_TARGET_H
#define TOOLS_TARGET_H

#include <stdbool.h>

#include "tools/ring/reader.h"

enum target_state {
	TARGET_ALIVE,
	TARGET_ENDED,
	TARGET_ELSEWHERE,	/* the ring was written on another machine, or before a reboot */
};

enum target_state target_state(const struct goidshim_header *header);

/* For a writer: fills what target_state() will go by, of process `pid`. */
void target_identify(__u32 pid, struct goidshim_header *ret_header);

/* The path of the target's executable; "?" if the ring does not say. Lives with the reader. */
const char *target_exe(const struct reader *reader);

/*
 * Does any process have this file open or mapped for writing? Also sees
 * processes of other pid namespaces, whose pids mean nothing here. False where
 * the kernel cannot tell. To be called by the file's owner or root.
 */
bool target_has_writer(const char *path);

#endif

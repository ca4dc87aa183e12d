/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The GOIDSHIM_* environment, read once and never trusted: a bad value or an
 * unknown name costs one line of warning, and the default is used.
 */
#ifndef SHIM_CONFIG_H
#define SHIM_CONFIG_H

#include <stdbool.h>

#include <linux/types.h>

#include "goidshim/format.h"

#define CONFIG_AUTO 0	/* for the enums whose 0 means none */

struct config {
	bool enable;
	__u32 events;		/* enum goidshim_event, or-ed; never 0 */
	__u64 heap_interval;	/* bytes, 1 to 1G */
	__u64 lock_min_ns;	/* shorter waits are not recorded; at most an hour */
	__u64 block_min_ns;	/* shorter calls are not recorded; at most an hour */
	__u32 rate_hz;		/* 1 to 10000 */
	__u32 trigger;		/* enum goidshim_trigger, or CONFIG_AUTO */
	__u32 fsbase_method;	/* enum goidshim_fsbase_method, or CONFIG_AUTO */
	__u32 ring_mode;	/* enum goidshim_ring_mode */
	__u32 unwind;		/* enum unwind_backend */
	__u32 stack_depth;	/* frames in a sample, 0 to GOIDSHIM_MAX_STACK */
	__u64 ring_size;	/* bytes of records */
	const char *ring_path;	/* may hold %p; null: the default */
	__u32 log_level;	/* enum log_level; applied by config_read_log() */
	const char *log_path;	/* null: standard error; likewise */
};

/*
 * Sets up the log, and nothing else, without a word: in a process that may have
 * nothing to do with Go. The path stays where it is in `environ`.
 */
void config_read_log(char **environ);

/* Reads all of it. The strings point into `environ`. Warns through log_line(). */
void config_read(char **environ, struct config *ret);

#endif

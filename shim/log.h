/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One line at a time, written by one write(2) of our own, to standard error or
 * to a file; kept for the ring's notes too. Ordinary side only.
 */
#ifndef SHIM_LOG_H
#define SHIM_LOG_H

#include <linux/types.h>

enum log_level {
	LOG_QUIET = 0,
	LOG_WARN = 1,	/* something that was asked for is not done: why, and what then */
	LOG_INFO = 2,	/* what was found and chosen */
};

/* Until it is called lines of LOG_WARN go to standard error. */
void log_configure(enum log_level level, const char *path);

/* Logs "goidshim: <line>\n", at most 500 bytes. errno is preserved. */
void log_line(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif

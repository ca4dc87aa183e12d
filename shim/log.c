/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static enum log_level level_wanted = LOG_WARN;
static const char *log_path;

void log_configure(enum log_level level, const char *path)
{
	level_wanted = level;
	log_path = path;
}

/* Opened for each line: a descriptor that stays open belongs to the program. */
static void write_line(const char *line, size_t size)
{
	int fd = log_path ? open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600)
			  : STDERR_FILENO;

	if (fd < 0)
		fd = STDERR_FILENO;
	if (write(fd, line, size) < 0) {
		/* Nobody can be told. */
	}
	if (fd != STDERR_FILENO)
		close(fd);
}

void log_line(enum log_level level, const char *format, ...)
{
	int saved = errno;
	char line[500] = "goidshim: ";
	int n = 10;
	va_list args;

	if (level > level_wanted)
		return;
	va_start(args, format);
	n += vsnprintf(line + n, sizeof(line) - 1 - (size_t)n, format, args);
	va_end(args);
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	write_line(line, (size_t)n);
	errno = saved;
}

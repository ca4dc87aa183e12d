/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/ring/ringpath.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

int ringpath_absolute(const char *pattern, char *ret, size_t size)
{
	char folder[PATH_MAX] = "";
	int length;

	if (pattern[0] != '/' && !getcwd(folder, sizeof(folder)))
		return -errno;
	length = snprintf(ret, size, "%s%s%s", folder, folder[0] ? "/" : "", pattern);
	return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

void ringpath_expand(const char *pattern, pid_t pid, char *ret, size_t size)
{
	size_t n = 0;

	for (; *pattern && n + 16 < size; pattern++) {
		if (pattern[0] == '%' && pattern[1] == 'p') {
			n += (size_t)snprintf(ret + n, size - n, "%d", (int)pid);
			pattern++;
		} else {
			ret[n++] = *pattern;
		}
	}
	ret[n] = '\0';
}

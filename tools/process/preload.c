/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/process/preload.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "probe/gobinary.h"
#include "tools/symbols/gofile.h"

static int is_runnable(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || access(path, X_OK) < 0)
		return -EACCES;
	return 0;
}

static int copy_path(const char *path, char *ret, size_t size)
{
	int length = snprintf(ret, size, "%s", path);

	return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : is_runnable(ret);
}

int preload_find(const char *command, char *ret_path, size_t size)
{
	const char *folders = getenv("PATH");
	int found = -ENOENT;

	if (strchr(command, '/'))
		return copy_path(command, ret_path, size);
	for (folders = folders ? folders : "/bin:/usr/bin"; *folders && found;) {
		int length = (int)strcspn(folders, ":");
		char *path;
		int r;

		if (asprintf(&path, "%.*s/%s", length, folders, command) < 0)
			return -ENOMEM;
		r = copy_path(path, ret_path, size);
		free(path);
		if (r == 0 || r == -EACCES)
			found = r;
		folders += length + (folders[length] == ':');
	}
	return found;
}

/* The kernel raises rights at exec, and then the dynamic linker drops LD_PRELOAD. */
static bool raises_rights(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return false;
	if ((st.st_mode & S_ISUID && st.st_uid != geteuid()) ||
	    (st.st_mode & S_ISGID && st.st_gid != getegid()))
		return true;
	return geteuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0;
}

static enum preload check_go(const struct gofile *file, const char **ret_why)
{
	struct gobinary binary;
	int r = gobinary_find(&file->image, &binary);

	if (r == -ENOENT) {
		*ret_why = file->is_dynamic ? "has no Go in it; only what it loads or starts can "
					      "be recorded"
					    : "is static and not Go: nothing can be recorded";
		return file->is_dynamic ? PRELOAD_DOUBTFUL : PRELOAD_CANNOT;
	}
	if (!file->is_dynamic) {
		*ret_why = "is a static Go program: nothing can be preloaded; record it with "
			   "--kernel (as root)";
		return PRELOAD_CANNOT;
	}
	if (r == 0 && !binary.has_cgo) {
		*ret_why = "is a Go program without cgo, so it has no C code; record it with "
			   "--kernel (as root)";
		return PRELOAD_CANNOT;
	}
	*ret_why = r == 0 ? NULL : "has a Go runtime that is not understood";
	return r == 0 ? PRELOAD_WORKS : PRELOAD_DOUBTFUL;
}

enum preload preload_check(const char *path, const char **ret_why)
{
	struct gofile file;
	enum preload answer;
	const char *error;

	if (raises_rights(path)) {
		*ret_why = "runs with raised privileges (setuid, setgid or file capabilities): the "
			   "dynamic linker ignores LD_PRELOAD; record it with --kernel (as root)";
		return PRELOAD_CANNOT;
	}
	/* A script, or a file that may be run but not read. */
	if (gofile_open(path, &file, &error) < 0) {
		*ret_why = "is not a readable ELF file; only what it starts can be recorded";
		return PRELOAD_DOUBTFUL;
	}
	answer = check_go(&file, ret_why);
	gofile_close(&file);
	return answer;
}

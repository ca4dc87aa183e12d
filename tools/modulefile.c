/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files are read, never mapped: one that is truncated while we look at it
 * gives an error then, not SIGBUS. Opening is non-blocking and only regular
 * files are taken, for a hostile ring may name a FIFO or a device.
 */
#include "tools/modulefile.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define DEBUG_DIR "/usr/lib/debug"

static int open_regular(const char *path, struct stat *ret_status)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), r;

	if (fd < 0)
		return -errno;
	if (fstat(fd, ret_status))
		r = -errno;
	else if (!S_ISREG(ret_status->st_mode))
		r = -ENOENT;
	else
		return fd;
	close(fd);
	return r;
}

/* Opens `path` as an ELF file; -EBADMSG: it is none. */
static int open_elf(const char *path, struct stat *ret_status, Elf **ret_elf)
{
	int fd = open_regular(path, ret_status);

	if (fd < 0)
		return fd;
	elf_version(EV_CURRENT);
	*ret_elf = elf_begin(fd, ELF_C_READ, NULL);
	if (*ret_elf && elf_kind(*ret_elf) == ELF_K_ELF)
		return fd;
	elf_end(*ret_elf);
	close(fd);
	return -EBADMSG;
}

static bool has_build_id(Elf *elf, const void *id, size_t size)
{
	const void *found;

	return dwelf_elf_gnu_build_id(elf, &found) == (ssize_t)size && !memcmp(found, id, size);
}

static bool is_same(Elf *elf, const struct stat *status, const struct goidshim_module *module,
		    bool elsewhere)
{
	uint64_t mtime = (uint64_t)status->st_mtim.tv_sec * 1000000000 +
			 (uint64_t)status->st_mtim.tv_nsec;

	if (module->build_id_size)
		return has_build_id(elf, module->build_id, module->build_id_size);
	if (module->file_size && module->file_size != (uint64_t)status->st_size)
		return false;
	return elsewhere || !module->mtime_ns || module->mtime_ns == mtime;
}

/* Joins the parts into `path`; false when they do not fit. */
static bool join(char path[PATH_MAX], const char *a, const char *b, const char *c, const char *d)
{
	return snprintf(path, PATH_MAX, "%s%s%s%s", a, b, c, d) < PATH_MAX;
}

static int open_by_build_id(const char *directory, const void *id, size_t size, Elf **ret_debug)
{
	char hex[2 * 64 + 1], name[sizeof(hex) + 2], path[PATH_MAX];
	struct stat status;
	int fd;

	if (size < 2 || size > 64)
		return -ENOENT;
	for (size_t i = 0; i < size; i++)
		snprintf(hex + 2 * i, 3, "%02x", ((const unsigned char *)id)[i]);
	snprintf(name, sizeof(name), "%.2s/%s", hex, hex + 2);
	if (!join(path, directory, "/.build-id/", name, ".debug"))
		return -ENOENT;
	fd = open_elf(path, &status, ret_debug);
	if (fd < 0)
		return fd;
	if (has_build_id(*ret_debug, id, size))
		return fd;
	elf_end(*ret_debug);
	close(fd);
	return -ESTALE;
}

static bool has_crc(int fd, uint32_t wanted)
{
	unsigned char buffer[65536];
	uLong crc = crc32(0, NULL, 0);
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, buffer, sizeof(buffer), at)) > 0) {
		crc = crc32(crc, buffer, (uInt)n);
		at += n;
	}
	return !n && crc == wanted;
}

static int open_if_crc(const char *path, uint32_t crc, Elf **ret_debug)
{
	struct stat status;
	int fd = open_elf(path, &status, ret_debug);

	if (fd < 0)
		return fd;
	if (has_crc(fd, crc))
		return fd;
	elf_end(*ret_debug);
	close(fd);
	return -ESTALE;
}

/* .gnu_debuglink: beside the file, in .debug/ there, or in the debug folder. */
static int open_by_link(const char *debug_dir, const char *file, Elf *elf, Elf **ret_debug)
{
	char folder[PATH_MAX], path[PATH_MAX];
	GElf_Word crc;
	const char *name = dwelf_elf_gnu_debuglink(elf, &crc);
	int fd = -ENOENT;

	if (!name || !*name || strchr(name, '/') || !join(folder, file, "", "", ""))
		return -ENOENT;
	*(strrchr(folder, '/') ? strrchr(folder, '/') : folder) = '\0';
	if (join(path, folder, "/", name, ""))
		fd = open_if_crc(path, crc, ret_debug);
	if (fd < 0 && join(path, folder, "/.debug/", name, ""))
		fd = open_if_crc(path, crc, ret_debug);
	if (fd < 0 && snprintf(path, sizeof(path), "%s%s/%s", debug_dir, folder, name) < PATH_MAX)
		fd = open_if_crc(path, crc, ret_debug);
	return fd;
}

static void open_debug(const struct modulefile_paths *paths, const char *path,
		       struct modulefile *file)
{
	const char *directory = paths->debug_dir ? paths->debug_dir : DEBUG_DIR;
	char in_sysroot[PATH_MAX];
	const void *id;
	ssize_t size = dwelf_elf_gnu_build_id(file->elf, &id);

	file->debug_fd = -1;
	if (size > 0 && paths->sysroot && join(in_sysroot, paths->sysroot, DEBUG_DIR, "", ""))
		file->debug_fd = open_by_build_id(in_sysroot, id, (size_t)size, &file->debug);
	if (file->debug_fd < 0 && size > 0)
		file->debug_fd = open_by_build_id(directory, id, (size_t)size, &file->debug);
	if (file->debug_fd < 0)
		file->debug_fd = open_by_link(directory, path, file->elf, &file->debug);
	if (file->debug_fd < 0) {
		file->debug_fd = -1;
		file->debug = NULL;
	}
}

int modulefile_open(const struct modulefile_paths *paths, const struct goidshim_module *module,
		    struct modulefile *ret_file)
{
	struct modulefile file = { .debug_fd = -1 };
	char path[PATH_MAX];
	struct stat status;

	if (module->path[0] != '/' ||
	    !join(path, paths->sysroot ? paths->sysroot : "", module->path, "", ""))
		return -ENOENT;
	file.fd = open_elf(path, &status, &file.elf);
	if (file.fd < 0)
		return file.fd;
	if (!is_same(file.elf, &status, module, paths->sysroot)) {
		elf_end(file.elf);
		close(file.fd);
		return -ESTALE;
	}
	open_debug(paths, path, &file);
	*ret_file = file;
	return 0;
}

void modulefile_close(struct modulefile *file)
{
	if (file->debug_fd >= 0) {
		elf_end(file->debug);
		close(file->debug_fd);
	}
	elf_end(file->elf);
	close(file->fd);
}

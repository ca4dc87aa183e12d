/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files are read, never mapped: one that is truncated while we look at it
 * then does no harm (no SIGBUS). They are read whole, with zeros after the end,
 * because libdw looks for the end of a string without asking whether its section
 * has one: in a damaged file it finds it here. Opening is non-blocking and only
 * regular files are taken, for a hostile ring may name a FIFO or a device.
 */
#include "tools/symbols/modulefile.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define DEBUG_DIR "/usr/lib/debug"
#define IMAGE_PADDING 4096

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

/* The first `size` bytes of `fd`, and zeros; fewer if the file has become shorter. */
static char *read_image(int fd, size_t size)
{
	char *image = calloc(1, size + IMAGE_PADDING);
	size_t done = 0;
	ssize_t n;

	while (image && done < size && (n = pread(fd, image + done, size - done, (off_t)done)) > 0)
		done += (size_t)n;
	return image;
}

/* Reads an open file of `size` bytes. Returns 0, -EBADMSG: it is not ELF, or -ENOMEM. */
static int read_fd(int fd, size_t size, char **ret_image, Elf **ret_elf)
{
	char *image = read_image(fd, size);
	Elf *elf;

	if (!image)
		return -ENOMEM;
	elf_version(EV_CURRENT);
	elf = elf_memory(image, size);
	if (elf_kind(elf) != ELF_K_ELF) {
		elf_end(elf);
		free(image);
		return -EBADMSG;
	}
	*ret_image = image;
	*ret_elf = elf;
	return 0;
}

/* Reads `path` as an ELF file. Returns 0, -EBADMSG: it is none, or another -errno. */
static int read_elf(const char *path, struct stat *ret_status, char **ret_image, Elf **ret_elf)
{
	int fd = open_regular(path, ret_status), r;

	if (fd < 0)
		return fd;
	r = read_fd(fd, (size_t)ret_status->st_size, ret_image, ret_elf);
	close(fd);
	return r;
}

static void drop(char *image, Elf *elf)
{
	elf_end(elf);
	free(image);
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

/* The contents of .gnu_debugaltlink: a path, NUL, a build id. */
static const char *find_alt_link(Elf *elf, const char **ret_id, size_t *ret_size)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	size_t names, length;

	if (elf_getshdrstrndx(elf, &names))
		return NULL;
	while ((section = elf_nextscn(elf, section))) {
		const char *name = gelf_getshdr(section, &header) ?
					   elf_strptr(elf, names, header.sh_name) :
					   NULL;
		Elf_Data *data;

		if (!name || strcmp(name, ".gnu_debugaltlink"))
			continue;
		data = elf_rawdata(section, NULL);
		if (!data || !data->d_size)
			return NULL;
		length = strnlen(data->d_buf, data->d_size);
		if (!length || length == data->d_size)
			return NULL;
		*ret_id = (char *)data->d_buf + length + 1;
		*ret_size = data->d_size - length - 1;
		return data->d_buf;
	}
	return NULL;
}

/* The file that dwz made for `elf`, the debug file at `path`. */
static void read_alt(const char *path, Elf *elf, struct modulefile *file)
{
	char folder[PATH_MAX], candidate[PATH_MAX], *slash;
	const char *id, *link;
	struct stat status;
	size_t size;

	link = find_alt_link(elf, &id, &size);
	/* The link is relative to where the debug file is, not to a symbolic link to it. */
	if (!link || !realpath(path, folder))
		return;
	slash = strrchr(folder, '/');
	slash[1] = '\0';
	if (!join(candidate, *link == '/' ? "" : folder, link, "", "") ||
	    read_elf(candidate, &status, &file->alt_image, &file->alt))
		return;
	if (has_build_id(file->alt, id, size))
		return;
	drop(file->alt_image, file->alt);
	file->alt = NULL;
}

/* Each way to a separate debug file fills `debug` and `debug_image`. */
static bool read_by_build_id(const char *directory, const void *id, size_t size,
			     struct modulefile *file)
{
	char hex[2 * 64 + 1], name[sizeof(hex) + 2], path[PATH_MAX];
	struct stat status;

	if (size < 2 || size > 64)
		return false;
	for (size_t i = 0; i < size; i++)
		snprintf(hex + 2 * i, 3, "%02x", ((const unsigned char *)id)[i]);
	snprintf(name, sizeof(name), "%.2s/%s", hex, hex + 2);
	if (!join(path, directory, "/.build-id/", name, ".debug") ||
	    read_elf(path, &status, &file->debug_image, &file->debug))
		return false;
	if (has_build_id(file->debug, id, size)) {
		read_alt(path, file->debug, file);
		return true;
	}
	drop(file->debug_image, file->debug);
	return false;
}

static bool read_if_crc(const char *path, uint32_t wanted, struct modulefile *file)
{
	struct stat status;

	if (read_elf(path, &status, &file->debug_image, &file->debug))
		return false;
	if (crc32_z(0, (unsigned char *)file->debug_image, (size_t)status.st_size) == wanted) {
		read_alt(path, file->debug, file);
		return true;
	}
	drop(file->debug_image, file->debug);
	return false;
}

/* .gnu_debuglink: beside the file, in .debug/ there, or in the debug folder. */
static bool read_by_link(const char *debug_dir, const char *path, struct modulefile *file)
{
	char folder[PATH_MAX], candidate[PATH_MAX];
	GElf_Word crc;
	const char *name = dwelf_elf_gnu_debuglink(file->elf, &crc);

	if (!name || !*name || strstr(name, "../") || !join(folder, path, "", "", ""))
		return false;
	*strrchr(folder, '/') = '\0';
	return (join(candidate, folder, "/", name, "") && read_if_crc(candidate, crc, file)) ||
	       (join(candidate, folder, "/.debug/", name, "") &&
		read_if_crc(candidate, crc, file)) ||
	       (snprintf(candidate, PATH_MAX, "%s%s/%s", debug_dir, folder, name) < PATH_MAX &&
		read_if_crc(candidate, crc, file));
}

static void read_debug(const struct modulefile_paths *paths, const char *path,
		       struct modulefile *file)
{
	const char *directory = paths->debug_dir ? paths->debug_dir : DEBUG_DIR;
	char in_sysroot[PATH_MAX];
	const void *id;
	ssize_t size = dwelf_elf_gnu_build_id(file->elf, &id);

	if (size > 0 && paths->sysroot && join(in_sysroot, paths->sysroot, DEBUG_DIR, "", "") &&
	    read_by_build_id(in_sysroot, id, (size_t)size, file))
		return;
	if (size > 0 && read_by_build_id(directory, id, (size_t)size, file))
		return;
	if (read_by_link(directory, path, file))
		return;
	file->debug_image = NULL;
	file->debug = NULL;
	read_alt(path, file->elf, file);
}

static bool find_path(const struct modulefile_paths *paths, const struct goidshim_module *module,
		      char path[PATH_MAX])
{
	return module->path[0] == '/' &&
	       join(path, paths->sysroot ? paths->sysroot : "", module->path, "", "");
}

int modulefile_open_fd(const struct modulefile_paths *paths, const struct goidshim_module *module,
		       int *ret_fd)
{
	char path[PATH_MAX];
	struct stat status;
	Elf *elf;
	int fd, r = 0;

	if (!find_path(paths, module, path))
		return -ENOENT;
	fd = open_regular(path, &status);
	if (fd < 0)
		return fd;
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (elf_kind(elf) != ELF_K_ELF)
		r = -EBADMSG;
	else if (!is_same(elf, &status, module, paths->sysroot))
		r = -ESTALE;
	elf_end(elf);
	if (r)
		close(fd);
	else
		*ret_fd = fd;
	return r;
}

int modulefile_open(const struct modulefile_paths *paths, const struct goidshim_module *module,
		    struct modulefile *ret_file)
{
	struct modulefile file = { 0 };
	char path[PATH_MAX];
	struct stat status;
	int fd, r = modulefile_open_fd(paths, module, &fd);

	if (r)
		return r;
	r = fstat(fd, &status) ? -errno :
				 read_fd(fd, (size_t)status.st_size, &file.image, &file.elf);
	close(fd);
	if (r)
		return r;
	if (find_path(paths, module, path))
		read_debug(paths, path, &file);
	*ret_file = file;
	return 0;
}

void modulefile_close(struct modulefile *file)
{
	if (file->alt)
		drop(file->alt_image, file->alt);
	if (file->debug)
		drop(file->debug_image, file->debug);
	drop(file->image, file->elf);
}

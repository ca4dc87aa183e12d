/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/record/modulenote.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PAGE_MASK (~4095ull)

static int open_module(const struct procmaps *maps, const struct procmaps_module *module)
{
	char link[96];
	int fd = -1;

	if (procmaps_link(maps, module, link, sizeof(link)) == 0)
		fd = open(link, O_RDONLY | O_CLOEXEC);
	return fd;
}

static void fill_file(int fd, struct goidshim_module *m)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return;
	m->inode = st.st_ino;
	m->device = st.st_dev;
	m->file_size = (__u64)st.st_size;
	m->mtime_ns = (__u64)st.st_mtim.tv_sec * 1000000000u + (__u64)st.st_mtim.tv_nsec;
}

/* Where it is loaded, from the first PT_LOAD; where it ends, from the last. */
static int fill_addresses(Elf *elf, __u64 start, struct goidshim_module *m)
{
	bool has_load = false;
	GElf_Phdr phdr;
	size_t count;

	if (elf_getphdrnum(elf, &count) < 0)
		return -ENOEXEC;
	for (size_t i = 0; i < count; i++) {
		if (!gelf_getphdr(elf, (int)i, &phdr) || phdr.p_type != PT_LOAD)
			continue;
		if (!has_load)
			m->load_bias = start - (phdr.p_vaddr - phdr.p_offset);
		has_load = true;
		m->end = m->load_bias + phdr.p_vaddr + phdr.p_memsz;
	}
	return has_load ? 0 : -ENOEXEC;
}

static void fill_build_id(Elf *elf, struct goidshim_module *m)
{
	const void *id;
	ssize_t size = dwelf_elf_gnu_build_id(elf, &id);

	if (size <= 0 || (size_t)size > sizeof(m->build_id))
		return;
	m->build_id_size = (__u8)size;
	memcpy(m->build_id, id, (size_t)size);
}

static int fill(int fd, __u64 start, struct goidshim_module *m)
{
	Elf *elf;
	int r;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!elf)
		return -ENOEXEC;
	fill_file(fd, m);
	r = elf_kind(elf) == ELF_K_ELF ? fill_addresses(elf, start, m) : -ENOEXEC;
	if (r == 0)
		fill_build_id(elf, m);
	elf_end(elf);
	return r;
}

static __u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (__u64)t.tv_sec * 1000000000u + (__u64)t.tv_nsec;
}

int modulenote_make(const struct procmaps *maps, const struct procmaps_module *module, __u32 index,
		    struct goidshim_module **ret)
{
	size_t length = strlen(module->path) + 1;
	size_t size = (sizeof(struct goidshim_module) + length + 7) & ~(size_t)7;
	struct goidshim_module *m;
	int fd, r;

	if (module->offset != 0 || !module->is_executable)
		return -ENOEXEC;
	fd = open_module(maps, module);
	if (fd < 0)
		return -ENOEXEC;
	m = calloc(1, size);
	r = m ? fill(fd, module->start, m) : -ENOMEM;
	close(fd);
	if (r < 0) {
		free(m);
		return r;
	}
	m->record = (struct goidshim_record){ .size = (__u32)size, .type = GOIDSHIM_RECORD_MODULE };
	m->time_ns = now_ns();
	m->start = module->start & PAGE_MASK;
	m->index = index;
	memcpy(m->path, module->path, length);
	*ret = m;
	return 0;
}

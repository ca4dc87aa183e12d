/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/notes.h"

#include <elf.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "shim/sampler.sig.h"

/* Where the notes begin and end, and the modules that are in them. */
struct notes {
	const struct ring *ring;
	unsigned char *start;
	__u64 committed;
	__u32 modules;
};

static struct notes notes_of(const struct ring *ring)
{
	return (struct notes){
		.ring = ring,
		.start = (unsigned char *)ring->header + ring->header->notes_offset,
		.committed = ring->header->notes_committed,
	};
}

static void *reserve(const struct notes *n, __u64 size)
{
	void *at = n->start + n->committed;

	if (n->committed + size > n->ring->header->notes_size || ring_back(at, size) < 0)
		return NULL;
	return at;
}

static void commit(struct notes *n, __u64 size)
{
	n->committed += size;
	__atomic_store_n(&n->ring->header->notes_committed, n->committed, __ATOMIC_RELEASE);
}

/* The next module note at or after *at, which then moves behind it; null: no more. */
static const struct goidshim_module *next_module(const struct notes *n, __u64 *at)
{
	while (*at < n->committed) {
		const struct goidshim_record *r = (const void *)(n->start + *at);

		*at += r->size;
		if (r->type == GOIDSHIM_RECORD_MODULE)
			return (const struct goidshim_module *)r;
	}
	return NULL;
}

/* Counts the modules noted; is this one of them? A place can be used again by another file. */
static bool is_noted(struct notes *n, const struct goidshim_module *m, const char *path)
{
	const struct goidshim_module *old;
	bool found = false;

	n->modules = 0;
	for (__u64 at = 0; (old = next_module(n, &at)); n->modules++)
		if (old->start == m->start && old->end == m->end && old->inode == m->inode &&
		    strcmp(old->path, path) == 0)
			found = true;
	return found;
}

static void fill_build_id(const struct dl_phdr_info *info, const ElfW(Phdr) *ph,
			  struct goidshim_module *m)
{
	const unsigned char *at = (const void *)(info->dlpi_addr + ph->p_vaddr);
	const unsigned char *end = at + ph->p_memsz;

	while (end - at >= (long)sizeof(ElfW(Nhdr))) {
		const ElfW(Nhdr) *note = (const void *)at;
		const unsigned char *name = at + sizeof(*note);
		const unsigned char *desc = name + (note->n_namesz + 3) / 4 * 4;

		if (desc > end || note->n_descsz > (unsigned long)(end - desc))
			return;
		if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 &&
		    memcmp(name, "GNU", 4) == 0 && note->n_descsz <= sizeof(m->build_id)) {
			m->build_id_size = (__u8)note->n_descsz;
			memcpy(m->build_id, desc, note->n_descsz);
			return;
		}
		at = desc + (note->n_descsz + 3) / 4 * 4;
	}
}

static void fill_from_phdr(const struct dl_phdr_info *info, struct goidshim_module *m)
{
	m->load_bias = info->dlpi_addr;
	m->start = ~0ull;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		__u64 start = info->dlpi_addr + ph->p_vaddr;

		if (ph->p_type == PT_LOAD && start < m->start)
			m->start = start & ~4095ull;
		if (ph->p_type == PT_LOAD && start + ph->p_memsz > m->end)
			m->end = start + ph->p_memsz;
		if (ph->p_type == PT_NOTE && !m->build_id_size)
			fill_build_id(info, ph, m);
	}
}

static void fill_from_file(const char *path, struct goidshim_module *m)
{
	struct stat st;

	if (stat(path, &st))
		return;
	m->inode = st.st_ino;
	m->device = st.st_dev;
	m->file_size = (__u64)st.st_size;
	m->mtime_ns = (__u64)st.st_mtim.tv_sec * 1000000000u + (__u64)st.st_mtim.tv_nsec;
}

static void find_path(const struct dl_phdr_info *info, char ret[PATH_MAX])
{
	ssize_t n;

	if (info->dlpi_name && *info->dlpi_name) {
		strncpy(ret, info->dlpi_name, PATH_MAX - 1);
		ret[PATH_MAX - 1] = 0;
		return;
	}
	n = readlink("/proc/self/exe", ret, PATH_MAX - 1);
	ret[n > 0 ? n : 0] = 0;
}

static int add_module(struct dl_phdr_info *info, size_t size, void *context)
{
	struct notes *n = context;
	struct goidshim_module m = { .record = { .type = GOIDSHIM_RECORD_MODULE } }, *note;
	char path[PATH_MAX];

	find_path(info, path);
	fill_from_phdr(info, &m);
	fill_from_file(path, &m);
	if (is_noted(n, &m, path))
		return 0;
	m.index = n->modules;
	m.time_ns = sampler_now();
	m.record.size = (__u32)(sizeof(m) + strlen(path) + 8) / 8 * 8;
	note = reserve(n, m.record.size);
	if (!note)
		return 0;
	*note = m;
	strcpy(note->path, path);
	commit(n, m.record.size);
	return 0;
}

void notes_add_modules(const struct ring *ring)
{
	struct notes n = notes_of(ring);

	dl_iterate_phdr(add_module, &n);
}

__u32 notes_find_module(const struct ring *ring, __u64 load_bias)
{
	struct notes n = notes_of(ring);
	const struct goidshim_module *m;
	__u32 found = 0;

	for (__u64 at = 0; (m = next_module(&n, &at));)
		if (m->load_bias == load_bias)
			found = m->index;
	return found;
}

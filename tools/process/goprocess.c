/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/process/goprocess.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probe/gobinary.h"
#include "probe/goimage.h"
#include "probe/golayout.h"

/* An object larger than this is not copied: no Go program comes near. */
#define SEGMENT_MAX (2ull << 30)

/* A copy of one object: the image points into `copies`. */
struct object_copy {
	struct goimage image;
	void *copies[GOIMAGE_MAX_SEGMENTS];
	size_t count;
};

static bool memory_read(int mem, __u64 address, void *ret, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = pread(mem, (char *)ret + done, size - done, (off_t)(address + done));

		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static void copy_free(struct object_copy *copy)
{
	for (size_t i = 0; i < copy->count; i++)
		free(copy->copies[i]);
}

static int copy_segment(int mem, const Elf64_Phdr *p, struct object_copy *copy)
{
	struct goimage_segment segment = {
		.vaddr = copy->image.load_bias + p->p_vaddr,
		.mem_size = p->p_memsz,
		.flags = p->p_flags,
	};
	void *bytes = NULL;

	if (p->p_flags & PF_R && p->p_filesz && p->p_filesz <= SEGMENT_MAX) {
		if (copy->count == GOIMAGE_MAX_SEGMENTS)
			return -E2BIG;
		bytes = malloc(p->p_filesz);
		if (!bytes)
			return -ENOMEM;
		copy->copies[copy->count++] = bytes;
		if (memory_read(mem, segment.vaddr, bytes, p->p_filesz))
			segment.file_size = p->p_filesz;
		segment.bytes = bytes;
	}
	return goimage_add_segment(&copy->image, &segment);
}

static int copy_segments(int mem, const Elf64_Phdr *phdr, size_t count, struct object_copy *copy)
{
	for (size_t i = 0; i < count; i++) {
		int r = 0;

		if (phdr[i].p_type == PT_LOAD)
			r = copy_segment(mem, &phdr[i], copy);
		if (r < 0)
			return r;
		if (phdr[i].p_type == PT_TLS) {
			copy->image.tls_vaddr = copy->image.load_bias + phdr[i].p_vaddr;
			copy->image.tls_mem_size = phdr[i].p_memsz;
			copy->image.tls_align = phdr[i].p_align;
		}
	}
	return 0;
}

/* The bias of an object whose file offset 0 is mapped at `start`; false if it is not ELF. */
static bool find_bias(const Elf64_Phdr *phdr, size_t count, __u64 start, __u64 *ret)
{
	for (size_t i = 0; i < count; i++)
		if (phdr[i].p_type == PT_LOAD) {
			*ret = start - (phdr[i].p_vaddr - phdr[i].p_offset);
			return true;
		}
	return false;
}

static int copy_object(int mem, const struct procmaps_module *m, struct object_copy *ret)
{
	Elf64_Phdr phdr[64];
	Elf64_Ehdr ehdr;

	if (m->offset != 0 || !m->is_executable || !memory_read(mem, m->start, &ehdr, sizeof(ehdr)))
		return -ENOEXEC;
	if (memcmp(ehdr.e_ident, ELFMAG, SELFMAG) || ehdr.e_ident[EI_CLASS] != ELFCLASS64 ||
	    ehdr.e_phentsize != sizeof(*phdr) || ehdr.e_phnum > 64)
		return -ENOEXEC;
	if (!memory_read(mem, m->start + ehdr.e_phoff, phdr, ehdr.e_phnum * sizeof(*phdr)) ||
	    !find_bias(phdr, ehdr.e_phnum, m->start, &ret->image.load_bias))
		return -ENOEXEC;
	ret->image.is_live = true;
	return copy_segments(mem, phdr, ehdr.e_phnum, ret);
}

/* The address where the program starts tells which object is the executable. */
static __u64 read_entry(pid_t pid)
{
	Elf64_auxv_t aux;
	__u64 entry = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/auxv", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fread(&aux, sizeof(aux), 1, f) == 1)
		if (aux.a_type == AT_ENTRY)
			entry = aux.a_un.a_val;
	fclose(f);
	return entry;
}

/* Adds the module to the process if there is a Go runtime in it. */
static void take_object(struct goprocess *process, const struct object_copy *copy, size_t module)
{
	struct goprocess_object *o = &process->objects[process->count];
	struct golayout_report report = { 0 };
	struct gobinary binary;
	int r;

	r = gobinary_find(&copy->image, &binary);
	if (r == -ENOENT)
		return;
	if (r == 0)
		r = golayout_resolve(&binary, &o->layout, &report);
	if (r < 0) {
		snprintf(process->refusal, sizeof(process->refusal), "%.100s: %s",
			 process->maps.modules[module].path,
			 report.refusal ? report.refusal : "Go's tables make no sense");
		return;
	}
	snprintf(o->go_version, sizeof(o->go_version), "%.*s", (int)sizeof(o->go_version) - 1,
		 binary.version);
	o->load_bias = copy->image.load_bias;
	o->module = module;
	o->has_cgo = binary.has_cgo;
	process->count++;
}

int goprocess_read(pid_t pid, struct goprocess *ret)
{
	char path[64];
	__u64 entry;
	int mem, r;

	*ret = (struct goprocess){ 0 };
	r = procmaps_read(pid, &ret->maps);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	if (mem < 0) {
		r = errno == ENOENT ? -ESRCH : -errno;
		procmaps_free(&ret->maps);
		return r;
	}
	entry = read_entry(pid);
	for (size_t i = 0; i < ret->maps.count && ret->count < GOIDSHIM_MAX_OBJECTS; i++) {
		const struct procmaps_module *m = &ret->maps.modules[i];
		struct object_copy copy = { 0 };

		copy.image.is_executable = entry >= m->start && entry < m->end;
		if (copy_object(mem, m, &copy) == 0)
			take_object(ret, &copy, i);
		copy_free(&copy);
	}
	close(mem);
	return 0;
}

void goprocess_free(struct goprocess *process)
{
	procmaps_free(&process->maps);
}

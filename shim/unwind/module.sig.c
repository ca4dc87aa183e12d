/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/unwind/module.sig.h"

#include <stddef.h>

#include <asm/stat.h>
#include <linux/elf.h>
#include <linux/fcntl.h>
#include <linux/time.h>
#include <linux/time_types.h>

#include "probe/peek.sig.h"
#include "probe/sys.sig.h"

/* A copy of memory that may not be there, in whole words. */
static bool copy(__u64 from, void *to, __u32 size)
{
	for (__u32 i = 0; i < size; i += 8) {
		__u64 word;

		if (!peek_u64(from + i, &word))
			return false;
		__builtin_memcpy((char *)to + i, &word, 8);
	}
	return true;
}

static __u64 now(void)
{
	struct __kernel_timespec t = { 0 };

	sys_call2(__NR_clock_gettime, CLOCK_MONOTONIC, (long)&t);
	return (__u64)t.tv_sec * 1000000000u + (__u64)t.tv_nsec;
}

/* ------------------------------------------------------------ the mapping itself */

static void read_build_id(__u64 at, __u32 size, struct module *m)
{
	for (__u32 i = 0; i < size; i++)
		if (!peek_u8(at + i, &m->build_id[i]))
			return;
	m->build_id_size = (__u8)size;
	m->stamp_at = at;
}

static void read_notes(__u64 at, __u64 size, struct module *m)
{
	const __u32 build_id = 3, gnu = 0x554e47; /* NT_GNU_BUILD_ID, "GNU" */
	const __u64 end = at + size;

	while (end - at >= sizeof(struct elf64_note) && end >= at) {
		__u32 name_size, size_of_desc, type, name = 0;
		__u64 desc;

		if (!peek_u32(at, &name_size) || !peek_u32(at + 4, &size_of_desc) ||
		    !peek_u32(at + 8, &type))
			return;
		desc = at + sizeof(struct elf64_note) + ((name_size + 3ull) & ~3ull);
		if (desc > end || size_of_desc > end - desc)
			return;
		if (type == build_id && name_size == 4 && peek_u32(desc - 4, &name) &&
		    name == gnu && size_of_desc <= MODULE_BUILD_ID_SIZE) {
			read_build_id(desc, size_of_desc, m);
			return;
		}
		at = desc + ((size_of_desc + 3ull) & ~3ull);
	}
}

static void read_load_segment(const struct elf64_phdr *p, struct module *m)
{
	__u64 start = m->bias + p->p_vaddr;
	__u64 end = start + p->p_memsz;

	if (start < m->start)
		m->start = start;
	if (end > m->end)
		m->end = end;
	if (p->p_flags & PF_X && m->segments < MODULE_SEGMENTS) {
		m->segment[m->segments].start = start;
		m->segment[m->segments++].end = end;
	}
	if (m->section.hdr >= start && m->section.hdr < start + p->p_filesz) {
		m->section.lo = start;
		m->section.hi = start + p->p_filesz;
	}
}

/* What tells this module from another at the same address, and is cheap to read. */
static bool read_stamp(struct module *m)
{
	if (m->stamp_at == 0 || m->build_id_size < sizeof(m->stamp))
		m->stamp_at = m->section.hdr != 0 ? m->section.hdr : m->start;
	return copy(m->stamp_at, m->stamp, sizeof(m->stamp));
}

static bool read_phdr(__u64 phdr, __u16 i, struct elf64_phdr *ret)
{
	return copy(phdr + i * sizeof(*ret), ret, sizeof(*ret));
}

/* Where .eh_frame_hdr is, to be known before the segment around it. */
static bool read_section(struct module *m)
{
	for (__u16 i = 0; i < m->phnum; i++) {
		struct elf64_phdr p;

		if (!read_phdr(m->phdr, i, &p))
			return false;
		if (p.p_type == PT_GNU_EH_FRAME)
			m->section.hdr = m->bias + p.p_vaddr;
	}
	return true;
}

bool module_read(__u64 bias, __u64 phdr, __u16 phnum, struct module *ret)
{
	struct elf64_phdr p;

	*ret = (struct module){
		.bias = bias, .phdr = phdr, .phnum = phnum, .start = ~0ull, .seen_ns = now(),
	};
	if (!read_section(ret))
		return false;
	for (__u16 i = 0; i < phnum && read_phdr(phdr, i, &p); i++) {
		if (p.p_type == PT_LOAD)
			read_load_segment(&p, ret);
		else if (p.p_type == PT_NOTE && ret->build_id_size == 0)
			read_notes(bias + p.p_vaddr, p.p_filesz, ret);
	}
	if (ret->section.hi == 0)
		ret->section.hdr = 0;	/* outside every segment */
	return ret->end > ret->start && read_stamp(ret);
}

bool module_read_at(__u64 map_start, struct module *ret)
{
	struct elf64_hdr header;
	struct elf64_phdr p;

	if (!copy(map_start, &header, sizeof(header)) ||
	    __builtin_memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
		return false;
	for (__u16 i = 0; i < header.e_phnum; i++) {
		if (!read_phdr(map_start + header.e_phoff, i, &p))
			return false;
		if (p.p_type == PT_LOAD)
			return module_read(map_start - (p.p_vaddr & ~4095ull),
					   map_start + header.e_phoff, header.e_phnum, ret);
	}
	return false;
}

/* -------------------------------------------------------------- the file on disk */

/* A relative name is relative to where the program was when it opened the library. */
static __u32 read_folder(char *ret, __u32 size)
{
	long length = sys_call2(__NR_getcwd, (long)ret, size);

	/* Counts the NUL. A folder that is out of our reach begins with "(unreachable)". */
	if (length <= 0 || ret[0] != '/')
		return 0;
	ret[length - 1] = '/';
	return (__u32)length;
}

/* Copies a string with its NUL. False if it cannot be read or does not fit. */
static bool copy_string(__u64 from, char *to, __u32 size)
{
	for (__u32 i = 0; i < size; i++) {
		__u8 byte;

		if (!peek_u8(from + i, &byte))
			return false;
		to[i] = (char)byte;
		if (byte == '\0')
			return true;
	}
	return false;
}

static bool read_executable_path(char *ret, __u32 size)
{
	long length = sys_call4(__NR_readlink, (long)"/proc/self/exe", (long)ret, size - 1, 0);

	if (length <= 0)
		return false;
	ret[length] = '\0';
	return true;
}

static bool read_path(__u64 name, char *ret, __u32 size)
{
	static const char vdso[] = "linux-vdso", kernels[] = "[vdso]";
	__u32 folder;

	if (!copy_string(name, ret, size))
		return false;
	if (ret[0] == '/')
		return true;
	if (ret[0] == '\0')
		return read_executable_path(ret, size);
	if (__builtin_memcmp(ret, vdso, sizeof(vdso) - 1) == 0) {
		__builtin_memcpy(ret, kernels, sizeof(kernels));
		return true;
	}
	folder = read_folder(ret, size);
	return copy_string(name, ret + folder, size - folder);
}

void module_read_path(__u64 name, char *ret, __u32 size)
{
	if (!read_path(name, ret, size))
		ret[0] = '\0';
}

void module_read_file(const char *path, struct module *module)
{
	struct stat st;

	if (sys_call4(__NR_newfstatat, AT_FDCWD, (long)path, (long)&st, 0) != 0)
		return;
	module->inode = st.st_ino;
	module->device = st.st_dev;
	module->file_size = (__u64)st.st_size;
	module->mtime_ns = st.st_mtime * 1000000000ull + st.st_mtime_nsec;
}

/* ------------------------------------------------------------------------ asking */

int module_find_segment(const struct module *module, __u64 pc)
{
	for (int i = 0; i < module->segments; i++)
		if (pc >= module->segment[i].start && pc < module->segment[i].end)
			return i;
	return -1;
}

bool module_has_stamp(const struct module *module)
{
	__u64 word;

	for (unsigned i = 0; i < MODULE_STAMP_WORDS; i++)
		if (!peek_u64(module->stamp_at + i * 8ull, &word) || word != module->stamp[i])
			return false;
	return true;
}

static bool has_same_inode(const struct module *a, const struct module *b)
{
	return a->inode == b->inode && a->device == b->device && a->file_size == b->file_size &&
	       a->mtime_ns == b->mtime_ns;
}

/* What is on disk may have changed since it was mapped: a build id counts for more. */
bool module_is_same_file(const struct module *a, const struct module *b)
{
	return a->build_id_size == b->build_id_size &&
	       __builtin_memcmp(a->build_id, b->build_id, sizeof(a->build_id)) == 0 &&
	       __builtin_memcmp(a->stamp, b->stamp, sizeof(a->stamp)) == 0 &&
	       (a->build_id_size > 0 || has_same_inode(a, b));
}

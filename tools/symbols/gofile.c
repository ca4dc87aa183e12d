/* SPDX-License-Identifier: BSD-2-Clause */
/* An ELF file on disk as a goimage. See gofile.h. */
#include "tools/symbols/gofile.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where the dynamic section says that the relocations are. */
struct relocations {
	__u64 rela, rela_size;
	__u64 relr, relr_size;
	__u64 symtab;
};

static int refuse(int err, const char *error, const char **ret_error)
{
	*ret_error = error;
	return err;
}

/*
 * The whole file, copied: a mapping would raise SIGBUS if somebody truncated the
 * file meanwhile.
 */
static int read_file(struct gofile *file, const char **ret_error)
{
	struct stat st;
	ssize_t n = 1;

	if (fstat(file->fd, &st))
		return refuse(-errno, "cannot be examined", ret_error);
	if (!S_ISREG(st.st_mode))
		return refuse(-ENOEXEC, "not a regular file", ret_error);
	if (st.st_size == 0)
		return refuse(-ENOEXEC, "an empty file", ret_error);
	file->map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (file->map == MAP_FAILED) {
		file->map = NULL;
		return refuse(-errno, "does not fit into memory", ret_error);
	}
	file->map_size = (size_t)st.st_size;
	for (size_t done = 0; done < file->map_size && n > 0; done += (size_t)n) {
		n = pread(file->fd, (char *)file->map + done, file->map_size - done, (off_t)done);
		if (n < 0)
			return refuse(-errno, "cannot be read", ret_error);
	}
	return 0;
}

static int check_header(struct gofile *file, GElf_Ehdr *ret_ehdr, const char **ret_error)
{
	elf_version(EV_CURRENT);
	file->elf = elf_memory(file->map, file->map_size);
	if (!file->elf || elf_kind(file->elf) != ELF_K_ELF)
		return refuse(-ENOEXEC, "not an ELF file", ret_error);
	if (gelf_getclass(file->elf) != ELFCLASS64 || !gelf_getehdr(file->elf, ret_ehdr) ||
	    ret_ehdr->e_machine != EM_X86_64 || ret_ehdr->e_ident[EI_DATA] != ELFDATA2LSB)
		return refuse(-ENOEXEC, "not an x86-64 ELF file", ret_error);
	if (ret_ehdr->e_type != ET_EXEC && ret_ehdr->e_type != ET_DYN)
		return refuse(-ENOEXEC, "neither an executable nor a shared library", ret_error);
	return 0;
}

static int add_load(struct gofile *file, const GElf_Phdr *phdr, const char **ret_error)
{
	struct goimage_segment segment = {
		.vaddr = phdr->p_vaddr,
		.file_size = phdr->p_flags & PF_R ? phdr->p_filesz : 0,
		.mem_size = phdr->p_memsz,
		.flags = phdr->p_flags,
	};
	int err;

	if (phdr->p_offset > file->map_size || phdr->p_filesz > file->map_size - phdr->p_offset)
		return refuse(-EBADMSG, "truncated: a segment ends behind the end of the file",
			      ret_error);
	if (phdr->p_flags & PF_R)
		segment.bytes = (__u8 *)file->map + phdr->p_offset;
	err = goimage_add_segment(&file->image, &segment);
	return err ? refuse(err, "damaged: its segments make no sense", ret_error) : 0;
}

static int add_segments(struct gofile *file, GElf_Phdr *ret_dynamic, const char **ret_error)
{
	GElf_Phdr phdr;
	size_t count;

	if (elf_getphdrnum(file->elf, &count) || count == 0)
		return refuse(-EBADMSG, "damaged: it has no program headers", ret_error);
	for (size_t i = 0; i < count; i++) {
		int err = 0;

		if (!gelf_getphdr(file->elf, (int)i, &phdr))
			return refuse(-EBADMSG, "truncated: its program headers are missing",
				      ret_error);
		if (phdr.p_type == PT_LOAD)
			err = add_load(file, &phdr, ret_error);
		if (phdr.p_type == PT_DYNAMIC)
			*ret_dynamic = phdr;
		if (phdr.p_type == PT_INTERP)
			file->is_dynamic = true;
		if (phdr.p_type == PT_TLS) {
			file->image.tls_vaddr = phdr.p_vaddr;
			file->image.tls_mem_size = phdr.p_memsz;
			file->image.tls_align = phdr.p_align ? phdr.p_align : 1;
		}
		if (err)
			return err;
	}
	return 0;
}

static void read_dynamic(const struct goimage *image, const GElf_Phdr *dynamic,
			 struct relocations *ret)
{
	for (__u64 at = 0; at + sizeof(Elf64_Dyn) <= dynamic->p_filesz; at += sizeof(Elf64_Dyn)) {
		__u64 tag, value;

		if (goimage_read_u64(image, dynamic->p_vaddr + at, &tag) || tag == DT_NULL ||
		    goimage_read_u64(image, dynamic->p_vaddr + at + 8, &value))
			return;
		if (tag == DT_RELA)
			ret->rela = value;
		else if (tag == DT_RELASZ)
			ret->rela_size = value;
		else if (tag == DT_RELR)
			ret->relr = value;
		else if (tag == DT_RELRSZ)
			ret->relr_size = value;
		else if (tag == DT_SYMTAB)
			ret->symtab = value;
	}
}

/* Our private copy of 8 bytes of the object, to be written to. */
static __u8 *writable_word(struct gofile *file, __u64 vaddr)
{
	return (__u8 *)goimage_bytes(&file->image, vaddr, 8);
}

static __u64 symbol_value(const struct goimage *image, __u64 symtab, __u64 index)
{
	const __u8 *bytes = goimage_bytes(image, symtab + index * sizeof(Elf64_Sym),
					  sizeof(Elf64_Sym));
	Elf64_Sym symbol;

	if (!bytes)
		return 0;
	memcpy(&symbol, bytes, sizeof(symbol));
	return symbol.st_shndx == SHN_UNDEF ? 0 : symbol.st_value;
}

/* Relocations against symbols of other objects stay undone: Go's tables have none. */
static void apply_rela(struct gofile *file, const struct relocations *where, __u64 vaddr)
{
	const __u8 *bytes = goimage_bytes(&file->image, vaddr, sizeof(Elf64_Rela));
	Elf64_Rela rela;
	__u64 value;
	__u8 *word;

	if (!bytes)
		return;
	memcpy(&rela, bytes, sizeof(rela));
	switch (ELF64_R_TYPE(rela.r_info)) {
	case R_X86_64_RELATIVE:
		value = (__u64)rela.r_addend;
		break;
	case R_X86_64_64:
	case R_X86_64_GLOB_DAT:
		value = symbol_value(&file->image, where->symtab, ELF64_R_SYM(rela.r_info));
		if (!value)
			return;
		value += (__u64)rela.r_addend;
		break;
	default:
		return;
	}
	word = writable_word(file, rela.r_offset);
	if (word)
		memcpy(word, &value, sizeof(value));
}

/*
 * Apply the relocations that a load bias of 0 leaves something to do for. DT_RELR's
 * add the bias to a word that already holds the address: nothing to do.
 */
static void apply_relocations(struct gofile *file, const GElf_Phdr *dynamic)
{
	struct relocations where = { 0 };

	read_dynamic(&file->image, dynamic, &where);
	for (__u64 at = 0; at + sizeof(Elf64_Rela) <= where.rela_size; at += sizeof(Elf64_Rela)) {
		if (!goimage_room(&file->image, where.rela + at))
			break;
		apply_rela(file, &where, where.rela + at);
	}
}

int gofile_open_fd(int fd, struct gofile *ret_file, const char **ret_error)
{
	GElf_Phdr dynamic = { 0 };
	GElf_Ehdr ehdr;
	int err;

	memset(ret_file, 0, sizeof(*ret_file));
	ret_file->fd = fd;
	err = read_file(ret_file, ret_error);
	if (!err)
		err = check_header(ret_file, &ehdr, ret_error);
	if (!err)
		err = add_segments(ret_file, &dynamic, ret_error);
	if (err) {
		gofile_close(ret_file);
		return err;
	}
	apply_relocations(ret_file, &dynamic);
	ret_file->is_shared = ehdr.e_type == ET_DYN;
	ret_file->image.is_executable = ehdr.e_type == ET_EXEC || ret_file->is_dynamic;
	return 0;
}

int gofile_open(const char *path, struct gofile *ret_file, const char **ret_error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int err;

	if (fd < 0)
		return refuse(-errno, strerror(errno), ret_error);
	err = gofile_open_fd(fd, ret_file, ret_error);
	if (err)
		close(fd);
	else
		ret_file->owns_fd = true;
	return err;
}

void gofile_close(struct gofile *file)
{
	elf_end(file->elf);
	if (file->map)
		munmap(file->map, file->map_size);
	if (file->owns_fd)
		close(file->fd);
	memset(file, 0, sizeof(*file));
}

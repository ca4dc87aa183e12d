/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes small Go programs that are all table and no program, for fuzz_gobinary
 * to start from: gosynth-seeds FOLDER.
 */
#include <elf.h>
#include <err.h>
#include <stdio.h>
#include <string.h>

#include "tests/gosynth.h"

#define PAGE 0x1000

struct file {
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdrs[4];
};

static void fill_headers(const struct goimage *image, struct file *ret)
{
	*ret = (struct file){
		.ehdr = {
			.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				     EV_CURRENT },
			.e_type = ET_EXEC,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_phoff = offsetof(struct file, phdrs),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 4,
		},
		.phdrs[3] = { .p_type = PT_TLS, .p_vaddr = image->tls_vaddr,
			      .p_memsz = image->tls_mem_size, .p_align = image->tls_align },
	};
	for (unsigned i = 0; i < 3; i++) {
		ret->phdrs[i].p_type = PT_LOAD;
		ret->phdrs[i].p_flags = image->segments[i].flags;
		ret->phdrs[i].p_offset = PAGE + i * GOSYNTH_SIZE;
		ret->phdrs[i].p_vaddr = image->segments[i].vaddr;
		ret->phdrs[i].p_filesz = image->segments[i].file_size;
		ret->phdrs[i].p_memsz = image->segments[i].mem_size;
	}
}

static void write_seed(const char *folder, unsigned minor)
{
	static struct gosynth synth;
	struct file file;
	char path[4096];
	FILE *out;

	gosynth_write(&synth, minor, gosynth_runtime, GOSYNTH_RUNTIME_COUNT);
	fill_headers(&synth.image, &file);
	snprintf(path, sizeof(path), "%s/go1.%u", folder, minor);
	out = fopen(path, "w");
	if (!out || fwrite(&file, sizeof(file), 1, out) != 1 || fseek(out, PAGE, SEEK_SET) ||
	    fwrite(&synth, 3 * GOSYNTH_SIZE, 1, out) != 1 || fclose(out))
		err(1, "%s", path);
}

int main(int argc, char **argv)
{
	static const unsigned minors[] = { 19, 20, 24, 27, 30 };

	if (argc != 2)
		errx(2, "usage: gosynth-seeds FOLDER");
	for (unsigned i = 0; i < sizeof(minors) / sizeof(minors[0]); i++)
		write_seed(argv[1], minors[i]);
	return 0;
}

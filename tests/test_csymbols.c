/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * C symbols against eu-addr2line and addr2line, on a fixture
 * of ours and on the C library of this machine; and against files that are
 * stripped, replaced, damaged.
 */
#include "tools/symbols/csymbols.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <elf.h>
#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/symbols/demangle.h"

TestSuite(csymbols, .timeout = 60);

#define FIXTURE "tests/fixture_native"

static int run(const char *format, ...)
{
	char command[4096];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	return system(command);
}

/* A folder of this test's own. */
static char *make_folder(void)
{
	static char folder[64];

	snprintf(folder, sizeof(folder), "csymbols.XXXXXX");
	cr_assert(mkdtemp(folder) != NULL);
	return folder;
}

static char *absolute(const char *path)
{
	char *full = realpath(path, NULL);

	cr_assert(full != NULL, "%s: %s", path, strerror(errno));
	return full;
}

/* The module that a ring would hold for the file at `path`, recorded as `recorded`. */
static struct goidshim_module *describe(const char *path, const char *recorded)
{
	struct goidshim_module *module = calloc(1, sizeof(*module) + strlen(recorded) + 1);
	struct stat status;
	const void *id;
	Elf *elf;
	int fd = open(path, O_RDONLY);
	ssize_t size;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	cr_assert(elf != NULL && !fstat(fd, &status), "%s", path);
	size = dwelf_elf_gnu_build_id(elf, &id);
	if (size > 0)
		memcpy(module->build_id, id, (size_t)size);
	module->build_id_size = size > 0 ? (uint8_t)size : 0;
	module->file_size = (uint64_t)status.st_size;
	module->mtime_ns = (uint64_t)status.st_mtim.tv_sec * 1000000000 +
			   (uint64_t)status.st_mtim.tv_nsec;
	strcpy(module->path, recorded);
	elf_end(elf);
	close(fd);
	return module;
}

static struct csymbols *open_file(const char *path)
{
	struct modulefile_paths paths = { 0 };
	char *full = absolute(path);
	struct goidshim_module *module = describe(full, full);
	struct csymbols *symbols;

	cr_assert(zero(int, csymbols_open(&paths, module, &symbols)), "%s", path);
	free(module);
	free(full);
	return symbols;
}

/* [start, end) of the section .text. */
static void find_text(const char *path, uint64_t *ret_start, uint64_t *ret_end)
{
	int fd = open(path, O_RDONLY);
	Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	size_t names;

	cr_assert(zero(int, elf_getshdrstrndx(elf, &names)));
	while ((section = elf_nextscn(elf, section))) {
		gelf_getshdr(section, &header);
		if (!strcmp(elf_strptr(elf, names, header.sh_name), ".text"))
			break;
	}
	cr_assert(section != NULL);
	*ret_start = header.sh_addr;
	*ret_end = header.sh_addr + header.sh_size;
	elf_end(elf);
	close(fd);
}

/* The address of a symbol, as nm prints it. */
static uint64_t address_of(const char *path, const char *symbol)
{
	char command[512];
	unsigned long address = 0;
	FILE *pipe;

	snprintf(command, sizeof(command), "nm %s | awk '$3 == \"%s\" { print $1 }'", path, symbol);
	pipe = popen(command, "r");
	cr_assert(fscanf(pipe, "%lx", &address) == 1, "no symbol %s", symbol);
	pclose(pipe);
	return address;
}

/* What another program says of one frame, and of one address. */
struct oracle_frame {
	char function[4096];
	char file[4096];
	unsigned int line;
};

struct answer {
	uint64_t address;
	unsigned int count;
	struct oracle_frame frames[CSYMBOLS_FRAMES_MAX];
};

static void chomp(char *text)
{
	text[strcspn(text, "\n")] = '\0';
}

/* Reads "FUNCTION[ inlined at ...]" and "FILE:LINE[:COLUMN][ (discriminator N)]". */
static void parse_frame(char *function, char *place, struct oracle_frame *frame)
{
	char *inlined = strstr(function, " inlined at ");
	char *discriminator = strstr(place, " (discriminator");
	char *colon;

	if (inlined)
		*inlined = '\0';
	if (discriminator)
		*discriminator = '\0';
	snprintf(frame->function, sizeof(frame->function), "%s", function);
	colon = strrchr(place, ':');
	*colon = '\0';
	frame->line = (unsigned int)atoi(colon + 1);
	colon = strrchr(place, ':');
	if (colon && colon[1] >= '0' && colon[1] <= '9') { /* that was the column */
		frame->line = (unsigned int)atoi(colon + 1);
		*colon = '\0';
	}
	snprintf(frame->file, sizeof(frame->file), "%s", place);
}

/* Reads one address's block; *head holds its first line, and then that of the next. */
static bool read_answer(FILE *pipe, char head[4096], struct answer *answer)
{
	char place[4096];

	answer->count = 0;
	if (!*head && !fgets(head, 4096, pipe))
		return false;
	cr_assert(strncmp(head, "0x", 2) == 0, "%s", head);
	answer->address = strtoull(head, NULL, 16);
	for (;;) {
		*head = '\0';
		if (!fgets(head, 4096, pipe) || !strncmp(head, "0x", 2))
			return answer->count > 0;
		cr_assert(fgets(place, sizeof(place), pipe) != NULL);
		cr_assert(answer->count < CSYMBOLS_FRAMES_MAX);
		chomp(head);
		chomp(place);
		parse_frame(head, place, &answer->frames[answer->count++]);
	}
}

/*
 * Start-up code from the linker has no DWARF, and eu-addr2line then shows the line of the
 * code before it; padding between functions it calls "??".
 */
static bool has_no_dwarf(const struct oracle_frame *frame)
{
	static const char *const names[] = { "??",
					     "_start",
					     "frame_dummy",
					     "register_tm_clones",
					     "deregister_tm_clones",
					     "__do_global_dtors_aux" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(frame->function, names[i]))
			return true;
	return !strcmp(frame->file, "??");
}

/* glibc's hidden aliases: either name may be the one that is shown. */
static const char *without_alias(const char *function)
{
	return function + (strncmp(function, "__GI_", 5) ? 0 : 5);
}

static bool agrees(const struct csymbols_frame *frames, unsigned int count,
		   const struct answer *answer)
{
	if (count != answer->count)
		return false;
	for (unsigned int i = 0; i < count; i++) {
		const struct oracle_frame *other = &answer->frames[i];

		if (!frames[i].file || strcmp(frames[i].file, other->file) ||
		    frames[i].line != other->line || frames[i].inlined != (i + 1 < count))
			return false;
		/* The outermost function may have several names. */
		if (i + 1 < count && strcmp(without_alias(frames[i].function),
					    without_alias(other->function)))
			return false;
	}
	return true;
}

static void write_addresses(const char *path, uint64_t step, const char *list)
{
	FILE *file = fopen(list, "w");
	uint64_t start, end;

	find_text(path, &start, &end);
	for (uint64_t at = start; at < end; at += step)
		fprintf(file, "0x%lx\n", (unsigned long)at);
	fclose(file);
}

static FILE *ask_program(const char *program, const char *path, const char *list)
{
	char command[8192];

	snprintf(command, sizeof(command), "%s -a -f -i -C -e %s <%s", program, path, list);
	return popen(command, "r");
}

/*
 * Asks for every `step`th address of .text. Each of the two oracles has its own
 * oddities (elfutils drops a frame of strcat's selector, binutils takes a wrong
 * file for calls from included files); our answer must be exactly one of theirs.
 * Returns how many inlined frames agreed.
 */
static unsigned int compare_file(const char *path, uint64_t step)
{
	static struct answer elfutils, binutils;
	static char elfutils_head[4096], binutils_head[4096];
	struct csymbols *symbols = open_file(path);
	char list[] = "addresses.XXXXXX";
	unsigned int inlined = 0;
	FILE *first, *second;

	close(mkstemp(list));
	write_addresses(path, step, list);
	first = ask_program("eu-addr2line", path, list);
	second = ask_program("addr2line", path, list);
	while (read_answer(first, elfutils_head, &elfutils)) {
		struct csymbols_frame frames[CSYMBOLS_FRAMES_MAX];
		unsigned int count = csymbols_find(symbols, elfutils.address, frames);

		cr_assert(read_answer(second, binutils_head, &binutils));
		cr_assert(eq(u64, elfutils.address, binutils.address));
		if (has_no_dwarf(&elfutils.frames[0]))
			continue;
		cr_expect(agrees(frames, count, &elfutils) || agrees(frames, count, &binutils),
			  "0x%lx: %s at %s:%u", (unsigned long)elfutils.address, frames[0].function,
			  frames[0].file, frames[0].line);
		inlined += count - 1;
	}
	cr_assert(zero(int, pclose(first)));
	cr_assert(zero(int, pclose(second)));
	unlink(list);
	csymbols_close(symbols);
	return inlined;
}

static bool has_program(const char *name)
{
	return !run("command -v %s >/dev/null", name);
}

Test(csymbols, our_fixture_as_others_see_it)
{
	if (!has_program("eu-addr2line") || !has_program("addr2line"))
		cr_skip("needs eu-addr2line and addr2line");
	cr_assert(compare_file(FIXTURE, 1) > 100, "the fixture has no inlined calls");
}

Test(csymbols, the_c_library_as_others_see_it)
{
	struct modulefile_paths paths = { 0 };
	struct goidshim_module *module;
	char *libc = realpath("/lib/x86_64-linux-gnu/libc.so.6", NULL);
	struct modulefile file;

	if (!libc || !has_program("eu-addr2line") || !has_program("addr2line"))
		cr_skip("needs eu-addr2line, addr2line and glibc's usual place");
	module = describe(libc, libc);
	cr_assert(zero(int, modulefile_open(&paths, module, &file)));
	if (!file.debug)
		cr_skip("needs the C library's debug file (package libc6-dbg)");
	cr_expect(compare_file(libc, 499) > 500);
}

static void expect_function(struct csymbols *symbols, uint64_t address, const char *function)
{
	struct csymbols_frame frames[CSYMBOLS_FRAMES_MAX];
	unsigned int count = csymbols_find(symbols, address, frames);

	cr_expect(eq(str, (char *)frames[count - 1].function, (char *)function));
}

Test(csymbols, names_are_as_in_the_source)
{
	struct csymbols *symbols = open_file(FIXTURE);

	expect_function(symbols, address_of(FIXTURE, "c_entry"), "c_entry");
	expect_function(symbols, address_of(FIXTURE, "_ZNK6orders4Book5totalEl"),
			"orders::Book::total(long) const");
	csymbols_close(symbols);
}

Test(csymbols, stripped_files_name_functions_by_where_they_begin)
{
	char *folder = make_folder(), path[128], want[64];
	uint64_t entry = address_of(FIXTURE, "c_entry");
	struct csymbols *symbols;

	snprintf(path, sizeof(path), "%s/bare", folder);
	cr_assert(zero(int, run("strip -o %s %s", path, FIXTURE)));
	symbols = open_file(path);
	snprintf(want, sizeof(want), "bare+0x%lx", (unsigned long)entry);
	expect_function(symbols, entry, want);
	expect_function(symbols, entry + 9, want);
	expect_function(symbols, 1, "bare"); /* the ELF header: no function at all */
	csymbols_close(symbols);
	run("rm -r %s", folder);
}

/* Opens `recorded` as described by `module` and expects c_entry with its line. */
static void expect_debug(const struct modulefile_paths *paths,
			 const struct goidshim_module *module, bool want_line)
{
	struct csymbols_frame frames[CSYMBOLS_FRAMES_MAX];
	struct csymbols *symbols;
	unsigned int count;

	cr_assert(zero(int, csymbols_open(paths, module, &symbols)));
	count = csymbols_find(symbols, address_of(FIXTURE, "c_entry"), frames);
	cr_expect(eq(int, frames[count - 1].line > 0, want_line));
	cr_expect(eq(int, !strcmp(frames[count - 1].function, "c_entry"), want_line));
	csymbols_close(symbols);
}

Test(csymbols, debug_files_are_found_by_build_id_and_by_link)
{
	char *folder = make_folder(), *full = absolute(folder), path[4096], dir[4096];
	struct modulefile_paths nowhere = { .debug_dir = "/nonexistent" };
	struct modulefile_paths paths = { .debug_dir = dir }, root = { .sysroot = full };
	struct goidshim_module *module;

	snprintf(path, sizeof(path), "%s/bin/app", full);
	snprintf(dir, sizeof(dir), "%s/dbg", full);
	cr_assert(zero(int, run("mkdir -p %s/bin && strip -o %s %s", full, path, FIXTURE)));
	module = describe(path, path);
	cr_assert(module->build_id_size == 20, "the fixture is linked with a build id");
	expect_debug(&paths, module, false);
	cr_assert(zero(int, run("b=$(readelf -n %s | sed -n 's/.*Build ID: //p'); "
				"d=%s/.build-id/$(echo $b | cut -c1-2); mkdir -p $d && "
				"objcopy --only-keep-debug %s $d/$(echo $b | cut -c3-).debug",
				path, dir, FIXTURE)));
	expect_debug(&paths, module, true);
	expect_debug(&nowhere, module, false);

	/* The same below a sysroot: the ring says /bin/app. */
	free(module);
	module = describe(path, "/bin/app");
	expect_debug(&root, module, false);
	cr_assert(zero(int, run("mkdir -p %s/usr/lib && cp -r %s %s/usr/lib/debug", full, dir,
				full)));
	expect_debug(&root, module, true);
	free(module);

	cr_assert(zero(int, run("mkdir %s/bin/.debug && "
				"objcopy --only-keep-debug %s %s/bin/.debug/app.debug && "
				"cd %s/bin && objcopy --add-gnu-debuglink=.debug/app.debug app",
				full, FIXTURE, full, full)));
	module = describe(path, path);
	expect_debug(&nowhere, module, true);
	cr_assert(zero(int, run("printf x >>%s/bin/.debug/app.debug", full)));
	expect_debug(&nowhere, module, false); /* its checksum is wrong now */
	free(module);
	run("rm -r %s", folder);
	free(full);
}

/* Two debug files that share what dwz has moved to a third. */
Test(csymbols, what_dwz_moved_is_found)
{
	char *folder = make_folder(), *full = absolute(folder), path[4096];
	struct modulefile_paths paths = { 0 };
	struct goidshim_module *module;
	struct modulefile file;

	if (!has_program("dwz"))
		cr_skip("needs dwz");
	snprintf(path, sizeof(path), "%s/app", full);
	cr_assert(zero(int, run("mkdir %s/.dwz && cp %s %s && cp %s %s/other && cd %s && "
				"dwz -m .dwz/common -r app other",
				full, FIXTURE, path, FIXTURE, full, full)));
	module = describe(path, path);
	cr_assert(zero(int, modulefile_open(&paths, module, &file)));
	cr_expect(file.alt != NULL, "dwz made no common file, or it was not found");
	modulefile_close(&file);
	expect_debug(&paths, module, true);
	if (has_program("eu-addr2line") && has_program("addr2line"))
		cr_expect(compare_file(path, 1) > 100);
	free(module);
	run("rm -r %s", folder);
	free(full);
}

Test(csymbols, a_replaced_file_is_refused)
{
	char *folder = make_folder(), *full = absolute(folder), path[4096];
	struct modulefile_paths here = { 0 }, elsewhere = { .sysroot = "" };
	struct goidshim_module *module;
	struct csymbols *symbols;

	snprintf(path, sizeof(path), "%s/app", full);
	cr_assert(zero(int, run("cp %s %s", FIXTURE, path)));
	module = describe(path, path);
	module->build_id[3] ^= 1;
	cr_expect(eq(int, csymbols_open(&here, module, &symbols), -ESTALE));
	module->build_id_size--;
	cr_expect(eq(int, csymbols_open(&here, module, &symbols), -ESTALE));

	module->build_id_size = 0;
	cr_assert(zero(int, csymbols_open(&here, module, &symbols)));
	csymbols_close(symbols);
	module->mtime_ns++;
	cr_expect(eq(int, csymbols_open(&here, module, &symbols), -ESTALE));
	cr_assert(zero(int, csymbols_open(&elsewhere, module, &symbols)));
	csymbols_close(symbols);
	module->file_size++;
	cr_expect(eq(int, csymbols_open(&elsewhere, module, &symbols), -ESTALE));
	free(module);
	run("rm -r %s", folder);
	free(full);
}

Test(csymbols, what_is_not_a_module_is_refused)
{
	static const struct {
		const char *path;
		int want;
	} rows[] = {
		{ "/nonexistent", -ENOENT }, { "[vdso]", -ENOENT },   { "", -ENOENT },
		{ "/dev/null", -ENOENT },    { "/etc", -ENOENT },     { "/etc/passwd", -EBADMSG },
		{ "relative", -ENOENT },
	};
	struct modulefile_paths paths = { 0 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct goidshim_module *module = calloc(1, sizeof(*module) + 64);
		struct csymbols *symbols;

		strcpy(module->path, rows[i].path);
		cr_expect(eq(int, csymbols_open(&paths, module, &symbols), rows[i].want), "row %s",
			  rows[i].path);
		free(module);
	}
}

/* Reads the whole fixture. */
static char *slurp(const char *path, size_t *ret_size)
{
	FILE *file = fopen(path, "r");
	char *bytes;

	fseek(file, 0, SEEK_END);
	*ret_size = (size_t)ftell(file);
	rewind(file);
	bytes = malloc(*ret_size);
	cr_assert(fread(bytes, 1, *ret_size, file) == *ret_size);
	fclose(file);
	return bytes;
}

/* Asks a damaged file for everything. Any answer is right that is an answer. */
static void ask(const char *path, const char *bytes, size_t size)
{
	struct modulefile_paths paths = { 0 };
	struct goidshim_module *module = calloc(1, sizeof(*module) + strlen(path) + 1);
	struct csymbols_frame frames[CSYMBOLS_FRAMES_MAX];
	FILE *file = fopen(path, "w");
	struct csymbols *symbols;

	fwrite(bytes, 1, size, file);
	fclose(file);
	strcpy(module->path, path);
	if (!csymbols_open(&paths, module, &symbols)) {
		for (uint64_t address = 0; address < 0x4000; address += 13) {
			unsigned int count = csymbols_find(symbols, address, frames);

			cr_assert(count >= 1 && count <= CSYMBOLS_FRAMES_MAX);
			for (unsigned int i = 0; i < count; i++)
				cr_assert(frames[i].function != NULL);
		}
		csymbols_close(symbols);
	}
	free(module);
}

Test(csymbols, damaged_files_do_no_harm)
{
	char *folder = make_folder(), *full = absolute(folder), path[4096];
	size_t size;
	char *bytes = slurp(FIXTURE, &size), *copy = malloc(size);

	snprintf(path, sizeof(path), "%s/app", full);
	for (size_t cut = 0; cut < size; cut += size / 97)
		ask(path, bytes, cut);
	srand(1);
	for (int round = 0; round < 300; round++) {
		int flips = 1 + rand() % 64;

		memcpy(copy, bytes, size);
		while (flips--)
			copy[(size_t)rand() % size] ^= (char)(1 << rand() % 8);
		ask(path, copy, size);
	}
	free(bytes);
	free(copy);
	run("rm -r %s", folder);
	free(full);
}

Test(csymbols, symbols_become_source_names)
{
	static const struct {
		const char *symbol, *want;
	} rows[] = {
		{ "main", "main" },
		{ "memcpy@@GLIBC_2.14", "memcpy" },
		{ "copy.part.0", "copy" },
		{ "copy.part.0.cold", "copy" },
		{ "copy.constprop.12.isra.3", "copy" },
		{ "main.main", "main.main" },
		{ "part.0", "part.0" },
		{ ".cold", ".cold" },
		{ "_ZN1a1bEv", "a::b()" },
		{ "_ZN1a1bEv.cold", "a::b()" },
		{ "_ZNSt6vectorIiSaIiEE9push_backEOi",
		  "std::vector<int, std::allocator<int> >::push_back(int&&)" },
		{ "_Znonsense", "_Znonsense" },
		{ "", "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *name = demangle_symbol(rows[i].symbol);

		cr_expect(eq(str, name, (char *)rows[i].want), "row %s", rows[i].symbol);
		free(name);
	}
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shim/unwind/modules: what is mapped is found, with the identity that the files
 * themselves have; a library that came after the last refresh is found all the
 * same, and unwinds by the same rules; one that went is not.
 */
#include "shim/unwind/modules.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dlfcn.h>
#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/unwind/ehrows.sig.h"
#include "shim/unwind/listing.sig.h"
#include "tests/bench/faults.h"

/* A stamp may be read where nothing is mapped any more. */
TestSuite(modules, .init = faults_catch, .timeout = 20);

/* A library that nothing here needs. */
static const char late[] = "libzstd.so.1";

static struct modules_segment find(const void *address)
{
	struct modules_segment segment = { .start = 0 };

	if (!modules_find((__u64)address, &segment))
		segment.end = 0;
	return segment;
}

static const struct module *entry_of(const struct modules_segment *segment)
{
	cr_assert(segment->end != 0, "not found");
	cr_assert(segment->module != NULL, "not in the snapshot");
	return segment->module;
}

static unsigned told;

/* The newest that was told of, as long as its path may be looked at. */
static struct module newest;
static char newest_path[4096];

static void on_new(const struct module *module)
{
	told++;
	newest = *module;
	strcpy(newest_path, module->path);
}

Test(modules, index_0_is_the_executable)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	path[n] = '\0';
	listing_tell(on_new);
	cr_assert(eq(int, modules_refresh(true), 0));
	cr_assert(eq(u32, newest.index + 1, told));
	cr_assert(eq(u32, told, modules_count()));
	cr_assert(eq(u32, modules_at(0)->index, 0));
	cr_assert(eq(str, (char *)modules_at(0)->path, path));
}

Test(modules, code_is_found_in_its_file)
{
	struct modules_segment segment;
	const struct module *e;
	struct stat st;

	modules_refresh(true);
	segment = find((const void *)strtok_r);
	e = entry_of(&segment);
	cr_assert(strstr(e->path, "libc.so.6") != NULL, "%s", e->path);
	cr_assert(stat(e->path, &st) == 0);
	cr_expect(eq(u64, e->inode, st.st_ino));
	cr_expect(eq(u64, e->device, st.st_dev));
	cr_expect(eq(u64, e->file_size, (__u64)st.st_size));
	segment = find((const void *)find);
	cr_expect(eq(u32, entry_of(&segment)->index, 0));
}

Test(modules, build_ids_are_those_of_the_files)
{
	unsigned compared = 0;

	elf_version(EV_CURRENT);
	modules_refresh(false);
	for (unsigned i = 0; i < modules_count(); i++) {
		const struct module *e = modules_at(i);
		int fd = open(e->path, O_RDONLY);
		Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
		const void *id = NULL;
		ssize_t size = elf ? dwelf_elf_gnu_build_id(elf, &id) : 0;

		if (size > 0 && size <= 32) {
			cr_assert(eq(int, e->build_id_size, (int)size));
			cr_assert(memcmp(e->build_id, id, (size_t)size) == 0, "%s", e->path);
			compared++;
		}
		elf_end(elf);
		close(fd);
	}
	cr_assert(compared > 3);
}

Test(modules, what_is_not_code_of_a_module_is_not_found)
{
	int local;
	void *page = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	modules_refresh(true);
	cr_expect(find(&local).end == 0);
	cr_expect(find(&told).end == 0);
	cr_expect(find(page).end == 0);
	cr_expect(find(NULL).end == 0);
	cr_expect(find((void *)~0ul).end == 0);
}

/*
 * Every 16th pc of a library, by the table and by interpretation in place, which
 * derives nothing.
 */
static unsigned compare_rules(const struct modules_segment *new,
			      const struct modules_segment *known)
{
	unsigned compared = 0;

	for (__u64 pc = known->start; pc < known->end; pc += 16) {
		struct cfi_rule a, b;

		modules_find_rule(new, pc, &a);
		modules_find_rule(known, pc, &b);
		if (b.derived) {
			cr_assert(eq(u8, a.kind, CFI_NONE));
			continue;
		}
		cr_assert(eq(u8, a.kind, b.kind));
		if (a.kind <= CFI_UNSUPPORTED)
			continue;
		cr_assert(memcmp(&a, &b, sizeof(a)) == 0);
		compared++;
	}
	return compared;
}

Test(modules, a_library_opened_since_unwinds_the_same)
{
	struct modules_segment new, known;
	void *library, *function;

	modules_refresh(true);
	library = dlopen(late, RTLD_NOW);
	if (library == NULL)
		cr_skip("%s is not installed", late);
	function = dlsym(library, "ZSTD_compress");
	new = find(function);
	cr_assert(new.end != 0);
	cr_assert(new.module != NULL && new.module->cfi == NULL);
	modules_refresh(true);
	known = find(function);
	cr_assert(strstr(entry_of(&known)->path, late) != NULL);
	cr_assert(known.module->cfi != NULL);
	cr_assert(compare_rules(&new, &known) > 1000);
}

/* As a handler would: nobody refreshes, and it is told of all the same, once. */
Test(modules, a_library_opened_since_is_listed_once)
{
	struct modules_segment segment;
	struct link_map *map;
	void *library, *function;
	unsigned before;

	modules_refresh(true);
	listing_tell(on_new);
	library = dlopen(late, RTLD_NOW);
	if (library == NULL)
		cr_skip("%s is not installed", late);
	function = dlsym(library, "ZSTD_compress");
	for (int i = 0; i < 3; i++) {
		segment = find(function);
		cr_assert(eq(u32, told, 1));
		cr_assert(eq(u32, segment.module->index, newest.index));
	}
	cr_assert(dlinfo(library, RTLD_DI_LINKMAP, &map) == 0);
	cr_expect(eq(str, newest_path, map->l_name));
	cr_expect(eq(u64, newest.bias, map->l_addr));
	cr_expect(newest.inode != 0 && newest.file_size != 0 && newest.build_id_size == 20);
	before = modules_count();
	modules_refresh(true);
	segment = find(function);
	cr_assert(eq(u32, told, 1), "the refresh has told of it again");
	cr_assert(eq(u32, modules_count(), before + 1));
	cr_assert(eq(u32, segment.module->index, newest.index));
}

/* A small library whose build id, or first rule, is like no other's. */
static void build(const char *path, const char *options)
{
	char command[512];

	snprintf(command, sizeof(command),
		 "echo 'int here(int x) { return x * %zu; }' | cc -shared -fPIC %s -x c -o %s -",
		 strlen(options), options, path);
	cr_assert(system(command) == 0, "%s", command);
}

/* Opens `path`, finds its code where it should be, and closes it: its index. */
static unsigned visit(const char *path, void **at)
{
	void *library = dlopen(path, RTLD_NOW);
	struct modules_segment segment;

	cr_assert(library != NULL, "%s", dlerror());
	*at = dlsym(library, "here");
	segment = find(*at);
	dlclose(library);
	cr_assert(segment.module != NULL);
	return segment.module->index;
}

/*
 * Two libraries take each other's place, with a refresh now and then or without:
 * each coming is new, because readers know of no going.
 */
Test(modules, what_took_a_place_is_new_even_if_it_was_there_before)
{
	const char *const paths[] = { "./test_modules_a.so", "./test_modules_b.so" };
	unsigned last = 0, index;
	void *at, *there = NULL;

	build(paths[0], "-Wl,--build-id=sha1");
	build(paths[1], "-Wl,--build-id=sha1 -O2");
	modules_refresh(true);
	listing_tell(on_new);
	for (int i = 0; i < 12; i++) {
		index = visit(paths[i % 2], &at);
		if (there != NULL && ((__u64)at ^ (__u64)there) >> 12)
			cr_skip("the kernel puts them elsewhere");
		there = at;
		cr_assert(index > last, "visit %d: %u after %u", i, index, last);
		cr_assert(eq(u32, index, newest.index));
		cr_assert(newest_path[0] == '/', "%s", newest_path);
		cr_assert(strstr(newest_path, paths[i % 2] + 2) != NULL, "%s", newest_path);
		cr_assert(eq(u32, visit(paths[i % 2], &at), index), "listed twice");
		last = index;
		if (i % 3 == 0)
			modules_refresh(true);
	}
	remove(paths[0]);
	remove(paths[1]);
}

Test(modules, a_library_that_was_closed_is_gone_and_comes_back_with_its_table)
{
	struct modules_segment segment;
	const struct cfi_table *table;
	void *library = dlopen(late, RTLD_NOW), *function;

	if (library == NULL)
		cr_skip("%s is not installed", late);
	function = dlsym(library, "ZSTD_compress");
	modules_refresh(true);
	segment = find(function);
	table = entry_of(&segment)->cfi;
	cr_assert(table != NULL);
	dlclose(library);
	cr_assert(dlopen(late, RTLD_NOW | RTLD_NOLOAD) == NULL, "something else holds %s", late);
	cr_assert(find(function).end == 0, "found before anybody has said so");
	modules_refresh(true);
	cr_assert(find(function).end == 0);
	library = dlopen(late, RTLD_NOW);
	modules_refresh(true);
	segment = find(dlsym(library, "ZSTD_compress"));
	cr_assert(entry_of(&segment)->cfi == table);
}

/* Opening and closing for ever costs no memory for ever. */
Test(modules, nothing_grows_without_new_files)
{
	unsigned before = 0;

	for (int i = 0; i < 200; i++) {
		void *library = dlopen(late, RTLD_NOW);

		if (library == NULL)
			cr_skip("%s is not installed", late);
		cr_assert(eq(int, modules_refresh(true), 0));
		dlclose(library);
		modules_refresh(true);
		if (i == 50)
			before = modules_count();
	}
	/* Where it is mapped may vary; that it is always somewhere new, not. */
	cr_assert(modules_count() - before < 75, "%u entries", modules_count());
}

/* Read in place, and then out of the cache, whose slots many pcs share. */
Test(modules, a_module_that_is_not_compiled_gives_the_same_rules)
{
	struct modules_segment segment;
	struct cfi_rule rule, truth;
	unsigned known = 0;

	modules_refresh(false);
	segment = find((const void *)strtok_r);
	cr_assert(segment.module != NULL && segment.module->cfi == NULL);
	for (__u64 pc = segment.start; pc < segment.end; pc += 97) {
		truth.kind = CFI_NONE;
		known += ehrows_rule(&segment.module->section, pc, &truth);
		for (int again = 0; again < 2; again++) {
			modules_find_rule(&segment, pc, &rule);
			cr_assert(eq(int, rule.kind, truth.kind));
			cr_assert(rule.kind == CFI_NONE || !memcmp(&rule, &truth, sizeof(rule)));
		}
		modules_find_rule(&segment, segment.start + (pc * 31) % 4096, &rule);
	}
	cr_assert(known > 10000);
}

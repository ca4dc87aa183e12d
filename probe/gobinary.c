/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding Go's tables. The way in is runtime.firstmoduledata: it begins with a
 * pointer to pclntab's header and a pointer to just behind that header, a pair
 * that hardly anything else has, it lies in a writable segment, and it is small
 * work to look for: those segments are searched from their ends, where linkers
 * put it, so that of a large program only a few pages are touched.
 */
#include "probe/gobinary.h"

#include <errno.h>
#include <string.h>

#include "probe/gocode.h"

/* pclntab's header. */
#define MAGIC_1_18	0xfffffff0u
#define MAGIC_1_20	0xfffffff1u
#define HEADER_WORDS	9	/* magic.., nfunc, nfiles, textStart, five tables' offsets */
#define HEADER_MAX	128	/* the first table follows the header closely */
#define MAX_FUNCTIONS	10000000

/* Words of runtime.moduledata, at the same place from Go 1.18 on. */
enum moduledata_word {
	MD_HEADER = 0,
	MD_FUNCNAMES = 1,
	MD_FUNCTAB = 13,
	MD_FUNCTAB_SIZE = 14,
	MD_BUCKETS = 19,
	MD_MIN_PC = 20,
	MD_MAX_PC = 21,
	MD_TEXT = 22,
	MD_ETEXT = 23,
	MD_WORDS,
	/* gofunc is one of these: which one depends on the version. */
	MD_GOFUNC_FIRST = 32,
	MD_GOFUNC_LAST = 56,
};

#define BUILDINFO_MAGIC		"\xff Go buildinf:"
#define BUILDINFO_ALIGN		16
#define BUILDINFO_HEADER	32	/* magic, pointer size, flags, padding */
#define BUILDINFO_INLINE	2	/* flag, Go 1.18: the strings follow the header */

static __u64 load_u64(const __u8 *bytes)
{
	__u64 word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

static __u32 load_u32(const __u8 *bytes)
{
	__u32 word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

static bool is_searched(const struct goimage_segment *segment)
{
	return (segment->flags & PF_W) && segment->file_size >= MD_WORDS * 8;
}

/*
 * The version string: "go1.27.3", "go1.24.4 X:experiment", "devel go1.28-...".
 */
static bool read_version(const __u8 *bytes, __u64 room, struct gobinary *binary)
{
	__u64 length;

	if (room < BUILDINFO_HEADER + 1 || !(bytes[15] & BUILDINFO_INLINE))
		return false;
	/* A varint, but no version has 128 characters. */
	length = bytes[BUILDINFO_HEADER];
	if (length >= 128 || length > room - BUILDINFO_HEADER - 1)
		return false;
	if (length >= GOBINARY_VERSION_MAX)
		length = GOBINARY_VERSION_MAX - 1;
	memcpy(binary->version, bytes + BUILDINFO_HEADER + 1, length);
	binary->version[length] = '\0';
	if (!strstr(binary->version, "go1."))
		binary->version[0] = '\0';
	return binary->version[0] != '\0';
}

static unsigned parse_minor(const char *version)
{
	const char *p = strstr(version, "go1.");
	unsigned minor = 0;

	for (p = p ? p + 4 : ""; *p >= '0' && *p <= '9' && minor < 1000; p++)
		minor = minor * 10 + (unsigned)(*p - '0');
	return minor;
}

static bool find_version_in(const struct goimage_segment *segment, struct gobinary *binary)
{
	__u64 skew = -segment->vaddr % BUILDINFO_ALIGN;
	__u64 magic = load_u64((const __u8 *)BUILDINFO_MAGIC);

	if (segment->file_size < BUILDINFO_HEADER + skew)
		return false;
	for (__u64 i = skew + (segment->file_size - skew - BUILDINFO_HEADER) / BUILDINFO_ALIGN *
				      BUILDINFO_ALIGN;; i -= BUILDINFO_ALIGN) {
		const __u8 *bytes = segment->bytes + i;

		if (load_u64(bytes) == magic &&
		    memcmp(bytes, BUILDINFO_MAGIC, sizeof(BUILDINFO_MAGIC) - 1) == 0 &&
		    read_version(bytes, segment->file_size - i, binary))
			return true;
		if (i < skew + BUILDINFO_ALIGN)
			return false;
	}
}

static bool find_version(const struct goimage *image, struct gobinary *ret)
{
	for (unsigned i = image->segment_count; i-- > 0;) {
		const struct goimage_segment *segment = &image->segments[i];

		if (is_searched(segment) && find_version_in(segment, ret)) {
			ret->minor = parse_minor(ret->version);
			return true;
		}
	}
	return false;
}

/* Cut a table of strings behind its last whole one: lookups need not search for the end. */
static void end_in_nul(struct gopclntab_bytes *strings)
{
	while (strings->size && strings->bytes[strings->size - 1] != 0)
		strings->size--;
}

/* The header's tables lie one behind the other; the last one's size is moduledata's to say. */
static int bound_tables(const struct goimage *image, const __u8 *md, const __u8 *header,
			struct gobinary *ret)
{
	struct gopclntab *tab = &ret->functions;
	struct gopclntab_bytes *const tables[] = { &tab->funcnames, &tab->cutab, &tab->filetab,
						   &tab->pctab, &tab->functab };
	__u64 start = load_u64(md + MD_HEADER * 8);
	__u64 functab_end = load_u64(header + 8 * 8) + load_u64(md + MD_FUNCTAB_SIZE * 8);

	for (unsigned i = 0; i < 5; i++) {
		__u64 offset = load_u64(header + (4 + i) * 8);
		__u64 end = i == 4 ? functab_end : load_u64(header + (5 + i) * 8);

		if (end < offset || start + end < start)
			return -EBADMSG;
		tables[i]->size = end - offset;
		tables[i]->bytes = goimage_bytes(image, start + offset, end - offset);
		if (!tables[i]->bytes)
			return -EBADMSG;
	}
	end_in_nul(&tab->funcnames);
	end_in_nul(&tab->filetab);
	return tab->functab.size / 8 > tab->func_count ? 0 : -EBADMSG;
}

static void bound_buckets(const struct goimage *image, const __u8 *md, struct gopclntab *tab)
{
	__u64 size = ((tab->etext - tab->min_pc) / 4096 + 1) * 20;

	tab->buckets.bytes = goimage_bytes(image, load_u64(md + MD_BUCKETS * 8), size);
	tab->buckets.size = tab->buckets.bytes ? size : 0;
}

/*
 * Do the inlining trees of the first functions that have one make sense? The
 * runtime's functions come early; in a program compiled without inlining no more
 * than some are asked, and funcdata, which nobody needs then, stays unknown.
 */
static bool inlining_makes_sense(const struct gopclntab *tab)
{
	__u32 count = tab->func_count < 4096 ? tab->func_count : 4096;
	struct gopclntab_function function;
	unsigned good = 0;

	for (__u32 i = 0; i < count && good < 16; i++) {
		int err = gopclntab_function(tab, i, &function);

		if (!err)
			err = gopclntab_check_inlining(tab, &function);
		if (err == -EBADMSG)
			return false;
		good += err == 0;
	}
	return good > 0;
}

/*
 * gofunc moves within moduledata from version to version, so it is recognised:
 * it is the word from which the functions' inlining trees can be read.
 */
static void find_funcdata(const struct gobinary *binary, struct gopclntab *tab)
{
	for (unsigned i = MD_GOFUNC_FIRST; i <= MD_GOFUNC_LAST; i++) {
		__u64 base;

		if (goimage_read_u64(binary->image, binary->moduledata + i * 8, &base))
			break;
		tab->funcdata.size = goimage_room(binary->image, base);
		tab->funcdata.bytes = goimage_bytes(binary->image, base, tab->funcdata.size);
		if (tab->funcdata.size && inlining_makes_sense(tab))
			return;
	}
	memset(&tab->funcdata, 0, sizeof(tab->funcdata));
}

static int read_moduledata(const struct goimage *image, const __u8 *md, struct gobinary *ret)
{
	struct gopclntab *tab = &ret->functions;
	const __u8 *header;
	__u32 magic;
	int err;

	ret->pclntab = load_u64(md + MD_HEADER * 8);
	header = goimage_bytes(image, ret->pclntab, HEADER_WORDS * 8);
	if (!header || load_u32(header + 4) != 0x08010000)
		return -ENOENT;
	magic = load_u32(header);
	if (magic != MAGIC_1_18 && magic != MAGIC_1_20)
		return -ENOENT;
	if (load_u64(md + MD_FUNCNAMES * 8) != ret->pclntab + load_u64(header + 4 * 8) ||
	    load_u64(md + MD_FUNCTAB * 8) != ret->pclntab + load_u64(header + 8 * 8))
		return -ENOENT;
	ret->text = load_u64(md + MD_TEXT * 8);
	ret->etext = load_u64(md + MD_ETEXT * 8);
	tab->text = ret->text;
	tab->min_pc = load_u64(md + MD_MIN_PC * 8);
	tab->etext = load_u64(md + MD_MAX_PC * 8);
	if (ret->text > tab->min_pc || tab->min_pc >= tab->etext || tab->etext > ret->etext)
		return -EBADMSG;
	if (load_u64(header + 8) == 0 || load_u64(header + 8) > MAX_FUNCTIONS)
		return -EBADMSG;
	tab->func_count = (__u32)load_u64(header + 8);
	tab->has_start_line = magic == MAGIC_1_20;
	err = bound_tables(image, md, header, ret);
	if (!err)
		bound_buckets(image, md, tab);
	return err;
}

static int find_moduledata_in(const struct goimage *image, const struct goimage_segment *segment,
			      struct gobinary *ret)
{
	__u64 skew = -segment->vaddr % 8;
	int result = -ENOENT;

	if (segment->file_size < MD_WORDS * 8 + skew)
		return -ENOENT;
	for (__u64 i = skew + (segment->file_size - skew - MD_WORDS * 8) / 8 * 8;; i -= 8) {
		const __u8 *md = segment->bytes + i;

		if (load_u64(md + 8) - load_u64(md) - 1 < HEADER_MAX) {
			int err = read_moduledata(image, md, ret);

			ret->moduledata = segment->vaddr + i;
			if (err == 0)
				return 0;
			if (err == -EBADMSG)
				result = err;
		}
		if (i < skew + 8)
			return result;
	}
}

static int find_moduledata(const struct goimage *image, struct gobinary *ret)
{
	int result = -ENOENT;

	for (unsigned i = image->segment_count; i-- > 0;) {
		int err = -ENOENT;

		if (is_searched(&image->segments[i]))
			err = find_moduledata_in(image, &image->segments[i], ret);
		if (err == 0)
			return 0;
		if (err == -EBADMSG)
			result = err;
	}
	return result;
}

/*
 * Go's entry code asks whether _cgo_init is set before it takes the FS base for
 * itself: "mov _cgo_init(%rip),%rax; test %rax,%rax; je". Its value in the file
 * is the answer for every link mode, with and without symbols.
 */
static bool has_cgo(const struct gobinary *binary)
{
	struct gobinary_function entry = { .name = "runtime.rt0_go" };
	__s32 values[GOCODE_MAX_VALUES];
	struct gocode code;
	__u64 cgo_init;
	__s64 at;

	if (!gobinary_lookup(binary, &entry, 1) || gobinary_code(binary, &entry, &code))
		return false;
	at = gocode_search(&code, "48 8b 05 <4> 48 85 c0 74", 0, values);
	if (at < 0)
		return false;
	if (goimage_read_u64(binary->image, entry.entry + (__u64)at + 7 + (__u64)values[0],
			     &cgo_init))
		return false;
	return cgo_init != 0;
}

int gobinary_find(const struct goimage *image, struct gobinary *ret)
{
	bool has_version;
	int err;

	memset(ret, 0, sizeof(*ret));
	ret->image = image;
	has_version = find_version(image, ret);
	err = find_moduledata(image, ret);
	if (err == -ENOENT && has_version)
		return -ENOTSUP;
	if (err)
		return err;
	find_funcdata(ret, &ret->functions);
	ret->has_cgo = has_cgo(ret);
	return 0;
}

/* Every name asked for is the runtime's, and few functions are; some of its
 * assembly has no package (crosscall2, gogo). */
static bool is_runtime(const char *name)
{
	return strncmp(name, "runtime.", 8) == 0 || strchr(name, '.') == NULL;
}

static void note_function(const struct gopclntab_function *function,
			  struct gobinary_function *wanted, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (strcmp(function->name, wanted[i].name) != 0)
			continue;
		if (function->end - function->entry > wanted[i].end - wanted[i].entry) {
			wanted[i].entry = function->entry;
			wanted[i].end = function->end;
		}
	}
}

unsigned gobinary_lookup(const struct gobinary *binary, struct gobinary_function *functions,
			 unsigned count)
{
	struct gopclntab_function function;
	unsigned found = 0;

	for (unsigned i = 0; i < count; i++)
		functions[i].entry = functions[i].end = 0;
	for (__u32 i = 0; i < binary->functions.func_count; i++) {
		if (!gopclntab_function(&binary->functions, i, &function) &&
		    is_runtime(function.name))
			note_function(&function, functions, count);
	}
	for (unsigned i = 0; i < count; i++)
		found += functions[i].entry != 0;
	return found;
}

int gobinary_code(const struct gobinary *binary, const struct gobinary_function *function,
		  struct gocode *ret)
{
	ret->size = function->end - function->entry;
	ret->bytes = goimage_bytes(binary->image, function->entry, ret->size);
	return function->entry && ret->bytes ? 0 : -EFAULT;
}

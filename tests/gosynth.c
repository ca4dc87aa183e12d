/* SPDX-License-Identifier: BSD-2-Clause */
/* A Go object written by hand. See gosynth.h. */
#include "tests/gosynth.h"

#include <stdio.h>
#include <string.h>

/* The function table's parts, at fixed places in the read-only segment. */
enum {
	HEADER = 0,
	FUNCNAMES = 0x48,
	CUTAB = 0x800,
	FILETAB = 0x840,
	PCTAB = 0x8c0,
	FUNCTAB = 0x940,
	FUNCTAB_END = 0x3000,
	BUCKETS = 0x3000,
	GOFUNC = 0x3800,
	INLINE_TREE = 16,	/* from GOFUNC on */
};

const struct gosynth_function gosynth_runtime[GOSYNTH_RUNTIME_COUNT] = {
	{ "runtime.rt0_go", "48 89 5f 10 48 89 5f 18 48 89 1f 48 89 67 08" },
	{ "runtime.asmcgocall",
	  "64 48 8b 3c 25 f8 ff ff ff 4c 8b 47 30 49 8b 70 48 48 39 f7 74 63 49 8b 30 48 39 f7"
	  "48 8b 66 38 48 83 ec 10 48 83 e4 f0 48 8b 7f 08 48 29 d7" },
	{ "runtime.mcall",
	  "49 89 5e 40 48 8d 5c 24 10 49 89 5e 38 48 8b 5d 00 49 89 5e 60 49 8b 5e 30"
	  "64 4c 89 34 25 f8 ff ff ff" },
	{ "runtime.systemstack", "48 3b 83 b8 00 00 00 75 5d" },
	{ "runtime.nanotime1", "48 89 8b 88 03 00 00 48 89 93 80 03 00 00" },
	{ "runtime.checkdead.func1",
	  "48 8b 44 24 38 8b 88 90 00 00 00 89 ca 48 8b 80 98 00 00 00 48 89 44 24 10" },
	{ "runtime.newproc1",
	  "48 8b 88 98 00 00 00 48 8b 54 24 40 48 89 8a 18 01 00 00 48 8b 4c 24 70"
	  "48 89 8a 20 01 00 00"
	  "48 8b be b8 00 00 00 48 85 ff 74 2a 48 8b bf 60 01 00 00" },
	{ "runtime.isSystemGoroutine", "48 8b 80 30 01 00 00" },
	{ "runtime.cgocall", "c6 80 18 01 00 00 00 ff 88 48 01 00 00" },
	{ "runtime.cgocallbackg", "80 be 19 01 00 00 00 74 07 c6 86 1a 01 00 00 00" },
};

/* zigzag(delta), length: pairs, from value -1 on. Offsets into PCTAB. */
static const __u8 pctab[] = {
	0,
	/* 1: SP delta 0, 24, 8 */
	2, 16, 48, 32, 31, 80, 0,
	/* 8: file 0 */
	2, 128, 1, 0,
	/* 12: lines 10, 11, 12, 13 */
	22, 16, 2, 16, 2, 16, 2, 80, 0,
	/* 21: inlined calls -1, 0, 1, -1 */
	0, 16, 2, 16, 2, 16, 3, 80, 0,
};

enum { TABLE_SP = 1, TABLE_FILE = 8, TABLE_LINE = 12, TABLE_INLINED = 21 };

static void put_u32(__u8 *at, __u32 value)
{
	memcpy(at, &value, sizeof(value));
}

static void put_u64(__u8 *at, __u64 value)
{
	memcpy(at, &value, sizeof(value));
}

void gosynth_poke(struct gosynth *synth, __u64 address, __u64 word)
{
	put_u64(synth->data + (address - GOSYNTH_DATA), word);
}

static void write_buildinfo(struct gosynth *synth, unsigned minor)
{
	__u8 *at = synth->data + 0x40;
	int length;

	memcpy(at, "\xff Go buildinf:\x08\x02", 16);
	length = snprintf((char *)at + 33, 32, "go1.%u.3", minor);
	at[32] = (__u8)length;
}

static void write_header(struct gosynth *synth, unsigned minor, unsigned count)
{
	__u8 *at = synth->rodata + HEADER;
	static const __u64 offsets[] = { FUNCNAMES, CUTAB, FILETAB, PCTAB, FUNCTAB };

	put_u32(at, minor < 20 ? 0xfffffff0 : 0xfffffff1);
	put_u32(at + 4, 0x08010000);
	put_u64(at + 8, count);
	put_u64(at + 16, 1);
	for (unsigned i = 0; i < 5; i++)
		put_u64(at + 32 + 8 * i, offsets[i]);
}

static void write_moduledata(struct gosynth *synth, unsigned minor, __u64 end)
{
	__u8 *at = synth->data + (GOSYNTH_MODULEDATA - GOSYNTH_DATA);
	unsigned gofunc = minor < 20 ? 304 : minor < 27 ? 320 : 344;

	put_u64(at, GOSYNTH_RODATA + HEADER);
	put_u64(at + 8, GOSYNTH_RODATA + FUNCNAMES);
	put_u64(at + 104, GOSYNTH_RODATA + FUNCTAB);
	put_u64(at + 112, FUNCTAB_END - FUNCTAB);
	put_u64(at + 152, GOSYNTH_RODATA + BUCKETS);
	put_u64(at + 160, GOSYNTH_TEXT);
	put_u64(at + 168, end);
	put_u64(at + 176, GOSYNTH_TEXT);
	put_u64(at + 184, end);
	put_u64(at + gofunc, GOSYNTH_RODATA + GOFUNC);
}

static void write_call(__u8 *at, unsigned minor, __u32 name, __u32 parent_pc)
{
	put_u32(at + (minor < 20 ? 12 : 4), name);
	put_u32(at + (minor < 20 ? 16 : 8), parent_pc);
	if (minor >= 20)
		put_u32(at + 12, 7);
}

/* Returns the name's offset. */
static __u32 add_name(struct gosynth *synth, __u32 *next, const char *name)
{
	__u32 offset = *next;

	strcpy((char *)synth->rodata + FUNCNAMES + offset, name);
	*next += (__u32)strlen(name) + 1;
	return offset;
}

/* Returns the record's size. */
static __u32 write_record(__u8 *at, unsigned minor, __u32 entry, __u32 name)
{
	static const __u32 tables[] = { TABLE_SP, TABLE_FILE, TABLE_LINE };
	__u8 *tail = at + 36;

	put_u32(at, entry);
	put_u32(at + 4, name);
	for (unsigned i = 0; i < 3; i++)
		put_u32(at + 16 + 4 * i, tables[i]);
	put_u32(at + 28, 3);	/* npcdata */
	if (minor >= 20) {
		put_u32(tail, 9);	/* startLine */
		tail += 4;
	}
	tail[0] = 0;
	tail[3] = 4;	/* nfuncdata */
	tail += 4;
	put_u32(tail + 8, TABLE_INLINED);
	memset(tail + 12, 0xff, 12);
	put_u32(tail + 24, INLINE_TREE);
	return (__u32)(tail + 28 - at);
}

static __u32 write_code(__u8 *at, const char *hex)
{
	__u32 size = 0;
	unsigned byte;

	for (; sscanf(hex, "%2x", &byte) == 1; hex += strspn(hex, " "), hex += 2)
		at[size++] = (__u8)byte;
	return size < GOSYNTH_FUNCTION_SIZE ? GOSYNTH_FUNCTION_SIZE : (size + 15) / 16 * 16;
}

static void write_functions(struct gosynth *synth, unsigned minor,
			    const struct gosynth_function *functions, unsigned count,
			    __u32 *ret_end)
{
	__u32 record = (count + 1) * 8, entry = 0, names = 0;
	__u32 outer, inner, size = minor < 20 ? 20 : 16;
	__u8 *functab = synth->rodata + FUNCTAB;

	add_name(synth, &names, "first");
	outer = add_name(synth, &names, "main.outer");
	inner = add_name(synth, &names, "main.inner");
	write_call(synth->rodata + GOFUNC + INLINE_TREE, minor, outer, 5);
	write_call(synth->rodata + GOFUNC + INLINE_TREE + size, minor, inner, 20);
	for (unsigned i = 0; i < count; i++) {
		__u32 name = add_name(synth, &names, functions[i].name);

		put_u32(functab + 8 * i, entry);
		put_u32(functab + 8 * i + 4, record);
		record += write_record(functab + record, minor, entry, name);
		entry += write_code(synth->text + entry, functions[i].code);
	}
	put_u32(functab + 8 * count, entry);
	*ret_end = entry;
}

static void add_segment(struct gosynth *synth, __u64 vaddr, const __u8 *bytes, __u32 flags)
{
	const struct goimage_segment segment = {
		.vaddr = vaddr,
		.file_size = GOSYNTH_SIZE,
		.mem_size = GOSYNTH_SIZE + 0x1000,
		.flags = flags,
		.bytes = bytes,
	};

	goimage_add_segment(&synth->image, &segment);
}

void gosynth_write(struct gosynth *synth, unsigned minor,
		   const struct gosynth_function *functions, unsigned count)
{
	__u32 end;

	memset(synth, 0, sizeof(*synth));
	memset(synth->text, 0xcc, sizeof(synth->text));
	write_buildinfo(synth, minor);
	write_header(synth, minor, count);
	memcpy(synth->rodata + FILETAB, "?\0main.go", 10);
	put_u32(synth->rodata + CUTAB, 2);
	memcpy(synth->rodata + PCTAB, pctab, sizeof(pctab));
	write_functions(synth, minor, functions, count, &end);
	write_moduledata(synth, minor, GOSYNTH_TEXT + end);
	add_segment(synth, GOSYNTH_TEXT, synth->text, PF_R | PF_X);
	add_segment(synth, GOSYNTH_RODATA, synth->rodata, PF_R);
	add_segment(synth, GOSYNTH_DATA, synth->data, PF_R | PF_W);
	synth->image.is_executable = true;
	synth->image.tls_align = 8;
	synth->image.tls_mem_size = 8;
	synth->image.tls_vaddr = GOSYNTH_DATA;
}

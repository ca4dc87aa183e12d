/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shim/unwind/insn against objdump, which shares no code with it: over every instruction
 * of real libraries both see the same lengths, and each general register that
 * objdump names as a destination is among those that may change. Then what flow.c
 * wants to know exactly, and hostile bytes.
 */
#include "shim/unwind/insn.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

TestSuite(insn, .timeout = 120);

/* ------------------------------------------------------------ objdump's opinion */

struct line {
	__u64 pc;
	__u8 byte[32];
	unsigned length;
	const char *text;	/* mnemonic and operands */
};

/* "  979f1:\t66 2e 0f 1f \tcs nopw 0x0(%rax,%rax,1)\n", with -w. */
static bool parse_line(const char *line, struct line *ret)
{
	char *at;

	ret->pc = strtoull(line, &at, 16);
	if (at == line || at[0] != ':' || at[1] != '\t')
		return false;
	at += 2;
	for (ret->length = 0; isxdigit(*at) && ret->length < sizeof(ret->byte); at++)
		ret->byte[ret->length++] = (__u8)strtoul(at, &at, 16);
	ret->text = at + strspn(at, " \t");
	return ret->length > 0;
}

static bool begins_with_any(const char *text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strncmp(text, words[i], strlen(words[i])) == 0)
			return true;
	return false;
}

#define BEGINS_WITH_ANY(text, words) \
	begins_with_any(text, words, sizeof(words) / sizeof(*(words)))

/* What objdump prints where it sees data; and jumps that processors disagree about. */
static bool is_no_instruction(const struct line *l)
{
	static const char *const signs[] = { "(bad)", ".byte", "rex", "data16", "jmpw", "callw" };

	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++)
		if (strstr(l->text, signs[i]) != NULL)
			return true;
	return false;
}

/* The number of a general register of any width, or -1. */
static int register_number(const char *name)
{
	static const char *const names[] = { "a", "c", "d", "b", "sp", "bp", "si", "di" };
	size_t length = strcspn(name, " \n");
	int number;

	if (*name == 'r' && isdigit(name[1]))
		return atoi(name + 1);
	if (*name == 'r' || *name == 'e') {
		name++;
		length--;
	}
	for (number = 0; number < 8; number++) {
		size_t n = strlen(names[number]);

		if (strncmp(name, names[number], n) == 0 &&
		    (length == n || (length == n + 1 && strchr("xlh", name[n]) != NULL)))
			return number;
	}
	return -1;
}

/* In AT&T's order the last operand is the destination, of what has one. */
static int destination(const struct line *l)
{
	static const char *const prefixes[] = { "addr32 ", "data16 ", "lock ", "rep ",	"repz ",
						"repnz ",  "cs ",     "ds ",   "es ",	"ss ",
						"fs ",	   "gs ",     "bnd ",  "rex",	"notrack ",
						"xacquire ", "xrelease " };
	static const char *const without[] = { "cmp", "test", "push", "call", "jmp", "bt ",  "btl ",
					       "btq ", "btw ", "nop", "out",  "mul ", "div", "idiv",
					       "scas", "ud", "xchg   %ax,%ax" };
	const char *text = l->text;
	const char *operand = strrchr(text, '%');

	while (BEGINS_WITH_ANY(text, prefixes))
		text += strcspn(text, " ") + 1;
	if (BEGINS_WITH_ANY(text, without) ||
	    (strncmp(text, "imul", 4) == 0 && strchr(text, ',') == NULL))
		return -1;
	if (operand == NULL || strpbrk(operand, ",()#<") != NULL)
		return -1;
	return register_number(operand + 1);
}

static void check_line(const struct line *l)
{
	struct insn i;
	int written = destination(l);

	/* It takes a wait and what it waits for together. */
	if (l->byte[0] == 0x9b)
		return;
	if (!insn_decode(l->byte, l->length, l->pc, &i)) {
		cr_assert(is_no_instruction(l), "declined %#llx: %s", l->pc, l->text);
		return;
	}
	cr_assert(i.length == l->length, "length %u at %#llx: %s", i.length, l->pc, l->text);
	cr_assert(written < 0 || i.writes & 1u << written, "writes %#x at %#llx: %s", i.writes,
		  l->pc, l->text);
	cr_assert(not(insn_decode(l->byte, l->length - 1, l->pc, &i)), "shorter at %#llx: %s",
		  l->pc, l->text);
}

static void check_library(const char *name)
{
	unsigned long lines = 0, destinations = 0;
	char command[300], text[1000];
	struct line l;
	FILE *in;

	snprintf(command, sizeof(command), "/lib/x86_64-linux-gnu/%s", name);
	if (access(command, R_OK) != 0)
		cr_skip("there is no %s", command);
	if (system("objdump --version >/dev/null 2>&1") != 0)
		cr_skip("objdump is not installed");
	snprintf(command, sizeof(command), "objdump -dw /lib/x86_64-linux-gnu/%s", name);
	in = popen(command, "r");
	cr_assert(in != NULL);
	while (fgets(text, sizeof(text), in) != NULL) {
		if (!parse_line(text, &l))
			continue;
		check_line(&l);
		lines++;
		destinations += destination(&l) >= 0;
	}
	cr_assert(eq(int, pclose(in), 0));
	printf("# %s: %lu instructions, %lu with a destination\n", name, lines, destinations);
	cr_assert(lines > 10000 && destinations > lines / 8);
}

Test(insn, agrees_with_objdump_on_the_c_library)
{
	check_library("libc.so.6");
}

Test(insn, agrees_with_objdump_on_mathematics)
{
	check_library("libm.so.6");
}

Test(insn, agrees_with_objdump_on_openssl)
{
	check_library("libcrypto.so.3");
}

Test(insn, agrees_with_objdump_on_zstd)
{
	check_library("libzstd.so.1");
}

Test(insn, agrees_with_objdump_on_sqlite)
{
	check_library("libsqlite3.so.0");
}

Test(insn, agrees_with_objdump_on_libstdcxx)
{
	check_library("libstdc++.so.6");
}

/* ------------------------------------------------------------------ one by one */

static const struct {
	const char *name;
	__u8 byte[15];
	struct insn want;
} cases[] = {
#define NONE INSN_NO_REGISTER
	{ "push %r12", { 0x41, 0x54 },
	  { 2, INSN_NEXT, INSN_PUSH, 12, NONE, 0, 1 << INSN_RSP, 0, 0 } },
	{ "push 8(%rax)", { 0xff, 0x70, 0x08 },
	  { 3, INSN_NEXT, INSN_PUSH, NONE, INSN_RAX, 0, 1 << INSN_RSP, 8, 0 } },
	{ "push $1000", { 0x68, 0xe8, 0x03, 0, 0 },
	  { 5, INSN_NEXT, INSN_PUSH, NONE, NONE, 0, 1 << INSN_RSP, 0, 0 } },
	{ "pushf", { 0x9c }, { 1, INSN_NEXT, INSN_PUSH, NONE, NONE, 0, 1 << INSN_RSP, 0, 0 } },
	{ "push %ax", { 0x66, 0x50 },
	  { 2, INSN_NEXT, INSN_OTHER, INSN_RAX, NONE, 0, 1 << INSN_RSP, 0, 0 } },
	{ "pop %rbx", { 0x5b },
	  { 1, INSN_NEXT, INSN_POP, INSN_RBX, NONE, 0, 1 << INSN_RSP | 1 << INSN_RBX, 0, 0 } },
	{ "pop 16(%rdi)", { 0x8f, 0x47, 0x10 },
	  { 3, INSN_NEXT, INSN_POP, NONE, INSN_RDI, 8, 1 << INSN_RSP, 16, 0 } },
	{ "sub $0x18,%rsp", { 0x48, 0x83, 0xec, 0x18 },
	  { 4, INSN_NEXT, INSN_SET, INSN_RSP, INSN_RSP, 0, 1 << INSN_RSP, -0x18, 0 } },
	{ "sub $0x18,%esp", { 0x83, 0xec, 0x18 },
	  { 3, INSN_NEXT, INSN_OTHER, NONE, NONE, 0, 1 << INSN_RSP, 0, 0 } },
	{ "add $0x1000,%rsp", { 0x48, 0x81, 0xc4, 0, 0x10, 0, 0 },
	  { 7, INSN_NEXT, INSN_SET, INSN_RSP, INSN_RSP, 0, 1 << INSN_RSP, 0x1000, 0 } },
	{ "and $-32,%rsp", { 0x48, 0x83, 0xe4, 0xe0 },
	  { 4, INSN_NEXT, INSN_OTHER, NONE, NONE, 0, 1 << INSN_RSP, 0, 0 } },
	{ "cmp $1,%rbx", { 0x48, 0x83, 0xfb, 0x01 },
	  { 4, INSN_NEXT, INSN_OTHER, NONE, NONE, 0, 0, 0, 0 } },
	{ "mov %rsp,%rbp", { 0x48, 0x89, 0xe5 },
	  { 3, INSN_NEXT, INSN_SET, INSN_RBP, INSN_RSP, 0, 1 << INSN_RBP, 0, 0 } },
	{ "mov %rsp,%rbp, the other way", { 0x48, 0x8b, 0xec },
	  { 3, INSN_NEXT, INSN_SET, INSN_RBP, INSN_RSP, 0, 1 << INSN_RBP, 0, 0 } },
	{ "lea -8(%r10),%rsp", { 0x49, 0x8d, 0x62, 0xf8 },
	  { 4, INSN_NEXT, INSN_SET, INSN_RSP, 10, 0, 1 << INSN_RSP, -8, 0 } },
	{ "lea 8(%rsp,%rax,8),%rsp", { 0x48, 0x8d, 0x64, 0xc4, 0x08 },
	  { 5, INSN_NEXT, INSN_OTHER, NONE, NONE, 0, 1 << INSN_RSP, 8, 0 } },
	{ "lea 16(%rip),%rdx", { 0x48, 0x8d, 0x15, 0x10, 0, 0, 0 },
	  { 7, INSN_NEXT, INSN_OTHER, NONE, NONE, 0, 1 << INSN_RDX, 16, 0x1017 } },
	{ "mov %rbx,-40(%rsp)", { 0x48, 0x89, 0x5c, 0x24, 0xd8 },
	  { 5, INSN_NEXT, INSN_STORE, INSN_RBX, INSN_RSP, 8, 0, -40, 0 } },
	{ "mov 8(%rsp),%r15", { 0x4c, 0x8b, 0x7c, 0x24, 0x08 },
	  { 5, INSN_NEXT, INSN_LOAD, 15, INSN_RSP, 0, 1 << 15, 8, 0 } },
	{ "mov %fs:8(%rax),%r15", { 0x64, 0x4c, 0x8b, 0x78, 0x08 },
	  { 5, INSN_NEXT, INSN_LOAD, 15, NONE, 0, 1 << 15, 8, 0 } },
	{ "movl $1,-4(%rsp)", { 0xc7, 0x44, 0x24, 0xfc, 1, 0, 0, 0 },
	  { 8, INSN_NEXT, INSN_OTHER, NONE, INSN_RSP, 4, 0, -4, 0 } },
	{ "movaps %xmm3,(%rsp)", { 0x0f, 0x29, 0x1c, 0x24 },
	  { 4, INSN_NEXT, INSN_OTHER, NONE, INSN_RSP, 16, 0, 0, 0 } },
	{ "vmovdqu %ymm3,(%rsp)", { 0xc5, 0xfe, 0x7f, 0x1c, 0x24 },
	  { 5, INSN_NEXT, INSN_OTHER, NONE, INSN_RSP, 32, 0, 0, 0 } },
	{ "mulx %rax,%rbp,%rbx", { 0xc4, 0xe2, 0xd3, 0xf6, 0xd8 },
	  { 5, INSN_NEXT, INSN_OTHER, NONE, NONE, 0, 1 << INSN_RBX | 1 << INSN_RBP, 0, 0 } },
	{ "mov $1,%bh", { 0xb7, 0x01 },
	  { 2, INSN_NEXT, INSN_OTHER, NONE, NONE, 0, 1 << INSN_RBX, 0, 0 } },
	{ "mov $1,%dil", { 0x40, 0xb7, 0x01 },
	  { 3, INSN_NEXT, INSN_OTHER, NONE, NONE, 0, 1 << INSN_RDI, 0, 0 } },
	{ "xchg %rax,%r8", { 0x49, 0x90 },
	  { 2, INSN_NEXT, INSN_OTHER, NONE, NONE, 0, 1 << INSN_RAX | 1 << 8, 0, 0 } },
	{ "leave", { 0xc9 },
	  { 1, INSN_NEXT, INSN_LEAVE, NONE, NONE, 0, 1 << INSN_RSP | 1 << INSN_RBP, 0, 0 } },
	{ "call", { 0xe8, 0xfb, 0xff, 0xff, 0xff },
	  { 5, INSN_CALL, INSN_OTHER, NONE, NONE, 0, 0, 0, 0x1000 } },
	{ "call *%rax", { 0xff, 0xd0 },
	  { 2, INSN_CALL_INDIRECT, INSN_OTHER, NONE, NONE, 0, 0, 0, 0 } },
	{ "jmp", { 0xeb, 0x10 }, { 2, INSN_JUMP, INSN_OTHER, NONE, NONE, 0, 0, 0, 0x1012 } },
	{ "notrack jmp *%rax", { 0x3e, 0xff, 0xe0 },
	  { 3, INSN_JUMP_INDIRECT, INSN_OTHER, NONE, NONE, 0, 0, 0, 0 } },
	{ "jne", { 0x0f, 0x85, 0, 1, 0, 0 },
	  { 6, INSN_BRANCH, INSN_OTHER, NONE, NONE, 0, 0, 0, 0x1106 } },
	{ "ret", { 0xc3 }, { 1, INSN_RETURN, INSN_OTHER, NONE, NONE, 0, 0, 0, 0 } },
	{ "ret $8", { 0xc2, 0x08, 0 }, { 3, INSN_RETURN, INSN_OTHER, NONE, NONE, 0, 0, 8, 0 } },
	{ "ud2", { 0x0f, 0x0b }, { 2, INSN_STOP, INSN_OTHER, NONE, NONE, 0, 0, 0, 0 } },
	{ "nop", { 0x90 }, { 1, INSN_NEXT, INSN_NOP, NONE, NONE, 0, 0, 0, 0 } },
	{ "nopl", { 0x0f, 0x1f, 0x40, 0 }, { 4, INSN_NEXT, INSN_NOP, NONE, INSN_RAX, 0, 0, 0, 0 } },
	{ "endbr64", { 0xf3, 0x0f, 0x1e, 0xfa },
	  { 4, INSN_NEXT, INSN_OTHER, NONE, NONE, 0, 0, 0, 0 } },
#undef NONE
};

Test(insn, says_what_one_does)
{
	for (size_t n = 0; n < sizeof(cases) / sizeof(*cases); n++) {
		const struct insn *want = &cases[n].want;
		struct insn got;

		cr_expect(insn_decode(cases[n].byte, 15, 0x1000, &got), "%s", cases[n].name);
		cr_expect(got.length == want->length, "%s: length %u", cases[n].name, got.length);
		cr_expect(got.flow == want->flow, "%s: flow %u", cases[n].name, got.flow);
		cr_expect(got.act == want->act, "%s: act %u", cases[n].name, got.act);
		cr_expect(got.reg == want->reg, "%s: reg %u", cases[n].name, got.reg);
		cr_expect(got.base == want->base, "%s: base %u", cases[n].name, got.base);
		cr_expect(got.width == want->width, "%s: width %u", cases[n].name, got.width);
		cr_expect(got.writes == want->writes, "%s: writes %#x", cases[n].name, got.writes);
		cr_expect(got.value == want->value, "%s: value %d", cases[n].name, got.value);
		cr_expect(got.target == want->target, "%s: target %#llx", cases[n].name,
			  got.target);
	}
}

Test(insn, declines_what_is_none)
{
	static const __u8 none[][15] = {
		{ 0x06 },		      /* push %es, once */
		{ 0xd5, 0x10, 0x50 },	      /* a REX2 prefix: not yet */
		{ 0x66, 0xe8, 0, 0, 0, 0 },   /* processors disagree about its length */
		{ 0x66, 0xc5, 0xf8, 0x77 },   /* a prefix before VEX */
		{ 0x62, 0xf9, 0x7c, 0x48, 0x10, 0xc0 }, /* EVEX with a bit that must be 0 */
		{ 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0,
		  0xf0, 0xf0 },		      /* fifteen prefixes and no end */
	};
	struct insn i;

	for (size_t n = 0; n < sizeof(none) / sizeof(*none); n++)
		cr_expect(not(insn_decode(none[n], 15, 0, &i)), "case %zu", n);
}

/* --------------------------------------------------------------- hostile input */

/* Random bytes that end where a page ends and nothing is mapped behind it. */
Test(insn, stays_in_bounds)
{
	__u8 *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	__u64 state = 88172645463325252ull;
	unsigned long decoded = 0;

	cr_assert(page != MAP_FAILED);
	munmap(page + 4096, 4096);
	for (int round = 0; round < 2000; round++) {
		for (unsigned i = 0; i < 64; i++) {
			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
			page[4096 - 64 + i] = (__u8)state;
		}
		for (unsigned room = 0; room <= 64; room++) {
			struct insn i;

			if (!insn_decode(page + 4096 - room, room, 0, &i))
				continue;
			decoded++;
			cr_assert(i.length > 0 && i.length <= room && i.length <= 15);
			cr_assert(i.reg < INSN_REGISTERS || i.reg == INSN_NO_REGISTER);
			cr_assert(i.base < INSN_REGISTERS || i.base == INSN_NO_REGISTER);
		}
	}
	cr_assert(decoded > 10000);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shim/unwind/cfi against libdw, an interpreter of call-frame information that shares
 * no code with ours: over every row of real libraries, both turn the same
 * registers and the same stack into the same caller. Then hostile input.
 */
#include "shim/unwind/cfi.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dlfcn.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probe/peek.sig.h"
#include "shim/unwind/ehrows.sig.h"

TestSuite(cfi, .timeout = 120);

/* ------------------------------------------------------- memory to step through */

/* A stack whose words are pseudo-random addresses inside itself, 8-aligned. */
enum { ARENA_WORDS = 1 << 18 };

static __u64 *arena;

static __u64 random_word(__u64 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	if (info->si_code <= 0 || !peek_recover(context))
		signal(sig, SIG_DFL);
}

static void install_recovery(void)
{
	struct sigaction act = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };

	sigaction(SIGSEGV, &act, NULL);
	sigaction(SIGBUS, &act, NULL);
}

static void make_arena(void)
{
	__u64 state = 88172645463325252ull;

	arena = mmap(NULL, ARENA_WORDS * 8, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
	cr_assert(arena != MAP_FAILED);
	for (unsigned i = 0; i < ARENA_WORDS; i++)
		arena[i] = (__u64)&arena[ARENA_WORDS / 4 + random_word(&state) % (ARENA_WORDS / 2)];
	install_recovery();
}

/* Every register points into the arena; the index of OpenSSL's rules is small. */
static void make_registers(struct cfi_registers *regs, __u64 pc)
{
	for (unsigned i = 0; i < CFI_REGISTERS; i++)
		regs->r[i] = arena[1000 + i];
	regs->r[CFI_RSP] = (__u64)&arena[ARENA_WORDS / 8];
	regs->r[9] = 40;
	regs->r[CFI_PC] = pc;
	regs->known = (1u << CFI_REGISTERS) - 1;
	regs->exact = true;
}

/* ------------------------------------------------------------- libdw's opinion */

/* Evaluates the operations that libdw's answers consist of. */
static bool evaluate(const Dwarf_Op *ops, size_t count, const __u64 *r, __u64 cfa, __u64 *ret)
{
	__u64 stack[16];
	unsigned top = 0;

	for (size_t i = 0; i < count; i++) {
		__u8 atom = ops[i].atom;

		cr_assert(top < 15);
		if (atom == DW_OP_bregx)
			stack[top++] = r[ops[i].number] + ops[i].number2;
		else if (atom >= DW_OP_breg0 && atom <= DW_OP_breg16)
			stack[top++] = r[atom - DW_OP_breg0] + ops[i].number;
		else if (atom >= DW_OP_lit0 && atom <= DW_OP_lit31)
			stack[top++] = atom - DW_OP_lit0;
		else if (atom == DW_OP_call_frame_cfa)
			stack[top++] = cfa;
		else if (atom == DW_OP_plus_uconst)
			stack[top - 1] += ops[i].number;
		else if (atom == DW_OP_deref)
			stack[top - 1] = *(__u64 *)stack[top - 1];
		else if (top < 2)
			return false;
		else if (atom == DW_OP_plus)
			top--, stack[top - 1] += stack[top];
		else if (atom == DW_OP_mul)
			top--, stack[top - 1] *= stack[top];
		else if (atom == DW_OP_and)
			top--, stack[top - 1] &= stack[top];
		else if (atom == DW_OP_shl)
			top--, stack[top - 1] <<= stack[top];
		else if (atom == DW_OP_ge)
			top--, stack[top - 1] = (__s64)stack[top - 1] >= (__s64)stack[top];
		else
			return false;
	}
	/* A register's expression starts with the CFA on the stack, and may leave it there. */
	*ret = top ? stack[top - 1] : 0;
	return top > 0;
}

enum outcome { AGREES, DIFFERS, OURS_IS_UNSUPPORTED, NEITHER };

/* The value of one register in the caller. False: undefined, or not in memory. */
static bool oracle_register(Dwarf_Frame *frame, int reg, const __u64 *r, __u64 cfa, __u64 *ret,
			    bool *ret_undefined)
{
	Dwarf_Op memory[3];
	Dwarf_Op *ops;
	size_t count;
	__u64 at;

	*ret_undefined = false;
	if (dwarf_frame_register(frame, reg, memory, &ops, &count) != 0)
		return false;
	if (count == 0) {
		*ret_undefined = ops != NULL;
		*ret = r[reg];
		return ops == NULL;
	}
	if (ops[0].atom == DW_OP_regx || (ops[0].atom >= DW_OP_reg0 && ops[0].atom <= DW_OP_reg31)) {
		at = ops[0].atom == DW_OP_regx ? ops[0].number : ops[0].atom - (__u64)DW_OP_reg0;
		*ret = r[at];
		return true;
	}
	if (ops[count - 1].atom == DW_OP_stack_value)
		return evaluate(ops, count - 1, r, cfa, ret);
	if (!evaluate(ops, count, r, cfa, &at))
		return false;
	*ret = *(__u64 *)at;
	return true;
}

/* Which registers a difference is in, for the message. */
static unsigned differing;

static enum outcome compare_registers(Dwarf_Frame *frame, const struct cfi_registers *before,
				      const struct cfi_registers *after)
{
	static const int followed[] = { CFI_RBX, CFI_RBP, 12, 13, 14, 15, CFI_PC };
	__u64 cfa = after->r[CFI_RSP];

	for (unsigned i = 0; i < sizeof(followed) / sizeof(*followed); i++) {
		bool undefined;
		__u64 value;
		bool known = oracle_register(frame, followed[i], before->r, cfa, &value, &undefined);

		differing = (unsigned)followed[i];
		/* libdw calls registers without a rule undefined; the ABI says callee-saved. */
		if (!known && undefined && after->r[followed[i]] == before->r[followed[i]])
			continue;
		if (after->known & 1u << followed[i] && (!known || after->r[followed[i]] != value))
			return DIFFERS;
		if (!(after->known & 1u << followed[i]) && known)
			return OURS_IS_UNSUPPORTED;
	}
	return AGREES;
}

static enum outcome compare_rule(Dwarf_Frame *frame, const struct cfi_rule *rule, __u64 pc)
{
	struct cfi_registers before, after;
	enum goidshim_stack_end end;
	Dwarf_Op *ops;
	bool undefined;
	size_t count;
	__u64 cfa, value;

	make_registers(&before, pc);
	after = before;
	end = cfi_step(rule, &after);
	if (end == GOIDSHIM_STACK_THREAD) {
		oracle_register(frame, CFI_PC, before.r, 0, &value, &undefined);
		return undefined ? AGREES : DIFFERS;
	}
	if (dwarf_frame_cfa(frame, &ops, &count) != 0 ||
	    !evaluate(ops, count, before.r, 0, &cfa))
		return end == GOIDSHIM_STACK_NONE ? DIFFERS : NEITHER;
	if (end == GOIDSHIM_STACK_EXPRESSION)
		return OURS_IS_UNSUPPORTED;
	/* Random registers may put the CFA below the stack pointer: rightly refused. */
	if (end == GOIDSHIM_STACK_STUCK)
		return cfa <= before.r[CFI_RSP] ? AGREES : DIFFERS;
	differing = CFI_RSP;
	if (end != GOIDSHIM_STACK_NONE || after.r[CFI_RSP] != cfa)
		return DIFFERS;
	return compare_registers(frame, &before, &after);
}

/* -------------------------------------------------------------- real libraries */

struct library {
	const char *name;
	char path[4096];
	struct cfi_source source;
	__u64 text;		/* executable segment, run-time addresses */
	__u64 text_end;
};

static int find_library(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct library *l = arg;
	struct cfi_source *s = &l->source;

	if (strstr(info->dlpi_name, l->name) == NULL)
		return 0;
	strcpy(l->path, info->dlpi_name);
	s->bias = info->dlpi_addr;
	s->lo = ~0ull;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type == PT_GNU_EH_FRAME)
			s->section.hdr = s->bias + p->p_vaddr;
		if (p->p_type == PT_LOAD && p->p_flags & PF_X) {
			l->text = s->bias + p->p_vaddr;
			l->text_end = l->text + p->p_memsz;
		}
		if (p->p_type == PT_LOAD && s->bias + p->p_vaddr < s->lo)
			s->lo = s->bias + p->p_vaddr;
		if (p->p_type == PT_LOAD && s->bias + p->p_vaddr + p->p_memsz > s->hi)
			s->hi = s->bias + p->p_vaddr + p->p_memsz;
	}
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type != PT_LOAD || s->section.hdr < s->bias + p->p_vaddr ||
		    s->section.hdr >= s->bias + p->p_vaddr + p->p_filesz)
			continue;
		s->section.lo = s->bias + p->p_vaddr;
		s->section.hi = s->section.lo + p->p_filesz;
	}
	return 1;
}

static void open_library(const char *name, struct library *ret)
{
	*ret = (struct library){ .name = name };
	if (strcmp(name, "ld-linux") != 0 && dlopen(name, RTLD_NOW) == NULL)
		cr_skip("%s is not installed", name);
	cr_assert(dl_iterate_phdr(find_library, ret) == 1, "%s is not loaded", name);
	cr_assert(ret->source.section.hdr != 0);
}

static unsigned long tally[4];

static void check_pc(Dwarf_Frame *frame, const struct library *l, const struct cfi_table *table,
		     __u64 pc)
{
	const struct cfi_rule *rule = cfi_table_find(table, pc - l->source.bias);
	struct cfi_rule live;
	enum outcome outcome;

	cr_assert(rule != NULL, "%s: no row for %#llx", l->name, pc - l->source.bias);
	outcome = compare_rule(frame, rule, pc);
	tally[outcome]++;
	cr_assert(outcome != DIFFERS, "%s: %#llx: register %u differs", l->name,
		  pc - l->source.bias, differing);
	cr_assert(ehrows_rule(&l->source.section, pc, &live));
	if (live.kind != CFI_UNSUPPORTED || rule->kind != CFI_UNSUPPORTED)
		cr_assert(memcmp(&live, rule, sizeof(live)) == 0,
			  "%s: %#llx: table and direct reading differ", l->name,
			  pc - l->source.bias);
}

static void check_library(const char *name)
{
	struct library l;
	struct cfi_table *table;
	Dwarf_CFI *oracle;
	unsigned long gaps = 0;
	Elf *elf;
	int fd;

	make_arena();
	open_library(name, &l);
	cr_assert(eq(int, cfi_compile(&l.source, &table), 0));
	elf_version(EV_CURRENT);
	fd = open(l.path, O_RDONLY);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	oracle = dwarf_getcfi_elf(elf);
	cr_assert(oracle != NULL, "%s", dwarf_errmsg(-1));
	for (__u64 pc = l.text; pc < l.text_end;) {
		Dwarf_Addr start, end;
		Dwarf_Frame *frame;

		if (dwarf_cfi_addrframe(oracle, pc - l.source.bias, &frame) != 0) {
			const struct cfi_rule *rule = cfi_table_find(table, pc - l.source.bias);

			cr_assert(rule == NULL || rule->kind == CFI_NONE, "%s: %#llx", name,
				  pc - l.source.bias);
			gaps++;
			pc++;
			continue;
		}
		dwarf_frame_info(frame, &start, &end, NULL);
		check_pc(frame, &l, table, pc);
		check_pc(frame, &l, table, end - 1 + l.source.bias);
		free(frame);
		pc = end + l.source.bias;
	}
	printf("# %s: %lu rows agree, %lu unsupported, %lu both decline, %lu bytes without; "
	       "%u rows %u rules %llu bytes\n", name, tally[AGREES], tally[OURS_IS_UNSUPPORTED],
	       tally[NEITHER], gaps, table->rows, table->rules, table->size);
	cr_assert(tally[AGREES] > 500);
	/* What rules cannot hold is hand-written: longjmp and its kind. */
	cr_assert(tally[OURS_IS_UNSUPPORTED] * 1000 <= tally[AGREES]);
	cfi_free(table);
	dwarf_cfi_end(oracle);
	elf_end(elf);
	close(fd);
}

Test(cfi, agrees_with_libdw_on_the_c_library)
{
	check_library("libc.so.6");
}

Test(cfi, agrees_with_libdw_on_the_dynamic_linker)
{
	check_library("ld-linux");
}

Test(cfi, agrees_with_libdw_on_openssl)
{
	check_library("libcrypto.so.3");
}

Test(cfi, agrees_with_libdw_on_sqlite)
{
	check_library("libsqlite3.so.0");
}

Test(cfi, agrees_with_libdw_on_zstd)
{
	check_library("libzstd.so.1");
}

Test(cfi, agrees_with_libdw_on_libstdcxx)
{
	check_library("libstdc++.so.6");
}

/* ------------------------------------------- where the tables are known to be wrong */

/*
 * [*ret_from, *ret_to): the pcs of a function for which there is a rule that says
 * nothing. They must be in one piece.
 */
static void find_unknown(const struct library *l, __u64 function, __u64 *ret_from, __u64 *ret_to)
{
	struct cfiprogram program;
	struct cfiprogram_cie cie = { .at = 0 };
	__u64 fde, pieces = 0;
	bool before = false;

	cr_assert(ehframe_find(&l->source.section, function, &fde));
	cr_assert(ehframe_open(&l->source.section, fde, &cie, &program));
	cr_assert(eq(u64, program.start, function));
	*ret_from = *ret_to = program.limit;
	for (__u64 pc = program.start; pc < program.limit; pc++) {
		struct cfi_rule rule;
		bool unknown;

		cr_assert(ehrows_rule(&l->source.section, pc, &rule));
		unknown = rule.kind == CFI_UNSUPPORTED;
		if (unknown && !before && pieces++ == 0)
			*ret_from = pc;
		if (!unknown && before)
			*ret_to = pc;
		before = unknown;
	}
	cr_assert(eq(u64, pieces, 1));
}

static void check_inside_call(const struct cfi_rule *rule, __u64 entry_back)
{
	cr_assert(rule->kind == CFI_OFFSET);
	cr_expect(eq(u64, rule->entry_back, entry_back));
	for (unsigned slot = 0; slot < CFI_SLOT_PC; slot++)
		cr_expect(rule->saved[slot] == CFI_LOST);
	cr_expect(rule->saved[CFI_SLOT_PC] == -1);
}

/*
 * libgcc's functions that land exceptions: nothing is known from behind a direct
 * call on (the one that installs the registers) to the jump through rcx, a stretch
 * of some thirty instructions; no register and perhaps the return address inside
 * that call; everything of the rest.
 */
Test(cfi, nothing_is_known_of_a_frame_that_is_written_over)
{
	static const char *const names[] = { "_Unwind_RaiseException", "_Unwind_Resume",
					     "_Unwind_ForcedUnwind", "_Unwind_Resume_or_Rethrow" };
	struct cfi_table *table;
	struct library l;

	open_library("libgcc_s.so.1", &l);
	cr_assert(eq(int, cfi_compile(&l.source, &table), 0));
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		__u64 function = (__u64)dlsym(dlopen("libgcc_s.so.1", RTLD_NOW), names[i]);
		__u64 from, to;

		find_unknown(&l, function, &from, &to);
		printf("# %s: nothing known from +%#llx to +%#llx\n", names[i], from - function,
		       to - function);
		cr_expect(eq(u8, *(__u8 *)(from - 5), 0xe8), "%s", names[i]);
		/* Nothing but padding is behind it. */
		cr_expect(memmem((void *)(to - 16), 16, "\xff\xe1", 2) != NULL, "%s", names[i]);
		cr_expect(to - from > 20 && to - from < 200, "%s", names[i]);
		check_inside_call(cfi_table_find(table, from - 1 - l.source.bias), from - function);
		cr_expect(cfi_table_find(table, from - l.source.bias)->kind == CFI_UNSUPPORTED);
		cr_expect(cfi_table_find(table, to - 1 - l.source.bias)->kind == CFI_UNSUPPORTED);
	}
	cfi_free(table);
}

/* Without the search table the same rows come out of a scan of .eh_frame. */
Test(cfi, scan_and_search_table_give_the_same_table)
{
	struct library l;
	struct cfi_table *by_table, *by_scan;
	__u64 table_at;
	__u32 count;

	make_arena();
	open_library("libsqlite3.so.0", &l);
	cr_assert(eq(int, cfi_compile(&l.source, &by_table), 0));
	cr_assert(ehframe_header(&l.source.section, &l.source.eh_frame, &table_at, &count));
	l.source.section.hdr = 0;
	cr_assert(eq(int, cfi_compile(&l.source, &by_scan), 0));
	cr_assert(eq(u32, by_scan->rows, by_table->rows));
	for (__u32 i = 0; i < by_table->rows; i++) {
		cr_assert(eq(u32, by_scan->pc[i], by_table->pc[i]));
		cr_assert(memcmp(&by_scan->rule[by_scan->rule_of[i]],
				 &by_table->rule[by_table->rule_of[i]],
				 sizeof(struct cfi_rule)) == 0);
	}
}

/* --------------------------------------------------------------- hostile input */

/*
 * Bytes of libzstd's own sections, damaged at random places. Nothing may be
 * read outside them (they end at an unmapped page, and the recovery handler
 * counts), nothing may loop, and rows stay sorted and inside the module.
 */
static unsigned faults;

static void count_fault(int sig, siginfo_t *info, void *context)
{
	faults++;
	on_fault(sig, info, context);
}

static void check_table(const struct cfi_source *s, const struct cfi_table *t)
{
	for (__u32 i = 0; i < t->rows; i++) {
		cr_assert(i == 0 || t->pc[i] > t->pc[i - 1]);
		cr_assert(t->pc[i] <= s->hi - s->bias);
		cr_assert(t->rule_of[i] < t->rules);
	}
}

Test(cfi, damaged_sections_stay_in_bounds)
{
	struct sigaction act = { .sa_sigaction = count_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };
	__u64 state = 1234567;
	struct library l;
	size_t size, room;
	char *copy;

	make_arena();
	open_library("libzstd.so.1", &l);
	size = l.source.section.hi - l.source.section.hdr;
	room = (size + 4095) / 4096 * 4096;
	copy = mmap(NULL, room + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(copy + room, 4096);
	sigaction(SIGSEGV, &act, NULL);
	for (int round = 0; round < 400; round++) {
		struct cfi_source s = l.source;
		char *section = copy + room - size;
		struct cfi_table *table;
		struct cfi_rule rule;

		memcpy(section, (char *)l.source.section.hdr, size);
		for (unsigned i = 0; i < 1u + (unsigned)round % 64; i++)
			section[random_word(&state) % (round % 2 ? size : 4096)] =
				(char)random_word(&state);
		s.section.hdr = s.section.lo = (__u64)section;
		s.section.hi = s.section.lo + size;
		s.bias += s.section.hdr - l.source.section.hdr;
		s.lo += s.section.hdr - l.source.section.hdr;
		s.hi += s.section.hdr - l.source.section.hdr;
		if (cfi_compile(&s, &table) == 0) {
			check_table(&s, table);
			cfi_free(table);
		}
		for (int i = 0; i < 100; i++)
			ehrows_rule(&s.section, s.lo + random_word(&state) % (s.hi - s.lo), &rule);
	}
	cr_assert(eq(uint, faults, 0));
}

/* A caller's frame must be above, readable, and aligned. */
Test(cfi, steps_that_make_no_sense_are_refused)
{
	struct cfi_rule rule = { .kind = CFI_OFFSET, .cfa_register = CFI_RSP, .cfa_offset = 8,
				 .cfa_index = CFI_NO_REGISTER, .pc_register = CFI_NO_REGISTER,
				 .saved = { CFI_SAME, CFI_SAME, CFI_SAME, CFI_SAME, CFI_SAME,
					    CFI_SAME, -1 } };
	struct cfi_registers regs, start;

	make_arena();
	make_registers(&start, 0);
	regs = start;
	cr_assert(eq(int, cfi_step(&rule, &regs), GOIDSHIM_STACK_NONE));
	cr_assert(eq(u64, regs.r[CFI_PC], *(__u64 *)start.r[CFI_RSP]));
	rule.cfa_offset = -16;
	regs = start;
	cr_assert(eq(int, cfi_step(&rule, &regs), GOIDSHIM_STACK_STUCK));
	rule.cfa_offset = 12;
	cr_assert(eq(int, cfi_step(&rule, &regs), GOIDSHIM_STACK_STUCK));
	rule.cfa_offset = 8;
	regs.r[CFI_RSP] = 0x7ff000000000;
	cr_assert(eq(int, cfi_step(&rule, &regs), GOIDSHIM_STACK_FAULT));
	rule.cfa_register = CFI_RAX;
	regs = start;
	regs.known &= ~1u;
	cr_assert(eq(int, cfi_step(&rule, &regs), GOIDSHIM_STACK_EXPRESSION));
	rule.kind = CFI_NONE;
	cr_assert(eq(int, cfi_step(&rule, &regs), GOIDSHIM_STACK_NO_CFI));
}

/* OpenSSL's way: the CFA stays in rax across the call of what leaves rax alone. */
Test(cfi, what_the_interrupted_function_left_alone_holds_for_its_caller_alone)
{
	struct cfi_rule callee = { .kind = CFI_OFFSET, .cfa_register = CFI_RSP, .cfa_offset = 8,
				   .cfa_index = CFI_NO_REGISTER, .pc_register = CFI_NO_REGISTER,
				   .saved = { CFI_SAME, CFI_SAME, CFI_SAME, CFI_SAME, CFI_SAME,
					      CFI_SAME, -1 } };
	struct cfi_rule caller = callee;
	struct cfi_registers regs;
	__u64 cfa;

	caller.cfa_register = CFI_RAX;
	make_arena();
	make_registers(&regs, 0);
	regs.known = (1u << CFI_REGISTERS) - 1;
	regs.exact = true;
	regs.r[CFI_RAX] = regs.r[CFI_RSP] + 64;
	cfa = regs.r[CFI_RAX] + 8;
	cr_assert(eq(int, cfi_step(&callee, &regs), GOIDSHIM_STACK_NONE));
	cr_assert(eq(int, cfi_step(&caller, &regs), GOIDSHIM_STACK_NONE));
	cr_assert(eq(u64, regs.r[CFI_RSP], cfa));
	cr_assert(eq(int, cfi_step(&caller, &regs), GOIDSHIM_STACK_EXPRESSION));
}

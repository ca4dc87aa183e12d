/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shim/unwind/flow against call-frame information: for the functions of real libraries,
 * pretend that there is none, and derive it. Wherever that gives a rule it must be
 * the one that the library's own tables give: the same frame address, and for each
 * saved register the same place.
 *
 * Some tables are wrong themselves: OpenSSL's for sha1_multi_block() exchange two
 * registers, glibc's for __mpn_mul_1() know of no push. Where a table contradicts
 * a single instruction between two of its own rows (a push after which the stack
 * is as deep as before, or another register's place has moved), its function
 * measures nothing; there are few, and counted.
 */
#include "shim/unwind/flow.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

#include "shim/unwind/cfi.h"
#include "shim/unwind/cfiprogram.sig.h"
#include "shim/unwind/module.sig.h"

TestSuite(flow, .timeout = 120);

/* ----------------------------------------------------------- a library's own tables */

struct library {
	const char *name;
	struct module module;
	struct cfi_table *table;
};

static int find_library(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct library *l = arg;

	return strstr(info->dlpi_name, l->name) != NULL &&
	       module_read(info->dlpi_addr, (__u64)info->dlpi_phdr, info->dlpi_phnum, &l->module);
}

static void open_library(const char *name, struct library *ret)
{
	struct cfi_source source = { 0 };

	*ret = (struct library){ .name = name };
	if (dlopen(name, RTLD_NOW) == NULL)
		cr_skip("%s is not installed", name);
	cr_assert(dl_iterate_phdr(find_library, ret) == 1, "%s is not loaded", name);
	source.section = ret->module.section;
	source.bias = ret->module.bias;
	source.lo = ret->module.start;
	source.hi = ret->module.end;
	cr_assert(eq(int, cfi_compile(&source, &ret->table), 0));
}

static const struct cfi_rule *table_rule(const struct library *l, __u64 pc)
{
	static const struct cfi_rule none;
	const struct cfi_rule *rule = cfi_table_find(l->table, pc - l->module.bias);

	return rule != NULL ? rule : &none;
}

/* A frame that a call has just opened, as at the first instruction of a function. */
static bool is_at_entry(const struct cfi_rule *rule)
{
	bool same = rule->kind == CFI_OFFSET && rule->cfa_register == CFI_RSP &&
		    rule->cfa_offset == 8 && rule->saved[CFI_SLOT_PC] == -1;

	for (unsigned slot = 0; slot < CFI_SLOT_PC; slot++)
		same &= rule->saved[slot] == CFI_SAME;
	return same;
}

/* ------------------------------------------- does a table agree with one instruction? */

/* Registers, as instructions and as DWARF number them. */
static const __u8 insn_number[] = { 0, 2, 1, 3, 6, 7, 5, 4, 8, 9, 10, 11, 12, 13, 14, 15 };
static const __u8 slot_register[] = { INSN_RBX, INSN_RBP, 12, 13, 14, 15 };

/* By how much the stack grows. False: that is not said. */
static bool stack_growth(const struct insn *i, __s32 *ret)
{
	bool adjusts = i->act == INSN_SET && i->reg == INSN_RSP && i->base == INSN_RSP;

	*ret = i->act == INSN_PUSH ? 8 : i->act == INSN_POP ? -8 : adjusts ? -i->value : 0;
	return i->act == INSN_PUSH || i->act == INSN_POP || adjusts ||
	       !(i->writes & 1u << INSN_RSP);
}

static bool contradicts(const struct insn *i, const struct cfi_rule *before,
			const struct cfi_rule *after)
{
	__s32 growth;

	if ((i->flow != INSN_NEXT && i->flow != INSN_BRANCH) || i->act == INSN_NOP ||
	    before->kind != CFI_OFFSET || after->kind != CFI_OFFSET)
		return false;
	if (before->cfa_register == CFI_RSP && after->cfa_register == CFI_RSP &&
	    stack_growth(i, &growth) && after->cfa_offset - before->cfa_offset != growth)
		return true;
	for (unsigned slot = 0; i->act == INSN_PUSH && slot < CFI_SLOT_PC; slot++)
		if (slot_register[slot] != i->reg && before->saved[slot] != CFI_SAME &&
		    before->saved[slot] != after->saved[slot])
			return true;
	return false;
}

static bool table_contradicts_code(const struct library *l, __u64 start, __u64 end)
{
	struct insn i;

	for (__u64 pc = start; pc < end; pc += i.length) {
		if (!insn_decode((const __u8 *)pc, end - pc, pc, &i))
			return false;
		if (pc + i.length < end &&
		    contradicts(&i, table_rule(l, pc), table_rule(l, pc + i.length)))
			return true;
	}
	return false;
}

/* -------------------------------------------------------------------- comparing */

static struct {
	unsigned long functions, fragments, contradictory;
	unsigned long reached, ruled, frames, registers;
	unsigned long not_compared;	/* ours says what we cannot tell from theirs */
} tally;

/* The table's frame address must be where we take the CFA to be. */
static void compare_frame(const struct library *l, const struct flow_node *n,
			  const struct cfi_rule *theirs)
{
	__s32 value = n->state.value[insn_number[theirs->cfa_register & 15]];

	if (theirs->kind != CFI_OFFSET || value >= FLOW_ENTRY) {
		tally.not_compared++;
		return;
	}
	tally.frames++;
	cr_assert(value + theirs->cfa_offset == 0, "%s: %#llx: the frame differs", l->name,
		  n->pc - l->module.bias);
}

/*
 * Ours prefers the register, theirs the place: the same if what is in the place is
 * known to be the register's value.
 */
static void compare_register(const struct library *l, const struct flow_node *n, unsigned slot,
			     __s16 ours, const struct cfi_rule *theirs)
{
	__s16 saved = theirs->saved[slot];
	__s32 place = n->state.saved[slot_register[slot]];

	if (ours == CFI_LOST)
		return;
	if (theirs->from_rbp & 1u << slot || saved == CFI_LOST ||
	    (saved != CFI_SAME && place == 0)) {
		tally.not_compared++;
		return;
	}
	tally.registers++;
	cr_assert(saved == ours || saved * 8 == place, "%s: %#llx: register %u differs", l->name,
		  n->pc - l->module.bias, slot_register[slot]);
}

static void compare_node(const struct library *l, const struct flow_node *n)
{
	const struct cfi_rule *theirs = table_rule(l, n->pc);
	struct cfi_rule ours;

	tally.reached++;
	flow_rule(&n->state, &ours);
	if (ours.kind == CFI_NONE)
		return;
	tally.ruled++;
	compare_frame(l, n, theirs);
	for (unsigned slot = 0; slot < CFI_SLOT_PC; slot++)
		compare_register(l, n, slot, ours.saved[slot], theirs);
}

static void compare_function(const struct library *l, __u64 start, __u64 end)
{
	struct flow_range range = { .start = start, .end = end };
	struct flow f;
	struct insn first;

	tally.functions++;
	/* The rest of a function that was split begins in the middle of a frame, or with a nop. */
	if (!is_at_entry(table_rule(l, start)) ||
	    !insn_decode((const __u8 *)start, end - start, start, &first) ||
	    first.act == INSN_NOP) {
		tally.fragments++;
		return;
	}
	if (table_contradicts_code(l, start, end)) {
		tally.contradictory++;
		return;
	}
	cr_assert(eq(int, flow_open(&f, &range, 1, 1000000), 0));
	flow_follow(&f, start, true);
	cr_assert(not(f.exhausted));
	for (__u32 i = 0; i < f.nodes; i++)
		compare_node(l, &f.node[i]);
	flow_close(&f);
}

static void check_library(const char *name)
{
	struct cfiprogram program;
	struct cfiprogram_cie cie = { 0 };
	__u64 at, entry, table;
	struct library l;
	__u32 count;

	open_library(name, &l);
	cr_assert(ehframe_header(&l.module.section, &at, &table, &count));
	while (ehframe_next_entry(&l.module.section, &at, &entry))
		if (ehframe_open(&l.module.section, entry, &cie, &program) &&
		    module_find_segment(&l.module, program.start) >= 0)
			compare_function(&l, program.start, program.limit);
	printf("# %s: %lu functions, %lu of them fragments, %lu with tables that contradict them; "
	       "%.2f %% of %lu instructions have a rule; %lu frames and %lu registers agree, "
	       "%lu could not be compared\n", name, tally.functions, tally.fragments,
	       tally.contradictory, 100.0 * (double)tally.ruled / (double)tally.reached,
	       tally.reached, tally.frames, tally.registers, tally.not_compared);
	cr_assert(tally.contradictory * 200 <= tally.functions);
	cr_assert(tally.ruled * 100 >= tally.reached * 80);
	cr_assert(tally.not_compared * 100 <= tally.registers);
	cfi_free(l.table);
}

Test(flow, agrees_with_the_tables_of_the_c_library)
{
	check_library("libc.so.6");
}

Test(flow, agrees_with_the_tables_of_openssl)
{
	check_library("libcrypto.so.3");
}

Test(flow, agrees_with_the_tables_of_sqlite)
{
	check_library("libsqlite3.so.0");
}

Test(flow, agrees_with_the_tables_of_libstdcxx)
{
	check_library("libstdc++.so.6");
}

Test(flow, agrees_with_the_tables_of_zstd)
{
	check_library("libzstd.so.1");
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shim/unwind/gaps: which functions are found in code without call-frame information, and
 * which are rightly not. The code is this program's own, fixtures/uncovered.c;
 * that what is derived for it is right, unwind_steps.c sees at every instruction.
 */
#include "shim/unwind/gaps.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dlfcn.h>
#include <link.h>
#include <string.h>

#include "shim/unwind/cfi.h"
#include "shim/unwind/module.sig.h"
#include "tests/fixtures/uncovered.h"

TestSuite(gaps, .timeout = 20);

struct search {
	__u64 function;
	struct module module;
};

static int find_module(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct search *s = arg;

	return module_read(info->dlpi_addr, (__u64)info->dlpi_phdr, info->dlpi_phnum,
			   &s->module) &&
	       module_find_segment(&s->module, s->function) >= 0;
}

/* The module of a function, compiled with this much to spend on what is not covered. */
static struct cfi_table *compile(const void *function, struct gaps_budget budget, __u64 *ret_bias)
{
	struct gaps_module gaps = { .budget = &budget };
	struct cfi_source source = { .gaps = &gaps };
	struct search search = { .function = (__u64)function };
	const struct module *m = &search.module;
	struct cfi_table *table;

	cr_assert(dl_iterate_phdr(find_module, &search) == 1);
	source.section = m->section;
	source.bias = gaps.bias = *ret_bias = m->bias;
	source.lo = m->start;
	source.hi = m->end;
	gaps.phdr = (const void *)m->phdr;
	gaps.phnum = m->phnum;
	cr_assert(eq(int, cfi_compile(&source, &table), 0));
	return table;
}

static const struct gaps_budget plenty = { .bytes = 1 << 30, .steps = 1 << 30 };

/* The rule at a place in this program. */
static struct cfi_rule rule_at(const void *place, struct gaps_budget budget)
{
	__u64 bias;
	struct cfi_table *table = compile(uncovered_run, budget, &bias);
	const struct cfi_rule *found = cfi_table_find(table, (__u64)place - bias);
	struct cfi_rule rule = { .kind = CFI_NONE };

	if (found != NULL)
		rule = *found;
	cfi_free(table);
	return rule;
}

static void expect_frame(const char *what, const void *place, unsigned reg, int offset)
{
	struct cfi_rule rule = rule_at(place, plenty);

	cr_expect(eq(u8, rule.kind, CFI_OFFSET), "%s", what);
	cr_expect(eq(u8, rule.derived, 1), "%s", what);
	cr_expect(eq(u8, rule.cfa_register, (__u8)reg), "%s", what);
	cr_expect(eq(int, rule.cfa_offset, offset), "%s", what);
	cr_expect(eq(int, rule.saved[CFI_SLOT_PC], -1), "%s", what);
}

static void expect_nothing(const char *what, const void *place)
{
	struct cfi_rule rule = rule_at(place, plenty);

	cr_expect(eq(u8, rule.kind, CFI_NONE), "%s", what);
}

Test(gaps, functions_that_something_leads_to_have_rules)
{
	expect_frame("called directly", uncovered_pushes, CFI_RSP, 8);
	expect_frame("and inside", uncovered_pushes_deep, CFI_RSP, 80);
	expect_frame("called by a neighbour", uncovered_leaf_deep, CFI_RSP, 8);
	expect_frame("its address taken in code", uncovered_frame, CFI_RSP, 8);
	expect_frame("and inside", uncovered_frame_deep, CFI_RBP, 16);
	expect_frame("its address taken in data", uncovered_moves, CFI_RSP, 8);
	expect_frame("and inside", uncovered_moves_deep, CFI_RSP, 64);
}

Test(gaps, saved_registers_are_found)
{
	struct cfi_rule rule = rule_at(uncovered_pushes_deep, plenty);
	static const __s16 pushed[] = { -3, -2, -4, -5, CFI_SAME, CFI_SAME };

	/* r14 and r15 were not used: they are still where they were, if a neighbour kept them. */
	for (unsigned slot = CFI_SLOT_RBX; slot <= CFI_SLOT_R13; slot++)
		cr_expect(eq(int, rule.saved[slot], pushed[slot]), "slot %u", slot);
	cr_expect(eq(int, rule.saved[CFI_SLOT_R14], -6));
	cr_expect(eq(int, rule.saved[CFI_SLOT_R15], -7));
	rule = rule_at(uncovered_leaf_deep, plenty);
	cr_expect(eq(int, rule.saved[CFI_SLOT_RBX], -3), "below the stack pointer");
	rule = rule_at(uncovered_moves_deep, plenty);
	cr_expect(eq(int, rule.saved[CFI_SLOT_RBX], -7), "by a move");
	cr_expect(eq(int, rule.saved[CFI_SLOT_R14], -6), "by a move");
}

/* Nor does this: the address that it takes is another. */
static const void *unknown(void)
{
	volatile int distance = UNCOVERED_UNKNOWN_AFTER_TAIL;

	return uncovered_shared_tail + distance;
}

Test(gaps, what_is_not_certain_has_none)
{
	expect_nothing("nothing leads there", unknown());
	expect_nothing("a table", uncovered_table);
	expect_nothing("its frame is lost", uncovered_lost_deep);
	expect_frame("up to where others come in", uncovered_shared, CFI_RSP, 8);
	expect_nothing("jumped into from another frame", uncovered_shared_tail);
}

Test(gaps, covered_code_keeps_its_own_rules)
{
	__u64 bias;
	struct cfi_table *with = compile(uncovered_run, plenty, &bias);
	struct cfi_table *without = compile(uncovered_run, (struct gaps_budget){ 0 }, &bias);
	const struct cfi_rule *a, *b;
	unsigned derived = 0;

	for (__u64 pc = with->first_pc; pc < with->pc[with->rows - 1]; pc++) {
		a = cfi_table_find(with, pc);
		b = cfi_table_find(without, pc);
		derived += a->derived;
		cr_assert(b->kind == CFI_NONE || memcmp(a, b, sizeof(*a)) == 0, "%#llx", pc);
		cr_assert(a->kind == b->kind || a->derived, "%#llx", pc);
	}
	cr_assert(derived > 100);
}

/* Without a budget for searching, what only a search would find has no rule. */
Test(gaps, the_budget_is_kept)
{
	struct gaps_budget no_search = { .bytes = 16, .steps = 1 << 30 };
	struct gaps_budget no_steps = { .bytes = 1 << 30, .steps = 20 };

	cr_expect(eq(u8, rule_at(uncovered_pushes, no_search).kind, CFI_NONE));
	cr_expect(eq(u8, rule_at(uncovered_pushes, no_steps).kind, CFI_NONE));
}

/* Debian's libzstd has no symbols: its loops are found where their address is taken. */
Test(gaps, zstd_is_covered)
{
	void *library = dlopen("libzstd.so.1", RTLD_NOW);
	unsigned derived = 0;
	struct cfi_table *table;
	__u64 bias;

	if (library == NULL)
		cr_skip("libzstd.so.1 is not installed");
	table = compile(dlsym(library, "ZSTD_compress"), plenty, &bias);
	for (__u64 pc = table->first_pc; pc < table->pc[table->rows - 1]; pc++)
		derived += cfi_table_find(table, pc)->derived;
	cr_assert(derived > 2000, "%u bytes", derived);
	cfi_free(table);
}

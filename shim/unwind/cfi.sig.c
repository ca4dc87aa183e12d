/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/unwind/cfi.sig.h"

#include <stddef.h>

#include "probe/peek.sig.h"

const struct cfi_rule *cfi_table_find(const struct cfi_table *table, __u64 pc)
{
	__u64 bucket;
	__u32 low, high;

	if (pc < table->first_pc || table->rows == 0)
		return NULL;
	bucket = (pc - table->first_pc) >> CFI_BUCKET_SHIFT;
	if (bucket >= table->buckets)
		return NULL;
	low = table->bucket[bucket];
	high = bucket + 1 < table->buckets ? table->bucket[bucket + 1] + 1 : table->rows;
	while (high - low > 1) {
		__u32 middle = low + (high - low) / 2;

		if (table->pc[middle] <= pc)
			low = middle;
		else
			high = middle;
	}
	return &table->rule[table->rule_of[low]];
}

/* ------------------------------------------------------------------- stepping */

static const __u8 register_of[CFI_SLOTS] = { 3, 6, 12, 13, 14, 15, 16 };

static bool is_known(const struct cfi_registers *regs, __u8 reg)
{
	return reg < CFI_REGISTERS && regs->known & 1u << reg;
}

static enum goidshim_stack_end find_cfa(const struct cfi_rule *rule,
					const struct cfi_registers *regs, __u64 *ret)
{
	__u64 at;

	if (rule->kind == CFI_PLT) {
		*ret = regs->r[CFI_RSP] + 8;
		if ((regs->r[CFI_PC] & 15) >= (__u64)rule->cfa_offset)
			*ret += 8;
		return GOIDSHIM_STACK_NONE;
	}
	if (!is_known(regs, rule->cfa_register))
		return GOIDSHIM_STACK_EXPRESSION;
	at = regs->r[rule->cfa_register] + (__u64)(__s64)rule->cfa_offset;
	if (rule->kind == CFI_DEREF) {
		if (rule->cfa_index != CFI_NO_REGISTER && !is_known(regs, rule->cfa_index))
			return GOIDSHIM_STACK_EXPRESSION;
		if (rule->cfa_index != CFI_NO_REGISTER)
			at += regs->r[rule->cfa_index] * 8;
		if (!peek_u64(at, &at))
			return GOIDSHIM_STACK_FAULT;
		at += (__u64)(__s64)rule->cfa_add;
	}
	*ret = at;
	return GOIDSHIM_STACK_NONE;
}

/* A register's value in the caller. False: not known, and *ret_end says if that is a fault. */
static bool load_slot(const struct cfi_rule *rule, const struct cfi_registers *regs, __u64 cfa,
		      unsigned slot, __u64 *ret, enum goidshim_stack_end *ret_end)
{
	bool from_rbp = rule->from_rbp & 1u << slot;
	__u8 reg = register_of[slot];

	if (rule->saved[slot] == CFI_SAME) {
		*ret = regs->r[reg];
		return is_known(regs, reg);
	}
	if (rule->saved[slot] <= CFI_UNDEFINED || (from_rbp && !is_known(regs, CFI_RBP)))
		return false;
	if (peek_u64((from_rbp ? regs->r[CFI_RBP] : cfa) + (__u64)((__s64)rule->saved[slot] * 8),
		     ret))
		return true;
	*ret_end = GOIDSHIM_STACK_FAULT;
	return false;
}

/* struct ucontext at rsp: uc_mcontext begins 40 bytes in, in this order. */
static enum goidshim_stack_end step_sigframe(struct cfi_registers *regs)
{
	static const __u8 order[CFI_REGISTERS] = { 8,  9,  10, 11, 12, 13, 14, 15, 5,
						   4,  6,  3,  1,  0,  2,  7,  16 };
	__u64 at = regs->r[CFI_RSP] + 40;

	for (unsigned i = 0; i < CFI_REGISTERS; i++)
		if (!peek_u64(at + i * 8ull, &regs->r[order[i]]))
			return GOIDSHIM_STACK_FAULT;
	regs->known = (1u << CFI_REGISTERS) - 1;
	regs->exact = true;
	return GOIDSHIM_STACK_NONE;
}

/*
 * What the caller may know beside what rules say. Some of OpenSSL's assembly keeps
 * its CFA in rax across a call of a subroutine that leaves rax alone, so that rax
 * still holds while that subroutine is what was interrupted, and no longer.
 */
static __u32 untouched(const struct cfi_rule *rule, const struct cfi_registers *regs)
{
	__u32 followed = 1u << CFI_RSP;

	for (unsigned slot = 0; slot < CFI_SLOTS; slot++)
		followed |= 1u << register_of[slot];
	return regs->exact && !rule->derived ? regs->known & ~followed : 0;
}

/* An entry of a PLT: a jump through a slot, behind a landing mark and a prefix or not. */
static bool plt_leads_to(__u64 at, __u64 function)
{
	__u32 word;
	__u64 target;
	__u8 byte;

	if (peek_u32(at, &word) && word == 0xfa1e0ff3) /* endbr64 */
		at += 4;
	if (peek_u8(at, &byte) && byte == 0xf2)
		at++;
	return peek_u32(at, &word) && (word & 0xffff) == 0x25ff && peek_u32(at + 2, &word) &&
	       peek_u64(at + 6 + (__u64)(__s64)(__s32)word, &target) && target == function;
}

/* Is there a direct call of `function`, or of its PLT entry, right before `pc`? */
static bool follows_call_of(__u64 pc, __u64 function)
{
	__u32 relative;
	__u64 target;
	__u8 byte;

	if (!peek_u8(pc - 5, &byte) || byte != 0xe8 || !peek_u32(pc - 4, &relative))
		return false;
	target = pc + (__u64)(__s64)(__s32)relative;
	return target == function || plt_leads_to(target, function);
}

static enum goidshim_stack_end step_frame(const struct cfi_rule *rule, struct cfi_registers *regs)
{
	enum goidshim_stack_end end;
	__u32 known = 1u << CFI_RSP | untouched(rule, regs);
	__u64 value[CFI_SLOTS];
	__u64 cfa;

	end = find_cfa(rule, regs, &cfa);
	if (end != GOIDSHIM_STACK_NONE)
		return end;
	/* A caller's frame is above, except where the return address has been popped already. */
	if (cfa < regs->r[CFI_RSP] + (rule->pc_register == CFI_NO_REGISTER) || cfa & 7)
		return GOIDSHIM_STACK_STUCK;
	for (unsigned slot = 0; slot < CFI_SLOTS; slot++)
		if (load_slot(rule, regs, cfa, slot, &value[slot], &end))
			known |= 1u << register_of[slot];
	if (is_known(regs, rule->pc_register)) {
		value[CFI_SLOT_PC] = regs->r[rule->pc_register];
		known |= 1u << CFI_PC;
	}
	if (end != GOIDSHIM_STACK_NONE || !(known & 1u << CFI_PC))
		return end != GOIDSHIM_STACK_NONE ? end : GOIDSHIM_STACK_EXPRESSION;
	if (rule->entry_back != 0 &&
	    !follows_call_of(value[CFI_SLOT_PC], regs->r[CFI_PC] - rule->entry_back))
		return GOIDSHIM_STACK_EXPRESSION;
	for (unsigned slot = 0; slot < CFI_SLOTS; slot++)
		if (known & 1u << register_of[slot])
			regs->r[register_of[slot]] = value[slot];
	regs->r[CFI_RSP] = cfa;
	regs->known = known;
	regs->exact = false;
	return GOIDSHIM_STACK_NONE;
}

enum goidshim_stack_end cfi_step(const struct cfi_rule *rule, struct cfi_registers *regs)
{
	if (rule->kind == CFI_NONE)
		return GOIDSHIM_STACK_NO_CFI;
	if (rule->kind == CFI_UNSUPPORTED)
		return GOIDSHIM_STACK_EXPRESSION;
	if (rule->kind == CFI_SIGFRAME)
		return step_sigframe(regs);
	if (rule->saved[CFI_SLOT_PC] == CFI_UNDEFINED)
		return GOIDSHIM_STACK_THREAD;
	return step_frame(rule, regs);
}

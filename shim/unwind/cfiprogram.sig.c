/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/unwind/cfiprogram.sig.h"

/* Call-frame instructions (DW_CFA_*); the first three hold an operand. */
enum {
	CFA_ADVANCE_LOC = 0x40,
	CFA_OFFSET = 0x80,
	CFA_RESTORE = 0xc0,
	CFA_NOP = 0x00,
	CFA_SET_LOC = 0x01,
	CFA_ADVANCE_LOC1 = 0x02,
	CFA_ADVANCE_LOC2 = 0x03,
	CFA_ADVANCE_LOC4 = 0x04,
	CFA_OFFSET_EXTENDED = 0x05,
	CFA_RESTORE_EXTENDED = 0x06,
	CFA_UNDEFINED = 0x07,
	CFA_SAME_VALUE = 0x08,
	CFA_REGISTER = 0x09,
	CFA_REMEMBER_STATE = 0x0a,
	CFA_RESTORE_STATE = 0x0b,
	CFA_DEF_CFA = 0x0c,
	CFA_DEF_CFA_REGISTER = 0x0d,
	CFA_DEF_CFA_OFFSET = 0x0e,
	CFA_DEF_CFA_EXPRESSION = 0x0f,
	CFA_EXPRESSION = 0x10,
	CFA_OFFSET_EXTENDED_SF = 0x11,
	CFA_DEF_CFA_SF = 0x12,
	CFA_DEF_CFA_OFFSET_SF = 0x13,
	CFA_VAL_OFFSET = 0x14,
	CFA_VAL_OFFSET_SF = 0x15,
	CFA_VAL_EXPRESSION = 0x16,
	CFA_GNU_ARGS_SIZE = 0x2e,
	CFA_GNU_NEGATIVE_OFFSET_EXTENDED = 0x2f,
};

/* DWARF expression operations (DW_OP_*) that rules recognize. */
enum {
	OP_DEREF = 0x06,
	OP_AND = 0x1a,
	OP_MUL = 0x1e,
	OP_PLUS = 0x22,
	OP_PLUS_UCONST = 0x23,
	OP_SHL = 0x24,
	OP_GE = 0x2a,
	OP_LIT0 = 0x30,
	OP_BREG0 = 0x70,
};

/* --------------------------------------------------------------- expressions */

/* An expression, reduced to its operations and their operands. */
struct expression {
	unsigned count;
	struct {
		__u8 op;
		__s64 operand;
	} item[12];
};

static void take_expression(struct cfiprogram *m, struct expression *ret)
{
	__u64 size = ehbytes_uleb(&m->in);
	__u64 end = m->in.at + size;

	ret->count = 0;
	if (m->in.bad || size > m->in.end - m->in.at) {
		m->in.bad = true;
		return;
	}
	while (m->in.at < end && ret->count < 12) {
		__u8 op = ehbytes_u8(&m->in);
		__s64 operand = 0;

		if (op >= OP_BREG0 && op <= OP_BREG0 + 31)
			operand = ehbytes_sleb(&m->in);
		else if (op == OP_PLUS_UCONST)
			operand = (__s64)ehbytes_uleb(&m->in);
		else if (op != OP_DEREF && op != OP_AND && op != OP_MUL && op != OP_PLUS &&
			 op != OP_SHL && op != OP_GE && !(op >= OP_LIT0 && op < OP_LIT0 + 32))
			ret->count = 12; /* an operation whose operands we do not know */
		if (ret->count < 12) {
			ret->item[ret->count].op = op;
			ret->item[ret->count++].operand = operand;
		}
	}
	m->in.at = end;
}

static bool is_breg(const struct expression *e, unsigned i)
{
	return i < e->count && e->item[i].op >= OP_BREG0 &&
	       e->item[i].op < OP_BREG0 + CFI_REGISTERS && e->item[i].operand >= -0x7fffffff &&
	       e->item[i].operand <= 0x7fffffff;
}

static bool is_op(const struct expression *e, unsigned i, __u8 op)
{
	return i < e->count && e->item[i].op == op;
}

/* rsp + 8 + (((pc & 15) >= N) << 3): between a PLT entry's push and its jump. */
static bool is_plt(const struct expression *e)
{
	return e->count == 9 && is_op(e, 0, OP_BREG0 + CFI_RSP) && e->item[0].operand == 8 &&
	       is_op(e, 1, OP_BREG0 + CFI_PC) && e->item[1].operand == 0 &&
	       is_op(e, 2, OP_LIT0 + 15) && is_op(e, 3, OP_AND) && e->item[4].op > OP_LIT0 &&
	       e->item[4].op < OP_LIT0 + 16 && is_op(e, 5, OP_GE) && is_op(e, 6, OP_LIT0 + 3) &&
	       is_op(e, 7, OP_SHL) && is_op(e, 8, OP_PLUS);
}

/* [reg + N], [reg + N] + M, or with + index * 8 inside the brackets. */
static bool expression_is_deref(const struct expression *e, struct cfi_rule *rule)
{
	unsigned i = 1;

	if (!is_breg(e, 0))
		return false;
	rule->kind = CFI_DEREF;
	rule->cfa_register = e->item[0].op - OP_BREG0;
	rule->cfa_offset = (__s32)e->item[0].operand;
	rule->cfa_index = CFI_NO_REGISTER;
	rule->cfa_add = 0;
	if (is_breg(e, 1) && e->item[1].operand == 0 && is_op(e, 2, OP_LIT0 + 8) &&
	    is_op(e, 3, OP_MUL) && is_op(e, 4, OP_PLUS)) {
		rule->cfa_index = e->item[1].op - OP_BREG0;
		i = 5;
	}
	if (!is_op(e, i, OP_DEREF))
		return false;
	if (e->count == i + 1)
		return true;
	if (e->count != i + 2 || !is_op(e, i + 1, OP_PLUS_UCONST) ||
	    e->item[i + 1].operand < 0 || e->item[i + 1].operand > 0x7fffffff)
		return false;
	rule->cfa_add = (__s32)e->item[i + 1].operand;
	return true;
}

/* The kernel's frame: [rsp + 160] is the saved rsp in the ucontext at rsp. */
static bool is_sigframe(const struct cfiprogram *m, const struct cfi_rule *rule)
{
	return m->cie->signal_frame && rule->cfa_register == CFI_RSP &&
	       rule->cfa_offset == 160 && rule->cfa_index == CFI_NO_REGISTER && rule->cfa_add == 0;
}

static void define_cfa_expression(struct cfiprogram *m)
{
	struct expression e;

	take_expression(m, &e);
	if (is_plt(&e)) {
		m->rule.kind = CFI_PLT;
		m->rule.cfa_register = CFI_RSP;
		m->rule.cfa_offset = e.item[4].op - OP_LIT0;
	} else if (!expression_is_deref(&e, &m->rule)) {
		m->rule.kind = CFI_UNSUPPORTED;
	} else if (is_sigframe(m, &m->rule)) {
		m->rule.kind = CFI_SIGFRAME;
	}
}

/* --------------------------------------------------------- rules of registers */

/* The slot of a register that rules follow, or CFI_SLOTS. */
static unsigned slot_of(__u64 reg)
{
	switch (reg) {
	case CFI_RBX:
		return CFI_SLOT_RBX;
	case CFI_RBP:
		return CFI_SLOT_RBP;
	case CFI_PC:
		return CFI_SLOT_PC;
	default:
		return reg >= CFI_R12 && reg <= CFI_R15 ? CFI_SLOT_R12 + reg - CFI_R12 : CFI_SLOTS;
	}
}

static void save_at(struct cfi_rule *rule, __u64 reg, __s64 offset, bool from_rbp)
{
	unsigned slot = slot_of(reg);
	bool fits = offset % 8 == 0 && offset >= -8 * 0x7ff0 && offset <= 8 * 0x7ff0;

	if (slot == CFI_SLOTS) {
		/* A saved rsp is the CFA by definition; one that is not, we cannot hold. */
		if (reg == CFI_RSP && rule->kind != CFI_SIGFRAME)
			rule->kind = CFI_UNSUPPORTED;
		return;
	}
	rule->saved[slot] = fits ? (__s16)(offset / 8) : CFI_LOST;
	rule->from_rbp = (__u8)((rule->from_rbp & ~(1u << slot)) | (unsigned)from_rbp << slot);
	if (slot == CFI_SLOT_PC)
		rule->pc_register = CFI_NO_REGISTER;
}

static void save_as(struct cfi_rule *rule, __u64 reg, __s16 where)
{
	unsigned slot = slot_of(reg);

	if (slot < CFI_SLOTS)
		rule->saved[slot] = where;
	if (slot == CFI_SLOT_PC)
		rule->pc_register = CFI_NO_REGISTER;
}

static void save_in_register(struct cfi_rule *rule, __u64 reg, __u64 other)
{
	save_as(rule, reg, CFI_LOST);
	if (reg == CFI_PC && other < CFI_PC)
		rule->pc_register = (__u8)other;
	else if (reg == CFI_RSP)
		rule->kind = CFI_UNSUPPORTED;
}

static void save_expression(struct cfiprogram *m, __u64 reg)
{
	struct expression e;

	take_expression(m, &e);
	if (m->rule.kind == CFI_SIGFRAME)
		return;
	if (e.count == 1 && is_breg(&e, 0) && e.item[0].op == OP_BREG0 + CFI_RBP)
		save_at(&m->rule, reg, e.item[0].operand, true);
	else
		save_in_register(&m->rule, reg, CFI_NO_REGISTER);
}

static void restore(struct cfiprogram *m, __u64 reg)
{
	const struct cfi_rule *initial = &m->cie->rule;
	unsigned slot = slot_of(reg);

	if (slot == CFI_SLOTS)
		return;
	m->rule.saved[slot] = initial->saved[slot];
	m->rule.from_rbp &= (__u8)~(1u << slot);
	if (slot == CFI_SLOT_PC)
		m->rule.pc_register = initial->pc_register;
}

static void define_cfa(struct cfi_rule *rule, __u64 reg, __s64 offset)
{
	bool fits = reg < CFI_PC && offset >= -0x7fffffff && offset <= 0x7fffffff;

	rule->kind = fits ? CFI_OFFSET : CFI_UNSUPPORTED;
	rule->cfa_register = fits ? (__u8)reg : 0;
	rule->cfa_offset = fits ? (__s32)offset : 0;
	rule->cfa_index = CFI_NO_REGISTER;
	rule->cfa_add = 0;
}

/* -------------------------------------------------------------- instructions */

static void remember_state(struct cfiprogram *m)
{
	if (m->states == CFIPROGRAM_STATES)
		m->in.bad = true;
	else
		m->state[m->states++] = m->rule;
}

static void restore_state(struct cfiprogram *m)
{
	if (m->states == 0)
		m->in.bad = true;
	else
		m->rule = m->state[--m->states];
}

/* Instructions that say at what distance from the CFA. False: not one of them. */
static bool run_offset(struct cfiprogram *m, __u8 op)
{
	__s64 align = m->cie->data_align;
	__u64 reg;

	switch (op) {
	case CFA_OFFSET_EXTENDED:
		reg = ehbytes_uleb(&m->in);
		save_at(&m->rule, reg, (__s64)(ehbytes_uleb(&m->in) * (__u64)align), false);
		return true;
	case CFA_OFFSET_EXTENDED_SF:
		reg = ehbytes_uleb(&m->in);
		save_at(&m->rule, reg, (__s64)((__u64)ehbytes_sleb(&m->in) * (__u64)align), false);
		return true;
	case CFA_GNU_NEGATIVE_OFFSET_EXTENDED:
		reg = ehbytes_uleb(&m->in);
		save_at(&m->rule, reg, (__s64)(-ehbytes_uleb(&m->in) * (__u64)align), false);
		return true;
	default:
		return false;
	}
}

/* Every instruction that says where a register was saved. False: not one of them. */
static bool run_save(struct cfiprogram *m, __u8 op)
{
	__u64 reg;

	if (run_offset(m, op))
		return true;
	switch (op) {
	case CFA_RESTORE_EXTENDED:
		restore(m, ehbytes_uleb(&m->in));
		return true;
	case CFA_UNDEFINED:
		reg = ehbytes_uleb(&m->in);
		save_as(&m->rule, reg, reg == CFI_PC ? CFI_UNDEFINED : CFI_LOST);
		return true;
	case CFA_SAME_VALUE:
		save_as(&m->rule, ehbytes_uleb(&m->in), CFI_SAME);
		return true;
	case CFA_REGISTER:
		reg = ehbytes_uleb(&m->in);
		save_in_register(&m->rule, reg, ehbytes_uleb(&m->in));
		return true;
	case CFA_EXPRESSION:
		save_expression(m, ehbytes_uleb(&m->in));
		return true;
	case CFA_VAL_OFFSET:
	case CFA_VAL_OFFSET_SF:
		save_in_register(&m->rule, ehbytes_uleb(&m->in), CFI_NO_REGISTER);
		ehbytes_uleb(&m->in);
		return true;
	case CFA_VAL_EXPRESSION:
		save_in_register(&m->rule, ehbytes_uleb(&m->in), CFI_NO_REGISTER);
		ehbytes_skip(&m->in, ehbytes_uleb(&m->in));
		return true;
	default:
		return false;
	}
}

/* Instructions that say where the CFA is. False: not one of them. */
static bool run_cfa(struct cfiprogram *m, __u8 op)
{
	__s64 align = m->cie->data_align;
	struct cfi_rule *rule = &m->rule;
	__u64 reg;

	switch (op) {
	case CFA_DEF_CFA:
		reg = ehbytes_uleb(&m->in);
		define_cfa(rule, reg, (__s64)ehbytes_uleb(&m->in));
		return true;
	case CFA_DEF_CFA_SF:
		reg = ehbytes_uleb(&m->in);
		define_cfa(rule, reg, (__s64)((__u64)ehbytes_sleb(&m->in) * (__u64)align));
		return true;
	case CFA_DEF_CFA_REGISTER:
		define_cfa(rule, ehbytes_uleb(&m->in), rule->cfa_offset);
		return true;
	case CFA_DEF_CFA_OFFSET:
		define_cfa(rule, rule->cfa_register, (__s64)ehbytes_uleb(&m->in));
		return true;
	case CFA_DEF_CFA_OFFSET_SF:
		define_cfa(rule, rule->cfa_register, (__s64)((__u64)ehbytes_sleb(&m->in) * (__u64)align));
		return true;
	case CFA_DEF_CFA_EXPRESSION:
		define_cfa_expression(m);
		return true;
	default:
		return false;
	}
}

/* Every other instruction that does not end a row. */
static void run_rest(struct cfiprogram *m, __u8 op)
{
	switch (op) {
	case CFA_NOP:
		break;
	case CFA_REMEMBER_STATE:
		remember_state(m);
		break;
	case CFA_RESTORE_STATE:
		restore_state(m);
		break;
	case CFA_GNU_ARGS_SIZE:
		ehbytes_uleb(&m->in);
		break;
	default:
		if (!run_save(m, op) && !run_cfa(m, op))
			m->in.bad = true;
	}
}

/* Does op end a row, and where does the next begin? */
static bool advances(struct cfiprogram *m, __u8 op, __u64 *ret_location)
{
	__u64 delta;

	switch (op) {
	case CFA_SET_LOC:
		*ret_location = ehbytes_address(&m->in, m->cie->encoding, 0);
		return true;
	case CFA_ADVANCE_LOC1:
		delta = ehbytes_fixed(&m->in, 1);
		break;
	case CFA_ADVANCE_LOC2:
		delta = ehbytes_fixed(&m->in, 2);
		break;
	case CFA_ADVANCE_LOC4:
		delta = ehbytes_fixed(&m->in, 4);
		break;
	default:
		if ((op & 0xc0) != CFA_ADVANCE_LOC)
			return false;
		delta = op & 0x3f;
	}
	*ret_location = m->location + delta * m->cie->code_align;
	return true;
}

static void run_one(struct cfiprogram *m, __u8 op)
{
	if (op == (CFA_OFFSET | CFI_RAX))
		m->saves_rax = true;
	if ((op & 0xc0) == CFA_OFFSET)
		save_at(&m->rule, op & 0x3f, (__s64)(ehbytes_uleb(&m->in) * (__u64)m->cie->data_align), false);
	else if ((op & 0xc0) == CFA_RESTORE)
		restore(m, op & 0x3f);
	else
		run_rest(m, op);
}

/* The frame every x86-64 function starts from, unless its CIE says otherwise. */
static const struct cfi_rule rule_at_entry = {
	.kind = CFI_UNSUPPORTED,
	.cfa_index = CFI_NO_REGISTER,
	.pc_register = CFI_NO_REGISTER,
	.saved = { CFI_SAME, CFI_SAME, CFI_SAME, CFI_SAME, CFI_SAME, CFI_SAME, CFI_LOST },
};

bool cfiprogram_run_initial(struct cfiprogram_cie *cie)
{
	struct cfiprogram m;

	m.in = ehbytes_open(cie->initial, cie->end);
	m.states = 0;
	cie->rule = rule_at_entry;
	m.cie = cie;
	m.rule = rule_at_entry;
	while (!m.in.bad && m.in.at < m.in.end) {
		__u8 op = ehbytes_u8(&m.in);

		if ((op & 0xc0) == CFA_ADVANCE_LOC)
			return false;
		run_one(&m, op);
	}
	cie->rule = m.rule;
	return !m.in.bad;
}

bool cfiprogram_next(struct cfiprogram *m, __u64 *ret_start, __u64 *ret_end)
{
	__u64 next;

	if (m->location >= m->limit)
		return false;
	*ret_start = m->location;
	while (!m->in.bad && m->in.at < m->in.end) {
		__u8 op = ehbytes_u8(&m->in);

		if (!advances(m, op, &next)) {
			run_one(m, op);
			continue;
		}
		if (m->in.bad || next < m->location || next > m->limit)
			break;
		if (next == m->location)
			continue;
		m->location = *ret_end = next;
		return true;
	}
	/* The rest of the function, all of it unknown if its program makes no sense. */
	if (m->in.bad || m->in.at < m->in.end)
		m->rule.kind = CFI_UNSUPPORTED;
	m->location = *ret_end = m->limit;
	return true;
}

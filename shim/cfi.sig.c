/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/cfi.sig.h"

#include <stddef.h>

#include "probe/peek.sig.h"

/* Pointer encodings of .eh_frame (DW_EH_PE_*). */
enum {
	PE_ABSPTR = 0x00,
	PE_ULEB128 = 0x01,
	PE_UDATA2 = 0x02,
	PE_UDATA4 = 0x03,
	PE_UDATA8 = 0x04,
	PE_SLEB128 = 0x09,
	PE_SDATA2 = 0x0a,
	PE_SDATA4 = 0x0b,
	PE_SDATA8 = 0x0c,
	PE_FORMAT = 0x0f,
	PE_PCREL = 0x10,
	PE_DATAREL = 0x30,
	PE_RELATIVE = 0x70,
	PE_INDIRECT = 0x80,
	PE_OMIT = 0xff,
	PE_SORTED_TABLE = PE_DATAREL | PE_SDATA4,
};

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

/* ------------------------------------------------------------- reading bytes */

static __u8 take_u8(struct cfi_machine *m)
{
	__u64 at = m->at;

	if (at >= m->end) {
		m->bad = true;
		return 0;
	}
	/* A word that begins on eight bytes never crosses into another page. */
	if ((at & ~7ull) != m->window_at) {
		if (!peek_u64(at & ~7ull, &m->window)) {
			m->bad = true;
			return 0;
		}
		m->window_at = at & ~7ull;
	}
	m->at = at + 1;
	return (__u8)(m->window >> (at & 7) * 8);
}

static __u64 take_fixed(struct cfi_machine *m, unsigned bytes)
{
	__u64 value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value |= (__u64)take_u8(m) << i * 8;
	return value;
}

/* The bits of a LEB128 number; how many its bytes had room for, and the last byte. */
static __u64 take_leb(struct cfi_machine *m, unsigned *ret_bits, __u8 *ret_last)
{
	__u64 value = 0;
	unsigned shift = 0;
	__u8 byte;

	do {
		byte = take_u8(m);
		if (shift < 64)
			value |= (__u64)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80 && !m->bad);
	*ret_bits = shift;
	*ret_last = byte;
	return value;
}

static __u64 take_uleb(struct cfi_machine *m)
{
	unsigned bits;
	__u8 last;

	return take_leb(m, &bits, &last);
}

static __s64 take_sleb(struct cfi_machine *m)
{
	unsigned bits;
	__u8 last;
	__u64 value = take_leb(m, &bits, &last);

	if (bits < 64 && last & 0x40)
		value |= ~0ull << bits;
	return (__s64)value;
}

static void skip(struct cfi_machine *m, __u64 bytes)
{
	if (bytes > m->end - m->at)
		m->bad = true;
	else
		m->at += bytes;
}

static __u64 take_format(struct cfi_machine *m, __u8 format)
{
	switch (format) {
	case PE_ABSPTR:
	case PE_UDATA8:
	case PE_SDATA8:
		return take_fixed(m, 8);
	case PE_UDATA4:
		return take_fixed(m, 4);
	case PE_SDATA4:
		return (__u64)(__s64)(__s32)take_fixed(m, 4);
	case PE_UDATA2:
		return take_fixed(m, 2);
	case PE_SDATA2:
		return (__u64)(__s64)(__s16)take_fixed(m, 2);
	case PE_ULEB128:
		return take_uleb(m);
	case PE_SLEB128:
		return (__u64)take_sleb(m);
	default:
		m->bad = true;
		return 0;
	}
}

static __u64 take_address(struct cfi_machine *m, __u8 encoding, __u64 data)
{
	__u64 at = m->at;
	__u64 value = take_format(m, encoding & PE_FORMAT);

	switch (encoding & (PE_RELATIVE | PE_INDIRECT)) {
	case 0:
		return value;
	case PE_PCREL:
		return at + value;
	case PE_DATAREL:
		return data + value;
	default:
		m->bad = true;
		return 0;
	}
}

static struct cfi_machine reader(__u64 at, __u64 end)
{
	struct cfi_machine m;

	m.at = at;
	m.end = end;
	m.window_at = 1;	/* no window: never a multiple of 8 */
	m.bad = at > end;
	return m;
}

/* --------------------------------------------------------------- expressions */

/* An expression, reduced to its operations and their operands. */
struct expression {
	unsigned count;
	struct {
		__u8 op;
		__s64 operand;
	} item[12];
};

static void take_expression(struct cfi_machine *m, struct expression *ret)
{
	__u64 size = take_uleb(m);
	__u64 end = m->at + size;

	ret->count = 0;
	if (m->bad || size > m->end - m->at) {
		m->bad = true;
		return;
	}
	while (m->at < end && ret->count < 12) {
		__u8 op = take_u8(m);
		__s64 operand = 0;

		if (op >= OP_BREG0 && op <= OP_BREG0 + 31)
			operand = take_sleb(m);
		else if (op == OP_PLUS_UCONST)
			operand = (__s64)take_uleb(m);
		else if (op != OP_DEREF && op != OP_AND && op != OP_MUL && op != OP_PLUS &&
			 op != OP_SHL && op != OP_GE && !(op >= OP_LIT0 && op < OP_LIT0 + 32))
			ret->count = 12; /* an operation whose operands we do not know */
		if (ret->count < 12) {
			ret->item[ret->count].op = op;
			ret->item[ret->count++].operand = operand;
		}
	}
	m->at = end;
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
static bool is_sigframe(const struct cfi_machine *m, const struct cfi_rule *rule)
{
	return m->cie->signal_frame && rule->cfa_register == CFI_RSP &&
	       rule->cfa_offset == 160 && rule->cfa_index == CFI_NO_REGISTER && rule->cfa_add == 0;
}

static void define_cfa_expression(struct cfi_machine *m)
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

static void save_expression(struct cfi_machine *m, __u64 reg)
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

static void restore(struct cfi_machine *m, __u64 reg)
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

static void remember_state(struct cfi_machine *m)
{
	if (m->states == CFI_STATES)
		m->bad = true;
	else
		m->state[m->states++] = m->rule;
}

static void restore_state(struct cfi_machine *m)
{
	if (m->states == 0)
		m->bad = true;
	else
		m->rule = m->state[--m->states];
}

/* Instructions that say at what distance from the CFA. False: not one of them. */
static bool run_offset(struct cfi_machine *m, __u8 op)
{
	__s64 align = m->cie->data_align;
	__u64 reg;

	switch (op) {
	case CFA_OFFSET_EXTENDED:
		reg = take_uleb(m);
		save_at(&m->rule, reg, (__s64)(take_uleb(m) * (__u64)align), false);
		return true;
	case CFA_OFFSET_EXTENDED_SF:
		reg = take_uleb(m);
		save_at(&m->rule, reg, (__s64)((__u64)take_sleb(m) * (__u64)align), false);
		return true;
	case CFA_GNU_NEGATIVE_OFFSET_EXTENDED:
		reg = take_uleb(m);
		save_at(&m->rule, reg, (__s64)(-take_uleb(m) * (__u64)align), false);
		return true;
	default:
		return false;
	}
}

/* Every instruction that says where a register was saved. False: not one of them. */
static bool run_save(struct cfi_machine *m, __u8 op)
{
	__u64 reg;

	if (run_offset(m, op))
		return true;
	switch (op) {
	case CFA_RESTORE_EXTENDED:
		restore(m, take_uleb(m));
		return true;
	case CFA_UNDEFINED:
		reg = take_uleb(m);
		save_as(&m->rule, reg, reg == CFI_PC ? CFI_UNDEFINED : CFI_LOST);
		return true;
	case CFA_SAME_VALUE:
		save_as(&m->rule, take_uleb(m), CFI_SAME);
		return true;
	case CFA_REGISTER:
		reg = take_uleb(m);
		save_in_register(&m->rule, reg, take_uleb(m));
		return true;
	case CFA_EXPRESSION:
		save_expression(m, take_uleb(m));
		return true;
	case CFA_VAL_OFFSET:
	case CFA_VAL_OFFSET_SF:
		save_in_register(&m->rule, take_uleb(m), CFI_NO_REGISTER);
		take_uleb(m);
		return true;
	case CFA_VAL_EXPRESSION:
		save_in_register(&m->rule, take_uleb(m), CFI_NO_REGISTER);
		skip(m, take_uleb(m));
		return true;
	default:
		return false;
	}
}

/* Instructions that say where the CFA is. False: not one of them. */
static bool run_cfa(struct cfi_machine *m, __u8 op)
{
	__s64 align = m->cie->data_align;
	struct cfi_rule *rule = &m->rule;
	__u64 reg;

	switch (op) {
	case CFA_DEF_CFA:
		reg = take_uleb(m);
		define_cfa(rule, reg, (__s64)take_uleb(m));
		return true;
	case CFA_DEF_CFA_SF:
		reg = take_uleb(m);
		define_cfa(rule, reg, (__s64)((__u64)take_sleb(m) * (__u64)align));
		return true;
	case CFA_DEF_CFA_REGISTER:
		define_cfa(rule, take_uleb(m), rule->cfa_offset);
		return true;
	case CFA_DEF_CFA_OFFSET:
		define_cfa(rule, rule->cfa_register, (__s64)take_uleb(m));
		return true;
	case CFA_DEF_CFA_OFFSET_SF:
		define_cfa(rule, rule->cfa_register, (__s64)((__u64)take_sleb(m) * (__u64)align));
		return true;
	case CFA_DEF_CFA_EXPRESSION:
		define_cfa_expression(m);
		return true;
	default:
		return false;
	}
}

/* Every other instruction that does not end a row. */
static void run_rest(struct cfi_machine *m, __u8 op)
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
		take_uleb(m);
		break;
	default:
		if (!run_save(m, op) && !run_cfa(m, op))
			m->bad = true;
	}
}

/* Does op end a row, and where does the next begin? */
static bool advances(struct cfi_machine *m, __u8 op, __u64 *ret_location)
{
	__u64 delta;

	switch (op) {
	case CFA_SET_LOC:
		*ret_location = take_address(m, m->cie->encoding, 0);
		return true;
	case CFA_ADVANCE_LOC1:
		delta = take_fixed(m, 1);
		break;
	case CFA_ADVANCE_LOC2:
		delta = take_fixed(m, 2);
		break;
	case CFA_ADVANCE_LOC4:
		delta = take_fixed(m, 4);
		break;
	default:
		if ((op & 0xc0) != CFA_ADVANCE_LOC)
			return false;
		delta = op & 0x3f;
	}
	*ret_location = m->location + delta * m->cie->code_align;
	return true;
}

static void run_one(struct cfi_machine *m, __u8 op)
{
	if ((op & 0xc0) == CFA_OFFSET)
		save_at(&m->rule, op & 0x3f, (__s64)(take_uleb(m) * (__u64)m->cie->data_align), false);
	else if ((op & 0xc0) == CFA_RESTORE)
		restore(m, op & 0x3f);
	else
		run_rest(m, op);
}

bool cfi_machine_next(struct cfi_machine *m, __u64 *ret_start, __u64 *ret_end)
{
	__u64 next;

	if (m->location >= m->limit)
		return false;
	*ret_start = m->location;
	while (!m->bad && m->at < m->end) {
		__u8 op = take_u8(m);

		if (!advances(m, op, &next)) {
			run_one(m, op);
			continue;
		}
		if (m->bad || next < m->location || next > m->limit)
			break;
		if (next == m->location)
			continue;
		m->location = *ret_end = next;
		return true;
	}
	/* The rest of the function, all of it unknown if its program makes no sense. */
	if (m->bad || m->at < m->end)
		m->rule.kind = CFI_UNSUPPORTED;
	m->location = *ret_end = m->limit;
	return true;
}

/* ------------------------------------------------------------ finding entries */

/* A CIE or FDE at `at`: where its contents begin and end. False at the terminator. */
static bool entry_bounds(const struct cfi_section *section, __u64 at, __u64 *ret_begin,
			 __u64 *ret_end)
{
	struct cfi_machine m = reader(at, section->hi);
	__u64 length;

	if (at < section->lo)
		return false;
	length = take_fixed(&m, 4);
	if (length == 0xffffffff)
		length = take_fixed(&m, 8);
	if (m.bad || length < 4 || length > section->hi - m.at)
		return false;
	*ret_begin = m.at;
	*ret_end = m.at + length;
	return true;
}

bool cfi_entry_next(const struct cfi_section *section, __u64 *at, __u64 *ret_entry)
{
	__u64 begin, end;

	if (!entry_bounds(section, *at, &begin, &end))
		return false;
	*ret_entry = *at;
	*at = end;
	return true;
}

static void take_augmentation(struct cfi_machine *m, const char *letters, struct cfi_cie *cie)
{
	__u64 size = take_uleb(m);
	__u64 end = m->at + size;

	cie->has_augmentation = true;
	if (m->bad || size > m->end - m->at) {
		m->bad = true;
		return;
	}
	for (const char *c = letters; *c != '\0' && !m->bad; c++) {
		if (*c == 'R')
			cie->encoding = take_u8(m);
		else if (*c == 'P')
			take_format(m, take_u8(m) & PE_FORMAT);
		else if (*c == 'L')
			take_u8(m);
		else if (*c == 'S')
			cie->signal_frame = true;
		else
			m->bad = *c != 'B';
	}
	m->at = end;
}

/* The frame every x86-64 function starts from, unless its CIE says otherwise. */
static const struct cfi_rule rule_at_entry = {
	.kind = CFI_UNSUPPORTED,
	.cfa_index = CFI_NO_REGISTER,
	.pc_register = CFI_NO_REGISTER,
	.saved = { CFI_SAME, CFI_SAME, CFI_SAME, CFI_SAME, CFI_SAME, CFI_SAME, CFI_LOST },
};

/* Runs the initial instructions: they belong to no location. */
static bool run_initial(struct cfi_cie *cie)
{
	struct cfi_machine m = reader(cie->initial, cie->end);

	cie->rule = rule_at_entry;
	m.cie = cie;
	m.rule = rule_at_entry;
	m.states = 0;
	while (!m.bad && m.at < m.end) {
		__u8 op = take_u8(&m);

		if ((op & 0xc0) == CFA_ADVANCE_LOC)
			return false;
		run_one(&m, op);
	}
	cie->rule = m.rule;
	return !m.bad;
}

static bool cie_read(const struct cfi_section *section, __u64 at, struct cfi_cie *cie)
{
	struct cfi_machine m;
	__u64 begin, end;
	char letters[8];
	unsigned i = 0;
	__u8 version;

	if (cie->at == at && at != 0)
		return true;
	*cie = (struct cfi_cie){ .encoding = PE_ABSPTR };
	if (!entry_bounds(section, at, &begin, &end))
		return false;
	m = reader(begin, end);
	if (take_fixed(&m, 4) != 0)
		return false;
	version = take_u8(&m);
	do
		letters[i] = (char)take_u8(&m);
	while (letters[i] != '\0' && ++i < sizeof(letters) && !m.bad);
	cie->code_align = take_uleb(&m);
	cie->data_align = take_sleb(&m);
	if ((version == 1 ? take_u8(&m) : take_uleb(&m)) != CFI_PC)
		return false;
	if ((version != 1 && version != 3) || m.bad || i == sizeof(letters) ||
	    (letters[0] != 'z' && letters[0] != '\0'))
		return false;
	if (letters[0] == 'z')
		take_augmentation(&m, letters + 1, cie);
	cie->initial = m.at;
	cie->end = end;
	if (m.bad || !run_initial(cie))
		return false;
	cie->at = at;
	return true;
}

bool cfi_machine_open(const struct cfi_section *section, __u64 fde, struct cfi_cie *cie,
		      struct cfi_machine *ret)
{
	__u64 begin, end, cie_at;

	if (!entry_bounds(section, fde, &begin, &end))
		return false;
	ret->at = begin;
	ret->end = end;
	ret->window_at = 1;
	ret->bad = false;
	cie_at = take_fixed(ret, 4);
	if (cie_at == 0 || cie_at > begin - section->lo)
		return false;
	if (!cie_read(section, begin - cie_at, cie)) {
		cie->at = 0;
		return false;
	}
	ret->start = take_address(ret, cie->encoding, 0);
	ret->limit = ret->start + take_format(ret, cie->encoding & PE_FORMAT);
	if (cie->has_augmentation)
		skip(ret, take_uleb(ret));
	ret->location = ret->start;
	ret->cie = cie;
	ret->rule = cie->rule;
	ret->states = 0;
	return !ret->bad && ret->limit > ret->start;
}

bool cfi_header_read(const struct cfi_section *section, __u64 *ret_eh_frame, __u64 *ret_table,
		     __u32 *ret_count)
{
	struct cfi_machine m = reader(section->hdr, section->hi);
	__u8 version = take_u8(&m);
	__u8 frame_encoding = take_u8(&m);
	__u8 count_encoding = take_u8(&m);
	__u8 table_encoding = take_u8(&m);
	__u64 count = 0;

	*ret_eh_frame = take_address(&m, frame_encoding, section->hdr);
	if (count_encoding != PE_OMIT)
		count = take_address(&m, count_encoding, section->hdr);
	if (m.bad || version != 1 || section->hdr < section->lo)
		return false;
	if (table_encoding != PE_SORTED_TABLE || count > (section->hi - m.at) / 8)
		count = 0;
	*ret_table = m.at;
	*ret_count = (__u32)count;
	return true;
}

/* The search table is pairs of __s32, relative to the header: function, entry. */
static bool table_search(const struct cfi_section *section, __u64 table, __u32 count, __u64 pc,
			 __u64 *ret_fde)
{
	__u32 low = 0;
	__u32 high = count;
	__u64 pair;

	while (high - low > 1) {
		__u32 middle = low + (high - low) / 2;

		if (!peek_u64(table + middle * 8ull, &pair))
			return false;
		if (section->hdr + (__u64)(__s64)(__s32)pair <= pc)
			low = middle;
		else
			high = middle;
	}
	if (count == 0 || !peek_u64(table + low * 8ull, &pair))
		return false;
	*ret_fde = section->hdr + (__u64)((__s64)pair >> 32);
	return true;
}

bool cfi_rule_read(const struct cfi_section *section, __u64 pc, struct cfi_rule *ret)
{
	struct cfi_machine m;
	struct cfi_cie cie;
	__u64 eh_frame, table, fde, start, end;
	__u32 count;

	cie.at = 0;
	if (!cfi_header_read(section, &eh_frame, &table, &count) ||
	    !table_search(section, table, count, pc, &fde) ||
	    !cfi_machine_open(section, fde, &cie, &m) || pc < m.start || pc >= m.limit)
		return false;
	while (cfi_machine_next(&m, &start, &end)) {
		if (pc < end) {
			*ret = m.rule;
			return true;
		}
	}
	return false;
}

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
static __u32 untouched(const struct cfi_registers *regs)
{
	__u32 followed = 1u << CFI_RSP;

	for (unsigned slot = 0; slot < CFI_SLOTS; slot++)
		followed |= 1u << register_of[slot];
	return regs->exact ? regs->known & ~followed : 0;
}

static enum goidshim_stack_end step_frame(const struct cfi_rule *rule, struct cfi_registers *regs)
{
	enum goidshim_stack_end end;
	__u32 known = 1u << CFI_RSP | untouched(regs);
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

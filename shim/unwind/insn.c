/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/unwind/insn.h"

#include <string.h>

/* What the opcode tables say. */
enum {
	M = 0x0001,		/* has a ModRM byte */
	I1 = 0x0002,		/* immediate bytes: one, */
	I2 = 0x0004,		/* two, */
	IZ = 0x0008,		/* two or four by operand size */
	WM = 0x0010,		/* writes ModRM's r/m, */
	WR = 0x0020,		/* ModRM's reg, */
	WO = 0x0040,		/* the register in the opcode, */
	WV = 0x0080,		/* VEX's vvvv, */
	WA = 0x0100,		/* rax, */
	WD = 0x0200,		/* rdx, */
	WS = 0x0400,		/* rcx, rsi, rdi */
	B = 0x0800,		/* operands are bytes */
	RO = 0x1000,		/* a memory operand is only read */
	VEC = 0x2000,		/* a memory operand is a vector */
	BAD = 0x8000,
};

static const __u16 one_byte[256] = {
	[0x06] = BAD, [0x07] = BAD, [0x0e] = BAD, [0x16] = BAD, [0x17] = BAD, [0x1e] = BAD,
	[0x1f] = BAD, [0x27] = BAD, [0x2f] = BAD, [0x37] = BAD, [0x3f] = BAD,
	[0x50 ... 0x57] = 0, [0x58 ... 0x5f] = WO,
	[0x60 ... 0x62] = BAD, [0x63] = M | WR | RO, [0x68] = IZ, [0x69] = M | IZ | WR | RO,
	[0x6a] = I1, [0x6b] = M | I1 | WR | RO, [0x6c ... 0x6f] = WS, [0x70 ... 0x7f] = I1,
	[0x80] = M | I1 | WM | B, [0x81] = M | IZ | WM, [0x82] = BAD, [0x83] = M | I1 | WM,
	[0x84] = M | B | RO, [0x85] = M | RO, [0x86] = M | WM | WR | B, [0x87] = M | WM | WR,
	[0x88] = M | WM | B, [0x89] = M | WM, [0x8a] = M | WR | RO | B, [0x8b] = M | WR | RO,
	[0x8c] = M | WM, [0x8d] = M | WR | RO, [0x8e] = M | RO, [0x8f] = M | WM,
	[0x90 ... 0x97] = WO | WA, [0x98] = WA, [0x99] = WD, [0x9a] = BAD, [0x9f] = WA,
	[0xa0 ... 0xa1] = WA, [0xa4 ... 0xa7] = WS, [0xa8] = I1, [0xa9] = IZ,
	[0xaa ... 0xab] = WS, [0xac ... 0xad] = WS | WA, [0xae ... 0xaf] = WS,
	[0xb0 ... 0xb7] = I1 | WO | B, [0xb8 ... 0xbf] = IZ | WO,
	[0xc0] = M | I1 | WM | B, [0xc1] = M | I1 | WM, [0xc2] = I2,
	[0xc6] = M | I1 | WM | B, [0xc7] = M | IZ | WM, [0xc8] = I2 | I1, [0xca] = I2,
	[0xcd] = I1, [0xce] = BAD,
	[0xd0] = M | WM | B, [0xd1] = M | WM, [0xd2] = M | WM | B, [0xd3] = M | WM,
	[0xd4 ... 0xd6] = BAD, [0xd7] = WA, [0xd8 ... 0xdf] = M,
	[0xe0 ... 0xe3] = I1 | WS, [0xe4 ... 0xe5] = I1 | WA, [0xe6 ... 0xe7] = I1,
	[0xe8 ... 0xe9] = IZ, [0xea] = BAD, [0xeb] = I1, [0xec ... 0xed] = WA,
	[0xf6] = M | B, [0xf7] = M, [0xfe] = M | WM | B, [0xff] = M,
};

/* Behind 0f. */
static const __u16 two_byte[256] = {
	[0x00] = M | WM, [0x01] = M | WA | WD | WS, [0x02 ... 0x03] = M | WR | RO, [0x04] = BAD,
	[0x05] = WA, [0x0a] = BAD, [0x0c] = BAD, [0x0d] = M | RO, [0x0f] = M | I1 | RO,
	[0x10 ... 0x17] = M | VEC, [0x18 ... 0x1f] = M | RO,
	[0x20 ... 0x21] = M | WM, [0x22 ... 0x23] = M, [0x24 ... 0x27] = BAD,
	[0x28 ... 0x2b] = M | VEC, [0x2c ... 0x2d] = M | WR | RO, [0x2e ... 0x2f] = M | RO,
	[0x31 ... 0x33] = WA | WD, [0x36 ... 0x37] = BAD, [0x39] = BAD, [0x3b ... 0x3f] = BAD,
	[0x40 ... 0x4f] = M | WR | RO, [0x50] = M | WR, [0x51 ... 0x6f] = M | VEC,
	[0x70 ... 0x73] = M | I1 | VEC, [0x74 ... 0x76] = M | VEC, [0x78] = M | WM,
	[0x79] = M | WR, [0x7a ... 0x7b] = BAD, [0x7c ... 0x7d] = M | VEC,
	[0x7e] = M | WM | VEC, [0x7f] = M | VEC,
	[0x80 ... 0x8f] = IZ, [0x90 ... 0x9f] = M | WM | B, [0xa2] = WA | WD | WS,
	[0xa3] = M | RO, [0xa4] = M | I1 | WM, [0xa5] = M | WM, [0xa6 ... 0xa7] = M | WA | WD | WS,
	[0xab] = M | WM, [0xac] = M | I1 | WM, [0xad] = M | WM, [0xae] = M,
	[0xaf] = M | WR | RO, [0xb0] = M | WM | WA | B, [0xb1] = M | WM | WA, [0xb2] = M | WR | RO,
	[0xb3] = M | WM, [0xb4 ... 0xb7] = M | WR | RO, [0xb8] = M | WR | RO, [0xb9] = M | RO,
	[0xba] = M | I1 | WM, [0xbb] = M | WM, [0xbc ... 0xbf] = M | WR | RO,
	[0xc0] = M | WM | WR | B, [0xc1] = M | WM | WR, [0xc2] = M | I1 | VEC, [0xc3] = M | WM,
	[0xc4] = M | I1 | VEC, [0xc5] = M | I1 | WR, [0xc6] = M | I1 | VEC,
	[0xc7] = M | WM | WA | WD, [0xc8 ... 0xcf] = WO, [0xd0 ... 0xd6] = M | VEC,
	[0xd7] = M | WR, [0xd8 ... 0xfe] = M | VEC, [0xff] = M | RO,
};

enum kind { LEGACY, VEX, EVEX, XOP };

/* An instruction being taken apart. */
struct parts {
	const __u8 *at;
	const __u8 *end;
	bool bad;
	bool operand16;		/* prefix 66 */
	bool address32;
	bool elsewhere;		/* fs, gs or a 32-bit address: not what [base + value] means */
	__u8 repeat;		/* prefix f2 or f3 */
	bool rex;
	bool w;			/* 64-bit operands */
	__u8 r, x, b;		/* 8, or 0: extensions of the three register fields */
	__u8 kind;
	__u8 map;		/* 0, 1: 0f, 2: 0f 38, 3: 0f 3a */
	__u8 pp;		/* VEX: 1 is 66, 2 is f3, 3 is f2 */
	__u8 vvvv;
	__u8 vector;		/* bytes */
	__u8 opcode;
	__u16 spec;
	__u8 mod, reg, rm;	/* the latter with extensions */
	__u8 base;		/* or INSN_NO_REGISTER */
	bool indexed;
	bool rip_relative;
	__s32 displacement;
	__s64 immediate;
};

static __u8 take_u8(struct parts *p)
{
	if (p->at >= p->end) {
		p->bad = true;
		return 0;
	}
	return *p->at++;
}

/* Sign-extended. */
static __s64 take_signed(struct parts *p, unsigned bytes)
{
	__u64 value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value |= (__u64)take_u8(p) << i * 8;
	return (__s64)(value << (64 - bytes * 8)) >> (64 - bytes * 8);
}

/* -------------------------------------------------------------------- prefixes */

/* False: not a prefix. */
static bool take_prefix(struct parts *p, __u8 byte)
{
	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0xf0:
		break;
	case 0x67:
		p->address32 = true;
		/* fall through */
	case 0x64:
	case 0x65:
		p->elsewhere = true;
		break;
	case 0x66:
		p->operand16 = true;
		break;
	case 0xf2:
	case 0xf3:
		p->repeat = byte;
		break;
	default:
		return false;
	}
	return true;
}

/* A REX prefix counts only right before the opcode. */
static __u8 take_prefixes(struct parts *p)
{
	__u8 byte, rex = 0;

	for (;;) {
		byte = take_u8(p);
		if ((byte & 0xf0) == 0x40)
			rex = byte;
		else if (take_prefix(p, byte))
			rex = 0;
		else
			break;
		if (p->bad)
			return 0;
	}
	p->rex = rex != 0;
	p->w = rex & 8;
	p->r = rex & 4 ? 8 : 0;
	p->x = rex & 2 ? 8 : 0;
	p->b = rex & 1 ? 8 : 0;
	return byte;
}

/* The first two bytes after c4, 8f or 62 have the same upper and lower halves. */
static void take_long_form(struct parts *p, __u8 map_mask)
{
	__u8 first = take_u8(p);
	__u8 second = take_u8(p);

	p->r = first & 0x80 ? 0 : 8;
	p->x = first & 0x40 ? 0 : 8;
	p->b = first & 0x20 ? 0 : 8;
	p->map = first & map_mask;
	p->w = second & 0x80;
	p->vvvv = ~second >> 3 & 15;
	p->vector = second & 4 ? 32 : 16;
	p->pp = second & 3;
}

static void take_vex(struct parts *p, __u8 byte)
{
	p->kind = VEX;
	if (byte == 0xc4) {
		take_long_form(p, 0x1f);
	} else {
		byte = take_u8(p);
		p->r = byte & 0x80 ? 0 : 8;
		p->vvvv = ~byte >> 3 & 15;
		p->vector = byte & 4 ? 32 : 16;
		p->pp = byte & 3;
		p->map = 1;
	}
	p->bad |= p->map < 1 || p->map > 3;
}

static void take_evex(struct parts *p)
{
	bool reserved = p->at + 1 < p->end && (p->at[0] & 8 || !(p->at[1] & 4));

	p->kind = EVEX;
	take_long_form(p, 7);
	p->vector = (__u8)(16 << (take_u8(p) >> 5 & 3));
	p->bad |= reserved || p->map == 0 || p->map == 4 || p->map == 7 || p->vector > 64;
}

/* Prefixes and opcode. */
static void take_opcode(struct parts *p)
{
	__u8 byte = take_prefixes(p);
	bool prefixed = p->rex || p->operand16 || p->repeat != 0;

	p->vector = 16;
	if (byte == 0xc4 || byte == 0xc5)
		take_vex(p, byte);
	else if (byte == 0x62)
		take_evex(p);
	else if (byte == 0x8f && p->at < p->end && (*p->at & 0x1f) >= 8) {
		p->kind = XOP;
		take_long_form(p, 0x1f);
		p->bad |= p->map > 10;
	}
	if (p->kind != LEGACY) {
		p->bad |= prefixed;
		byte = take_u8(p);
	} else if (byte == 0x0f) {
		p->map = 1;
		byte = take_u8(p);
		if (byte == 0x38 || byte == 0x3a) {
			p->map = byte == 0x38 ? 2 : 3;
			byte = take_u8(p);
		}
	}
	p->opcode = byte;
}

/* ------------------------------------------------------------------ the tables */

/* add, or, adc, sbb, and, sub, xor, cmp, in six forms each. */
static __u16 spec_arithmetic(__u8 op)
{
	static const __u16 form[6] = { M | WM | B, M | WM, M | WR | RO | B, M | WR | RO,
				       I1 | WA,	   IZ | WA };
	__u16 spec = form[op & 7];

	return op >= 0x38 ? (__u16)((spec & ~(WM | WR | WA)) | RO) : spec;
}

static bool is_one_of(__u8 op, const char *set, size_t count)
{
	return memchr(set, op, count) != NULL;
}

#define IS_ONE_OF(op, set) is_one_of(op, set, sizeof(set) - 1)

/* Vectors with a general register among their operands are few. */
static __u16 spec_vector(const struct parts *p)
{
	__u8 op = p->opcode;
	__u16 imm = IS_ONE_OF(op, "\x70\x71\x72\x73\xc2\xc4\xc5\xc6") ? I1 : 0;

	if (p->map == 3)
		return M | I1 | VEC | (op >= 0x14 && op <= 0x17 ? WM : 0) | (op >= 0xf0 ? WR : 0);
	if (p->map == 2)
		return M | VEC | (op < 0xe0 ? 0 : p->kind == EVEX ? BAD : WR | WV);
	if (p->map > 3)
		imm = 0;
	if (p->map == 6)
		return M | VEC;
	if (op == 0x77 && p->kind == VEX)
		return 0;
	if (op == 0x7e && p->pp == 1)
		return M | VEC | WM;
	if (IS_ONE_OF(op, "\x2c\x2d\x50\x78\x79\x93\xc5\xd7"))
		return M | VEC | WR | imm;
	return M | VEC | imm;
}

static __u16 spec_of(const struct parts *p)
{
	__u8 op = p->opcode;

	if (p->kind == XOP)
		return M | WR | WV | VEC | (p->map == 8 ? I1 : p->map == 10 ? IZ : 0);
	if (p->kind != LEGACY)
		return spec_vector(p);
	if (p->map == 0)
		return op < 0x40 && (op & 7) < 6 ? spec_arithmetic(op) : one_byte[op];
	if (p->map == 1 && op == 0x7e && p->repeat == 0xf3)
		return M | VEC;		/* movq between vectors */
	if (p->map == 1)
		return two_byte[op];
	if (p->map == 2)
		return M | VEC | (op >= 0xf0 ? WR : 0);
	return M | I1 | VEC | (op >= 0x14 && op <= 0x17 ? WM : 0);
}

/* -------------------------------------------------------------------- operands */

static void take_memory(struct parts *p)
{
	__u8 base = p->rm & 7;
	__u8 sib;

	if (base == 4) {
		sib = take_u8(p);
		p->indexed = ((sib >> 3 & 7) | p->x) != 4;
		if ((sib & 7) == 5 && p->mod == 0)
			p->displacement = (__s32)take_signed(p, 4);
		else
			p->base = (sib & 7) | p->b;
	} else if (base == 5 && p->mod == 0) {
		p->rip_relative = true;
		p->displacement = (__s32)take_signed(p, 4);
	} else {
		p->base = base | p->b;
	}
	if (p->mod == 1)
		p->displacement = (__s32)take_signed(p, 1);
	else if (p->mod == 2)
		p->displacement = (__s32)take_signed(p, 4);
}

static void take_modrm(struct parts *p)
{
	__u8 modrm = take_u8(p);

	p->mod = modrm >> 6;
	p->reg = (modrm >> 3 & 7) | p->r;
	p->rm = (modrm & 7) | p->b;
	p->base = INSN_NO_REGISTER;
	/* Control and debug registers are not moved to memory, whatever mod says. */
	if (p->kind == LEGACY && p->map == 1 && (p->opcode & 0xfc) == 0x20)
		p->mod = 3;
	if (p->mod != 3)
		take_memory(p);
}

/* Which of a group of instructions is it, by three bits of ModRM? */
static unsigned group(const struct parts *p)
{
	return p->reg & 7;
}

static unsigned immediate_size(const struct parts *p)
{
	__u8 op = p->opcode;

	if (p->kind == LEGACY && p->map == 0) {
		if (op >= 0xa0 && op <= 0xa3)
			return p->address32 ? 4 : 8;
		if (op >= 0xb8 && op <= 0xbf && p->w)
			return 8;
		if (op == 0xf6 && group(p) < 2)
			return 1;
		if (op == 0xf7 && group(p) < 2)
			return p->operand16 && !p->w ? 2 : 4;
	}
	/* SSE4a: extrq, insertq. */
	if (p->kind == LEGACY && p->map == 1 && op == 0x78 && (p->operand16 || p->repeat == 0xf2))
		return 2;
	if (p->spec & IZ)
		return p->operand16 && !p->w && p->kind == LEGACY ? 2 : 4;
	return (p->spec & I2 ? 2u : 0) + (p->spec & I1 ? 1u : 0);
}

static void take_operands(struct parts *p)
{
	unsigned size;

	p->spec = spec_of(p);
	if (p->spec & M)
		take_modrm(p);
	size = immediate_size(p);
	p->bad |= (p->spec & BAD) != 0;
	if (size > 0)
		p->immediate = take_signed(p, size);
}

/* ----------------------------------------------------------- what it may change */

/* Without REX, byte registers 4 to 7 are the second bytes of 0 to 3. */
static __u16 bit_of(const struct parts *p, __u8 reg)
{
	if (p->spec & B && !p->rex && reg >= 4)
		reg -= 4;
	return (__u16)(1u << (reg & 15));
}

/* Where the tables are too coarse. */
static __u16 special_writes(const struct parts *p)
{
	__u16 ax_dx = 1 << INSN_RAX | 1 << INSN_RDX;

	if (p->kind != LEGACY || p->map > 1)
		return 0;
	if (p->map == 0 && (p->opcode == 0xf6 || p->opcode == 0xf7))
		return group(p) >= 4 ? ax_dx : group(p) >= 2 && p->mod == 3 ? bit_of(p, p->rm) : 0;
	if (p->map == 0 && p->opcode == 0xff)
		return group(p) < 2 && p->mod == 3 ? bit_of(p, p->rm) : 0;
	if (p->map == 0 && p->opcode == 0xdf)
		return 1 << INSN_RAX;	/* fnstsw */
	if (p->map == 0 && p->opcode == 0xc8)
		return 1 << INSN_RSP | 1 << INSN_RBP;
	if (p->map == 1 && p->opcode == 0x05)
		return 1 << INSN_RCX | 1 << INSN_R11;
	if (p->map == 1 && p->opcode == 0xa2)
		return 1 << INSN_RBX;
	/* smsw, rdssp, rdfsbase. */
	if (p->map == 1 && p->mod == 3 &&
	    ((p->opcode == 0x01 && group(p) == 4) || (p->opcode == 0x1e && group(p) == 1) ||
	     (p->opcode == 0xae && group(p) < 2)))
		return bit_of(p, p->rm);
	return 0;
}

static __u16 writes_of(const struct parts *p)
{
	__u16 writes = special_writes(p);
	bool is_cmp = p->kind == LEGACY && p->map == 0 && p->opcode >= 0x80 && p->opcode <= 0x83 &&
		      group(p) == 7;
	bool is_bt = p->kind == LEGACY && p->map == 1 && p->opcode == 0xba && group(p) == 4;

	if (p->spec & WM && p->mod == 3 && !is_cmp && !is_bt)
		writes |= bit_of(p, p->rm);
	if (p->spec & WR)
		writes |= bit_of(p, p->reg);
	if (p->spec & WO)
		writes |= bit_of(p, (p->opcode & 7) | p->b);
	if (p->spec & WV)
		writes |= (__u16)(1u << p->vvvv);
	if (p->spec & WA)
		writes |= 1 << INSN_RAX;
	if (p->spec & WD)
		writes |= 1 << INSN_RDX;
	if (p->spec & WS)
		writes |= 1 << INSN_RCX | 1 << INSN_RSI | 1 << INSN_RDI;
	return writes;
}

/* Bytes of a memory operand that it may change. */
static __u16 width_of(const struct parts *p)
{
	enum { EVERYTHING = 0x4000 };
	unsigned which = group(p);

	if (!(p->spec & M) || p->mod == 3 || p->spec & RO)
		return 0;
	if (p->spec & VEC)
		return p->vector;
	if (p->kind == LEGACY && p->map == 0 && p->opcode >= 0xd8 && p->opcode <= 0xdf) {
		if ((p->opcode == 0xd9 && which == 6) || (p->opcode == 0xdd && (which & 5) == 4))
			return 112;	/* fnstenv, fnsave */
		return 10;
	}
	if (p->kind != LEGACY || p->map > 1)
		return 16;
	if (p->map == 0 && p->opcode == 0xff && which >= 2)
		return 0;
	if (p->map == 1 && (p->opcode == 0xae || p->opcode == 0xc7))
		return which == 3 ? 8 : which == 1 ? 16 : EVERYTHING; /* fxsave, xsave */
	if (p->map == 1 && p->opcode < 0x20)
		return 16;	/* sgdt and the like */
	return p->spec & B ? 1 : p->w ? 8 : p->operand16 ? 2 : 4;
}

/* ------------------------------------------------------- what flow.c understands */

static void describe_one_byte(const struct parts *p, struct insn *ret)
{
	__u8 op = p->opcode;

	if (op == 0xc2) {
		ret->value = (__s32)p->immediate;
	} else if (op >= 0x50 && op <= 0x5f) {
		ret->act = op < 0x58 ? INSN_PUSH : INSN_POP;
		ret->reg = (op & 7) | p->b;
	} else if (op == 0x68 || op == 0x6a || op == 0x9c || (op == 0xff && group(p) == 6)) {
		ret->act = INSN_PUSH;
	} else if (op == 0x9d || op == 0x8f) {
		ret->act = INSN_POP;
		ret->width = op == 0x8f ? 8 : 0;
	} else if (op == 0x90 && !p->b) {
		ret->act = INSN_NOP;	/* not what it says: it would exchange rax with itself */
		ret->writes = 0;
	} else if (op == 0xc9) {
		ret->act = INSN_LEAVE;
	} else if (!p->w) {
		return;
	} else if (op == 0x8d && p->mod != 3 && ret->base != INSN_NO_REGISTER) {
		ret->act = INSN_SET;
		ret->reg = p->reg;
	} else if (op == 0x89 || op == 0x8b) {
		ret->act = p->mod == 3 ? INSN_SET : op == 0x89 ? INSN_STORE : INSN_LOAD;
		ret->reg = p->mod == 3 && op == 0x89 ? p->rm : p->reg;
		if (p->mod == 3)
			ret->base = op == 0x89 ? p->reg : p->rm;
		else if (op == 0x89)
			ret->width = 8;
	} else if ((op == 0x81 || op == 0x83) && p->mod == 3 && p->immediate != -0x80000000ll &&
		   (group(p) == 0 || group(p) == 5)) {
		ret->act = INSN_SET;
		ret->reg = ret->base = p->rm;
		ret->value = (__s32)(group(p) == 0 ? p->immediate : -p->immediate);
	}
}

static void describe(const struct parts *p, struct insn *ret)
{
	ret->act = INSN_OTHER;
	if (p->kind != LEGACY)
		return;
	if (p->map == 0)
		describe_one_byte(p, ret);
	else if (p->map == 1 && (p->opcode & 0xf6) == 0xa0)
		ret->act = p->opcode & 1 ? INSN_POP : INSN_PUSH;
	else if (p->map == 1 && p->opcode == 0x1f)
		ret->act = INSN_NOP;
	if (ret->act == INSN_PUSH || ret->act == INSN_POP || ret->act == INSN_LEAVE) {
		ret->writes |= 1 << INSN_RSP | (ret->act == INSN_LEAVE ? 1 << INSN_RBP : 0);
		/* With 16-bit operands they move two bytes. */
		if (p->operand16)
			ret->act = INSN_OTHER;
	}
}

static enum insn_flow flow_of_one_byte(const struct parts *p)
{
	static const __u8 of_group[8] = { INSN_NEXT, INSN_NEXT, INSN_CALL_INDIRECT, INSN_STOP,
					  INSN_JUMP_INDIRECT, INSN_JUMP_INDIRECT, INSN_NEXT,
					  INSN_STOP };
	__u8 op = p->opcode;

	if ((op >= 0x70 && op <= 0x7f) || (op >= 0xe0 && op <= 0xe3))
		return INSN_BRANCH;
	if (op == 0xc7 && group(p) == 7)
		return p->mod == 3 ? INSN_BRANCH : INSN_NEXT;	/* xbegin */
	switch (op) {
	case 0xc2:
	case 0xc3:
		return INSN_RETURN;
	case 0xca:
	case 0xcb:
	case 0xcc:
	case 0xcf:
	case 0xf1:
	case 0xf4:
		return INSN_STOP;
	case 0xe8:
		return INSN_CALL;
	case 0xe9:
	case 0xeb:
		return INSN_JUMP;
	case 0xff:
		return of_group[group(p)];
	default:
		return INSN_NEXT;
	}
}

static enum insn_flow flow_of(const struct parts *p)
{
	if (p->kind != LEGACY || p->map > 1)
		return INSN_NEXT;
	if (p->map == 0)
		return flow_of_one_byte(p);
	if (p->opcode >= 0x80 && p->opcode <= 0x8f)
		return INSN_BRANCH;
	return IS_ONE_OF(p->opcode, "\x07\x0b\x34\x35\xaa\xb9\xff") ? INSN_STOP : INSN_NEXT;
}

bool insn_decode(const __u8 *bytes, size_t room, __u64 pc, struct insn *ret)
{
	struct parts p = { .at = bytes, .end = bytes + (room < 15 ? room : 15) };
	bool direct;

	take_opcode(&p);
	take_operands(&p);
	ret->flow = (__u8)flow_of(&p);
	direct = ret->flow == INSN_CALL || ret->flow == INSN_JUMP || ret->flow == INSN_BRANCH;
	/* Processors disagree about what these are. */
	if (p.bad || (direct && p.operand16 && !p.w))
		return false;
	ret->length = (__u8)(p.at - bytes);
	ret->reg = INSN_NO_REGISTER;
	ret->base = p.spec & M && p.mod != 3 && !p.indexed && !p.elsewhere
			    ? p.base
			    : INSN_NO_REGISTER;
	ret->value = p.displacement;
	ret->writes = writes_of(&p);
	ret->width = width_of(&p);
	ret->target = 0;
	if (direct)
		ret->target = pc + ret->length + (__u64)p.immediate;
	else if (p.rip_relative && p.kind == LEGACY && p.map == 0 && p.opcode == 0x8d)
		ret->target = pc + ret->length + (__u64)(__s64)p.displacement;
	describe(&p, ret);
	return true;
}

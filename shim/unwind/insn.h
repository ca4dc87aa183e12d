/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One x86-64 instruction: how long it is, where it leads, and what it does to the
 * registers and to the stack, as far as flow.c wants to know.
 *
 * A few instructions are described exactly, those that functions are entered and
 * left with. Of every other one it is said which general registers it may change
 * and how much of its memory operand: rather too many than one too few. What no
 * processor of today executes has no length.
 *
 * Ordinary code; allocates nothing; safe on hostile bytes.
 */
#ifndef SHIM_INSN_H
#define SHIM_INSN_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

/* General registers, as instructions number them. */
enum {
	INSN_RAX = 0,
	INSN_RCX = 1,
	INSN_RDX = 2,
	INSN_RBX = 3,
	INSN_RSP = 4,
	INSN_RBP = 5,
	INSN_RSI = 6,
	INSN_RDI = 7,
	INSN_R11 = 11,
	INSN_REGISTERS = 16,
	INSN_NO_REGISTER = 0xff,
};

enum insn_flow {
	INSN_NEXT,		/* to the next instruction */
	INSN_CALL,		/* to `target`, and back */
	INSN_CALL_INDIRECT,
	INSN_JUMP,		/* to `target` */
	INSN_JUMP_INDIRECT,
	INSN_BRANCH,		/* to `target` or to the next */
	INSN_RETURN,
	INSN_STOP,		/* nowhere: a trap, or something that ends the process */
};

enum insn_act {
	INSN_OTHER,		/* changes `writes`, and `width` bytes at [base + value] */
	INSN_NOP,		/* what functions are padded with */
	INSN_SET,		/* reg = base + value; with a value of 0 also a plain copy */
	INSN_LOAD,		/* reg = [base + value], eight bytes */
	INSN_STORE,		/* [base + value] = reg, eight bytes */
	INSN_PUSH,		/* reg, or INSN_NO_REGISTER for something else */
	INSN_POP,		/* likewise; `width` bytes at [base + value] for something else */
	INSN_LEAVE,
};

struct insn {
	__u8 length;
	__u8 flow;		/* enum insn_flow */
	__u8 act;		/* enum insn_act */
	__u8 reg;
	__u8 base;		/* INSN_NO_REGISTER: no operand [base + value] */
	__u16 width;		/* bytes at [base + value] that it may change */
	__u16 writes;		/* bit per register that it may change, not counting calls' */
	__s32 value;		/* of ret: bytes that it pops beside */
	__u64 target;		/* of direct flow, or what a RIP-relative lea computes; else 0 */
};

/*
 * The instruction at `bytes`, of which `room` may be read, and which would be
 * executed at `pc`. False if it is none, or ends beyond.
 */
bool insn_decode(const __u8 *bytes, size_t room, __u64 pc, struct insn *ret);

#endif

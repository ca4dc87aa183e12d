/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where is the return address, and where are the caller's registers? Answered for
 * machine code without call-frame information, by following it from the first
 * instruction of its functions.
 *
 * For every instruction reached, flow keeps what is certain before it: which
 * registers point how far below the canonical frame address (CFA), which hold
 * what some register held at the function's entry, and where such values are
 * stored in the frame. Where two ways meet, what they do not agree on is not
 * certain; where no register points into the frame any more, there is no rule.
 *
 * Believed of the code, as compilers and their unwind information do too: a called
 * function gives back rsp and, unless it is in the same ranges, the callee-saved
 * registers; and what is saved in the frame is not overwritten by way of pointers
 * or indices. Not every call comes back: what lies behind one that does not would
 * be taken for a part of the same function. Where that could be, there is a jump
 * that we cannot follow, or a return from a wrong place: then no call is
 * believed to come back.
 *
 * Ordinary code; one mapping, no malloc. The code must stay mapped meanwhile.
 */
#ifndef SHIM_FLOW_H
#define SHIM_FLOW_H

#include "shim/unwind/cfi.sig.h"
#include "shim/unwind/insn.h"

/* Addresses [start, end) of readable code. */
struct flow_range {
	__u64 start;
	__u64 end;
	__u64 before;		/* for flow: bytes in the ranges before */
};

/* A value in a register: a distance from the CFA, or one of these. */
enum {
	FLOW_ENTRY = 0x40000000,	/* + r: what register r held at the entry */
	FLOW_UNKNOWN = 0x7fffffff,
};

struct flow_state {
	__s32 value[INSN_REGISTERS];
	/* Where the entry's value of a register is kept, from the CFA; 0: nowhere. */
	__s32 saved[INSN_REGISTERS];
};

/* An instruction that was reached. */
struct flow_node {
	const struct flow_range *range;
	__u64 pc;
	__u64 callee;			/* of a direct call; else 0 */
	__u8 length;
	bool waiting;
	struct flow_state state;	/* before it */
};

struct flow {
	struct flow_range *range;	/* ascending, apart from each other */
	unsigned ranges;
	__u64 bytes;			/* of them all */
	struct flow_node *node;
	__u32 *work;			/* nodes whose successors are to be told */
	__u32 *node_at;			/* by byte: index in node + 1 */
	__u32 nodes;
	__u32 works;
	long steps;			/* that may still be taken */
	bool strict;			/* the first fault is the end of it */
	bool strange;			/* it is left from where functions are not left */
	bool doubt_calls;		/* and so calls may not come back */
	bool exhausted;			/* there were not enough steps */
	unsigned returns;		/* ways that give every register back, */
	unsigned faults;		/* and that end in any other way */
};

/*
 * Prepares for code in `ranges`, which stay the caller's. Returns 0, -ENOMEM, or
 * -EFBIG if they are larger together than 1 MiB.
 */
int flow_open(struct flow *f, struct flow_range *ranges, unsigned count, long steps);

/* The range that holds pc, or NULL. */
const struct flow_range *flow_find(const struct flow *f, __u64 pc);

/*
 * Follows a function from its first instruction; or, if it is none, a place that
 * somebody jumps to from a frame that we know nothing of. f->node[0 .. nodes) is
 * then what was reached, in no order, instead of what was followed before. With
 * f->exhausted set none of it holds.
 */
void flow_follow(struct flow *f, __u64 pc, bool is_function);

/* How to step from there to the caller; CFI_NONE where that is not known. */
void flow_rule(const struct flow_state *state, struct cfi_rule *ret);

void flow_close(struct flow *f);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Call-frame information: how to get from one C frame to its caller.
 *
 * A module's .eh_frame says for each pc where the canonical frame address (CFA)
 * is and where the caller's registers were saved: a rule. ehrows.sig.h reads it;
 * cfi.c compiles a whole module ahead of time into a struct cfi_table, which a
 * handler searches in a few nanoseconds.
 *
 * A rule holds what compilers and assemblers emit for x86-64: a CFA from a
 * register, from a word in memory (stack realignment, OpenSSL's assembly) or
 * the PLT's; callee-saved registers in memory relative to CFA or rbp; the
 * return address in memory or in a register. Anything else is not guessed at:
 * the rule, or the one register, says that it is not known.
 *
 * A step reads the stack through peek, for a wrong rule or a wrong register may
 * lead anywhere. Signal-safe: all of it.
 */
#ifndef SHIM_CFI_SIG_H
#define SHIM_CFI_SIG_H

#include <stdbool.h>

#include <linux/types.h>

#include "goidshim/format.h"

/* DWARF's numbers of the x86-64 registers. */
enum {
	CFI_RAX = 0,
	CFI_RDX = 1,
	CFI_RCX = 2,
	CFI_RBX = 3,
	CFI_RSI = 4,
	CFI_RDI = 5,
	CFI_RBP = 6,
	CFI_RSP = 7,
	CFI_R8 = 8,
	CFI_R12 = 12,
	CFI_R15 = 15,
	CFI_PC = 16,
	CFI_REGISTERS = 17,
	CFI_NO_REGISTER = 0xff,
};

enum cfi_kind {
	CFI_NONE = 0,		/* no call-frame information for this pc */
	CFI_UNSUPPORTED = 1,	/* there is some, and a rule cannot hold it */
	CFI_OFFSET = 2,		/* CFA = reg + offset */
	CFI_DEREF = 3,		/* CFA = [reg + offset + 8 * index] + add */
	CFI_PLT = 4,		/* CFA = rsp + 8 + 8 * ((pc & 15) >= offset) */
	CFI_SIGFRAME = 5,	/* every register is in the kernel's signal frame at rsp */
};

/* The registers that a rule follows: callee-saved ones and the return address. */
enum cfi_slot {
	CFI_SLOT_RBX,
	CFI_SLOT_RBP,
	CFI_SLOT_R12,
	CFI_SLOT_R13,
	CFI_SLOT_R14,
	CFI_SLOT_R15,
	CFI_SLOT_PC,
	CFI_SLOTS,
};

/* Instead of a place in memory. */
enum {
	CFI_SAME = -0x8000,	/* the caller's value is still in the register */
	CFI_LOST = -0x7fff,	/* it is somewhere that a rule cannot say */
	CFI_UNDEFINED = -0x7ffe, /* of the return address: this is the outermost frame */
};

struct cfi_rule {
	__u8 kind;		/* enum cfi_kind */
	__u8 cfa_register;
	__u8 cfa_index;		/* CFI_DEREF: a register, or CFI_NO_REGISTER */
	__u8 pc_register;	/* the return address is in this register, or CFI_NO_REGISTER */
	__s32 cfa_offset;
	__s32 cfa_add;
	__s16 saved[CFI_SLOTS];	/* words from the CFA, or from rbp; or CFI_SAME and friends */
	__u8 from_rbp;		/* bit per slot: words count from rbp */
	__u8 derived;		/* from the instructions: believe it only if what it finds is right */
	__u16 entry_back;	/* not 0: the return address is one only if it is behind a call of
				   the function that begins so many bytes before pc */
	__u8 reserved[2];
};

_Static_assert(sizeof(struct cfi_rule) == 32, "rules are compared and hashed as four words");

/* One module, compiled. Immutable; addresses are relative to the module's load bias. */
struct cfi_table {
	__u64 size;		/* of the mapping that holds all of it */
	__u32 first_pc;		/* of row 0 */
	__u32 rows;
	__u32 rules;
	__u32 buckets;
	const __u32 *bucket;	/* of 1 << CFI_BUCKET_SHIFT bytes: the row at its first byte */
	const __u32 *pc;	/* where each row begins; it ends where the next begins */
	const __u16 *rule_of;	/* index of each row's rule */
	const struct cfi_rule *rule;
};

enum { CFI_BUCKET_SHIFT = 9 };

/* A frame's registers, by DWARF number. */
struct cfi_registers {
	__u64 r[CFI_REGISTERS];
	__u32 known;		/* bit per register */
	bool exact;		/* r[CFI_PC] was interrupted there, it is not a return address */
};

/* Rule for an address relative to the load bias, or NULL if the table has none. */
const struct cfi_rule *cfi_table_find(const struct cfi_table *table, __u64 pc);

/*
 * Turns a frame's registers into its caller's. GOIDSHIM_STACK_NONE when that
 * worked, GOIDSHIM_STACK_THREAD at the outermost frame, otherwise why it did not.
 */
enum goidshim_stack_end cfi_step(const struct cfi_rule *rule, struct cfi_registers *regs);

#endif

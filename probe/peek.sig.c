/* SPDX-License-Identifier: BSD-2-Clause */
/* The loads and their way out; see peek.sig.h. */
#include "probe/peek.sig.h"

#include <linux/signal.h>
#include <asm/sigcontext.h>
#include <asm/ucontext.h>

/*
 * Each function's first instruction is the load, so at a fault the stack holds
 * the return address and nothing else, and the failed exit fits all of them.
 */
#define PEEK_FUNCTION(name, load)						\
	".globl " name "\n"							\
	".hidden " name "\n"							\
	".type " name ", @function\n"						\
	name ":\n"								\
	".cfi_startproc\n"							\
	load "\n"								\
	"movl $1, %edx\n"							\
	"ret\n"									\
	".cfi_endproc\n"							\
	".size " name ", . - " name "\n"

__asm__(".pushsection .text.peek, \"ax\", @progbits\n"
	PEEK_FUNCTION("peek_load_u8", "movzbl (%rdi), %eax")
	PEEK_FUNCTION("peek_load_u32", "movl (%rdi), %eax")
	PEEK_FUNCTION("peek_load_u64", "movq (%rdi), %rax")
	".hidden peek_failed\n"
	".globl peek_failed\n"
	".type peek_failed, @function\n"
	"peek_failed:\n"
	".cfi_startproc\n"
	"xorl %edx, %edx\n"
	"ret\n"
	".cfi_endproc\n"
	".size peek_failed, . - peek_failed\n"
	".popsection\n");

extern const char peek_failed[] __attribute__((visibility("hidden")));

bool peek_recover(void *ucontext)
{
	struct sigcontext *regs = (struct sigcontext *)&((struct ucontext *)ucontext)->uc_mcontext;

	if (regs->rip != (__u64)peek_load_u64 && regs->rip != (__u64)peek_load_u32 &&
	    regs->rip != (__u64)peek_load_u8)
		return false;
	regs->rip = (__u64)peek_failed;
	return true;
}

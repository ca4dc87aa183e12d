/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The return path of signal handlers. Debuggers and unwinders know a signal
 * frame by these very bytes, and look one byte ahead of them: hence the nop.
 */
#include "probe/sys.sig.h"

__asm__(".pushsection .text.restorer, \"ax\", @progbits\n"
	"nop\n"
	".globl sys_restorer\n"
	".hidden sys_restorer\n"
	".type sys_restorer, @function\n"
	"sys_restorer:\n"
	"movq $15, %rax\n"
	"syscall\n"
	".size sys_restorer, . - sys_restorer\n"
	".popsection\n");

_Static_assert(__NR_rt_sigreturn == 15, "sys_restorer makes this call");

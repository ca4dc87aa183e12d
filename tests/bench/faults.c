/* SPDX-License-Identifier: BSD-2-Clause */
/* See faults.h. */
#include "tests/bench/faults.h"

#include <signal.h>
#include <ucontext.h>

#include "probe/fsbase.sig.h"
#include "probe/peek.sig.h"

/* The instruction at which a fault is stepped over, and its length. */
extern const char faults_bare_load[];
#define BARE_LOAD_SIZE 2

static void on_fault(int sig, siginfo_t *info, void *ucontext)
{
	greg_t *regs = ((ucontext_t *)ucontext)->uc_mcontext.gregs;

	if (regs[REG_RIP] == (greg_t)faults_bare_load)
		regs[REG_RIP] += BARE_LOAD_SIZE;
	else if (!peek_recover(ucontext) && !fsbase_recover(info, ucontext))
		signal(sig, SIG_DFL);
}

void faults_catch(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
}

/* Its label must exist once: no inlining, no copies. */
__attribute__((noinline, noclone)) void faults_bare(unsigned long n, void *arg)
{
	for (unsigned long i = 0; i < n; i++)
		__asm__ volatile(".globl faults_bare_load\n"
				 "faults_bare_load: movb (%%rdi), %%al"
				 :
				 : "D"(0xffff800000000000)
				 : "rax", "memory");
}

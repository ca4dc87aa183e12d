/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Raw system calls: they return -errno and never touch errno, which belongs to
 * the program that we interrupted. Signal-safe: yes, all of them.
 */
#ifndef PROBE_SYS_SIG_H
#define PROBE_SYS_SIG_H

#include <linux/types.h>
#include <asm/unistd.h>

static inline long sys_call6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

static inline long sys_call4(long nr, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return ret;
}

static inline long sys_call2(long nr, long a, long b)
{
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b)
			 : "rcx", "r11", "memory");
	return ret;
}

/*
 * A signal's action as the kernel has it. The C library's sigaction() is one of
 * the calls that the shim interposes, so our own handlers do not go through it.
 */
struct sys_sigaction {
	__u64 handler;		/* address; 0 is SIG_DFL, 1 is SIG_IGN */
	__u64 flags;		/* SA_RESTORER is 0x04000000 */
	__u64 restorer;
	__u64 mask;		/* bit n - 1 is signal n */
};

#define SYS_SA_RESTORER 0x04000000ul

/* What a handler returns to: rt_sigreturn. Never called. */
extern const char sys_restorer[] __attribute__((visibility("hidden")));

/*
 * rt_sigaction(2). `act` goes to the kernel as it is: an action of our own wants
 * SYS_SA_RESTORER and sys_restorer, one that is put back has its own.
 */
static inline int sys_rt_sigaction(int sig, const struct sys_sigaction *act,
				   struct sys_sigaction *ret_old)
{
	return sys_call4(__NR_rt_sigaction, sig, (long)act, (long)ret_old, sizeof(act->mask));
}

#endif

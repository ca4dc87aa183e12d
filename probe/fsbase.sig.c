/* SPDX-License-Identifier: BSD-2-Clause */
/* The three methods; see fsbase.sig.h. */
#include "probe/fsbase.sig.h"

#include <linux/signal.h>
#include <asm/errno.h>
#include <asm/prctl.h>
#include <asm/sigcontext.h>
#include <asm/siginfo.h>
#include <asm/ucontext.h>

#include "probe/peek.sig.h"
#include "probe/sys.sig.h"

#define STEP (1ull << 40)
#define STEPS 256	/* 2^48 bytes: every canonical offset of four-level paging */

/* Set once by fsbase_permit(), read by every thread: a relaxed flag is enough. */
static bool permitted;

/* Found by the first FAULT reading; 0 until then. Every thread finds the same. */
static __u64 kernel_half;

/*
 * The labelled loads, each the first instruction of its function. They read one
 * byte, so that the address of the fault is the address of the load also at
 * the end of a page. The handler puts what was met in rax and rdx, and resumes
 * at the ret.
 */
#define TOUCH_FUNCTION(name, load)						\
	".globl " name "\n"							\
	".hidden " name "\n"							\
	".type " name ", @function\n"						\
	name ":\n"								\
	".cfi_startproc\n"							\
	load "\n"								\
	"xorl %edx, %edx\n"							\
	name "_met:\n"								\
	"ret\n"									\
	".cfi_endproc\n"							\
	".size " name ", . - " name "\n"

__asm__(".pushsection .text.fsbase, \"ax\", @progbits\n"
	".globl fsbase_touch_fs_met\n"
	".hidden fsbase_touch_fs_met\n"
	TOUCH_FUNCTION("fsbase_touch_fs", "movzbl %fs:(%rdi), %eax")
	TOUCH_FUNCTION("fsbase_touch_flat", "movzbl (%rdi), %eax")
	".popsection\n");

#pragma GCC visibility push(hidden)
struct fsbase_touched fsbase_touch_fs(__u64 offset);
struct fsbase_touched fsbase_touch_flat(__u64 addr);
extern const char fsbase_touch_fs_met[];
#pragma GCC visibility pop

void fsbase_permit(unsigned long hwcap2)
{
	__atomic_store_n(&permitted, (hwcap2 & FSBASE_HWCAP2) != 0, __ATOMIC_RELAXED);
}

static bool instructions_permitted(void)
{
	return __atomic_load_n(&permitted, __ATOMIC_RELAXED);
}

static int arch_prctl_get(int code, __u64 *ret)
{
	__u64 base;
	long err = sys_call2(__NR_arch_prctl, code, (long)&base);

	if (!err)
		*ret = base;
	return err;
}

__u64 fsbase_kernel_half(struct fsbase_touched at_half_5)
{
	if (at_half_5.met == FSBASE_MET_ADDRESS && at_half_5.addr == FSBASE_KERNEL_HALF_5)
		return FSBASE_KERNEL_HALF_5;
	return FSBASE_KERNEL_HALF_4;
}

int fsbase_search(struct fsbase_touched (*touch)(__u64 offset), __u64 half, __u64 *ret)
{
	for (__u64 offset = half; offset - half < STEPS * STEP; offset += STEP) {
		struct fsbase_touched touched = touch(offset);

		if (touched.met == FSBASE_MET_ADDRESS) {
			*ret = touched.addr - offset;
			return 0;
		}
	}
	return -EFAULT;
}

static int read_by_fault(__u64 *ret)
{
	__u64 half = __atomic_load_n(&kernel_half, __ATOMIC_RELAXED);

	if (!half) {
		half = fsbase_kernel_half(fsbase_touch_flat(FSBASE_KERNEL_HALF_5));
		__atomic_store_n(&kernel_half, half, __ATOMIC_RELAXED);
	}
	return fsbase_search(fsbase_touch_fs, half, ret);
}

int fsbase_read(enum goidshim_fsbase_method method, __u64 *ret)
{
	if (method == GOIDSHIM_FSBASE_RDFSBASE && instructions_permitted()) {
		__asm__ volatile("rdfsbase %0" : "=r"(*ret));
		return 0;
	}
	if (method == GOIDSHIM_FSBASE_ARCH_PRCTL)
		return arch_prctl_get(ARCH_GET_FS, ret);
	if (method == GOIDSHIM_FSBASE_FAULT)
		return read_by_fault(ret);
	return -EOPNOTSUPP;
}

int gsbase_read(enum goidshim_fsbase_method method, __u64 *ret)
{
	if (method == GOIDSHIM_FSBASE_RDFSBASE && instructions_permitted()) {
		__asm__ volatile("rdgsbase %0" : "=r"(*ret));
		return 0;
	}
	if (method == GOIDSHIM_FSBASE_ARCH_PRCTL)
		return arch_prctl_get(ARCH_GET_GS, ret);
	return -EOPNOTSUPP;
}

/* The user's half of four-level paging: canonical on every machine. */
static bool is_user_half(__u64 base)
{
	return base < 1ull << 47;
}

int fsbase_write(enum goidshim_fsbase_method method, __u64 base)
{
	if (method == GOIDSHIM_FSBASE_RDFSBASE && instructions_permitted()) {
		if (!is_user_half(base))
			return -EPERM;
		__asm__ volatile("wrfsbase %0" : : "r"(base) : "memory");
		return 0;
	}
	if (method == GOIDSHIM_FSBASE_ARCH_PRCTL)
		return sys_call2(__NR_arch_prctl, ARCH_SET_FS, base);
	return -EOPNOTSUPP;
}

int gsbase_write(enum goidshim_fsbase_method method, __u64 base)
{
	if (method == GOIDSHIM_FSBASE_RDFSBASE && instructions_permitted()) {
		if (!is_user_half(base))
			return -EPERM;
		__asm__ volatile("wrgsbase %0" : : "r"(base) : "memory");
		return 0;
	}
	if (method == GOIDSHIM_FSBASE_ARCH_PRCTL)
		return sys_call2(__NR_arch_prctl, ARCH_SET_GS, base);
	return -EOPNOTSUPP;
}

/* A fault that tells its address is a page fault (or its SIGBUS); #GP comes as SI_KERNEL. */
static struct fsbase_touched touched_from(const siginfo_t *info)
{
	struct fsbase_touched touched = { .met = FSBASE_MET_NO_ADDRESS };

	if (info->si_code != SI_KERNEL) {
		touched.addr = (__u64)info->si_addr;
		touched.met = FSBASE_MET_ADDRESS;
	}
	return touched;
}

bool fsbase_recover(const void *siginfo, void *ucontext)
{
	struct sigcontext *regs = (struct sigcontext *)&((struct ucontext *)ucontext)->uc_mcontext;
	struct fsbase_touched touched;

	if (regs->rip != (__u64)fsbase_touch_fs && regs->rip != (__u64)fsbase_touch_flat)
		return false;
	if (((const siginfo_t *)siginfo)->si_code <= 0)
		return false;
	touched = touched_from(siginfo);
	regs->rax = touched.addr;
	regs->rdx = touched.met;
	regs->rip = (__u64)fsbase_touch_fs_met;
	return true;
}

bool fsbase_is_thread_block(__u64 fs_base)
{
	__u64 self = 0;

	return peek_u64(fs_base, &self) && self == fs_base;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading and writing the FS and GS base of the calling thread: three methods,
 * one signature. Which one to use is decided once, in fsbase.h.
 *
 *	RDFSBASE	1 ns; an undefined instruction (#UD) where the kernel
 *			does not enable it, so it stays refused until
 *			fsbase_permit() has seen AT_HWCAP2
 *	ARCH_PRCTL	100 ns; a seccomp filter may refuse it
 *	FAULT		2 us; needs nothing but a SIGSEGV/SIGBUS handler that
 *			calls fsbase_recover()
 *
 * None of this is compiled with a stack protector: its canary is a load from
 * %fs:0x28, and what FS base is, is the question.
 */
#ifndef PROBE_FSBASE_SIG_H
#define PROBE_FSBASE_SIG_H

#include <stdbool.h>

#include "goidshim/goid.h"

#pragma GCC visibility push(hidden)

/* AT_HWCAP2: the kernel lets user code execute RD/WRFSBASE and RD/WRGSBASE. */
#define FSBASE_HWCAP2 (1ul << 1)

/*
 * Tells whether the instructions may be executed, from getauxval(AT_HWCAP2).
 * Until it is called they may not. fsbase_choose() calls it.
 * Signal-safe: yes.
 */
void fsbase_permit(unsigned long hwcap2);

/*
 * FS (or GS) base of the calling thread. -EOPNOTSUPP: the method is refused
 * (RDFSBASE without permission, which is then not executed; FAULT for GS; any
 * other value); -EPERM, -ENOSYS, ...: what the system call returned; -EFAULT:
 * no offset gave a fault with an address. *ret is untouched on error.
 * Signal-safe: yes.
 */
int fsbase_read(enum goidshim_fsbase_method method, __u64 *ret);
int gsbase_read(enum goidshim_fsbase_method method, __u64 *ret);

/*
 * Sets FS (or GS) base of the calling thread: WRFSBASE for RDFSBASE, ARCH_SET_FS
 * for ARCH_PRCTL; FAULT cannot write. Errors as above, and -EPERM for a base
 * outside the user's half, which ARCH_SET_FS refuses and WRFSBASE would fault on.
 * ARCH_SET_GS alone may be refused too (-EPERM, -EINVAL, -ENOSYS): treat that as
 * "no GS base here". Until FS base is restored the caller stays away from the C
 * library, thread-local storage and stack protectors. Signal-safe: yes.
 */
int fsbase_write(enum goidshim_fsbase_method method, __u64 base);
int gsbase_write(enum goidshim_fsbase_method method, __u64 base);

/*
 * To be called by a handler of SIGSEGV or SIGBUS with its second and third
 * argument. True if the fault was FAULT's own load: the handler returns at once.
 * Otherwise the fault is not ours and nothing was changed.
 * Signal-safe: yes.
 */
bool fsbase_recover(const void *siginfo, void *ucontext);

/*
 * Is this FS base the C library's thread block? The ABI puts the block's own
 * address in its first word. Reads through peek, and wants its handler.
 * Signal-safe: yes.
 */
bool fsbase_is_thread_block(__u64 fs_base);

/*
 * The FAULT method's reasoning, apart from its one instruction. A load at
 * FS base + offset meets nothing, a fault that tells its address, or a fault
 * that does not (a non-canonical address is #GP, and has none).
 */
enum fsbase_met {
	FSBASE_MET_NOTHING = 0,
	FSBASE_MET_ADDRESS = 1,
	FSBASE_MET_NO_ADDRESS = 2,
};

/* As the System V ABI returns it: addr in rax, met in rdx. */
struct fsbase_touched {
	__u64 addr;
	__u64 met;		/* enum fsbase_met */
};

/* The start of the kernel's half of the address space, a page that no user may read. */
#define FSBASE_KERNEL_HALF_4 0xffff800000000000ull
#define FSBASE_KERNEL_HALF_5 0xff00000000000000ull	/* with five-level paging */

/*
 * Which of the two, from what a flat load at FSBASE_KERNEL_HALF_5 met: with
 * four-level paging that address is non-canonical, so its fault has no address.
 */
__u64 fsbase_kernel_half(struct fsbase_touched at_half_5);

/*
 * FS base from loads by `touch` at offsets `half`, half + 1 TiB, ... : from
 * the first that meets a fault with an address, or -EFAULT. With `half` the
 * start of the kernel's half, an FS base in the user's half needs one load.
 */
int fsbase_search(struct fsbase_touched (*touch)(__u64 offset), __u64 half, __u64 *ret);

#pragma GCC visibility pop

#endif

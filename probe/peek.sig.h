/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A load that survives a bad address. Every pointer that we did not make
 * ourselves is followed through here. The price of a good address is that of
 * the load and a call, about 1 ns: no system call.
 *
 * The loads are four-instruction assembly functions with one load each, so that
 * a fault handler recognises ours by three fixed addresses; results travel in
 * two registers, so that no compiler needs to know about the second way out.
 */
#ifndef PROBE_PEEK_SIG_H
#define PROBE_PEEK_SIG_H

#include <stdbool.h>

#include <linux/types.h>

#pragma GCC visibility push(hidden)

/* As the System V ABI returns it: value in rax, ok in rdx. */
struct peek_loaded {
	__u64 value;
	__u64 ok;
};

struct peek_loaded peek_load_u8(__u64 addr);
struct peek_loaded peek_load_u32(__u64 addr);
struct peek_loaded peek_load_u64(__u64 addr);

/*
 * Reads the word at `addr` of this process, which need not be aligned. False,
 * and *ret untouched, where it cannot be read: unmapped, PROT_NONE,
 * non-canonical, beyond the end of the mapped file.
 *
 * Whoever calls these has seen to it that a handler of SIGSEGV and SIGBUS calls
 * peek_recover(), and that this thread does not block the two.
 * Signal-safe: yes.
 */
static inline bool peek_u64(__u64 addr, __u64 *ret)
{
	struct peek_loaded loaded = peek_load_u64(addr);

	if (!loaded.ok)
		return false;
	*ret = loaded.value;
	return true;
}

static inline bool peek_u32(__u64 addr, __u32 *ret)
{
	struct peek_loaded loaded = peek_load_u32(addr);

	if (!loaded.ok)
		return false;
	*ret = loaded.value;
	return true;
}

static inline bool peek_u8(__u64 addr, __u8 *ret)
{
	struct peek_loaded loaded = peek_load_u8(addr);

	if (!loaded.ok)
		return false;
	*ret = loaded.value;
	return true;
}

/*
 * To be called by a handler of SIGSEGV or SIGBUS with its third argument, when
 * siginfo's si_code > 0 (a fault, not somebody's kill). True if a peek's load
 * faulted: the handler returns at once, and the peek returns false. Otherwise
 * the fault is not ours and nothing was changed.
 * Signal-safe: yes.
 */
bool peek_recover(void *ucontext);

#pragma GCC visibility pop

#endif

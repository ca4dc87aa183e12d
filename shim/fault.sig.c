/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/fault.sig.h"

#include <stdbool.h>
#include <linux/mman.h>
#include <linux/signal.h>
#include <asm/sigcontext.h>
#include <asm/ucontext.h>

#include "probe/fsbase.sig.h"
#include "probe/peek.sig.h"
#include "probe/sys.sig.h"
#include "shim/owner.sig.h"
#include "shim/sampler.sig.h"

/*
 * Somebody truncated the ring file under us: its pages are gone, and the store
 * that met this would kill the program. Put anonymous memory there, so that the
 * store succeeds and means nothing, and take no more samples.
 */
static bool survive_lost_ring(const struct siginfo *info)
{
	__u64 start = (__u64)sampler.ring.header;
	__u64 addr = (__u64)info->si_addr;
	long ret;

	if (info->si_signo != SIGBUS || info->si_code <= 0 || addr - start >= sampler.ring.map_size)
		return false;
	__atomic_store_n(&sampler.stopped, 1, __ATOMIC_RELAXED);
	ret = sys_call6(__NR_mmap, (long)start, (long)sampler.ring.map_size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
	return ret == (long)start;
}

extern const char fault_return[] __attribute__((visibility("hidden")));
__asm__(".pushsection .text\n"
	"fault_return: ret\n"
	".popsection\n");

/*
 * We interrupted the trigger's handler before its first instruction: two signals
 * came at once, and what we are told is not about that handler. Give up the
 * sample, by returning from it at once.
 *
 * A fault belongs to what that handler interrupted. The kernel hands out a
 * SIGTRAP that is pending together with a fault even where SIGTRAP is blocked,
 * so this may well be one of our own guarded loads. It will fault again, alone.
 *
 * A signal that was sent must not find the program's handler on top of ours: it
 * is sent again, for when we have returned to the program.
 */
static bool came_with_trigger(int sig, const struct siginfo *info, struct ucontext *uc)
{
	const struct siginfo *trigger = (const struct siginfo *)uc->uc_mcontext.rsi;

	if (uc->uc_mcontext.rip != (__u64)sampler_on_signal || !sampler_owns(trigger))
		return false;
	uc->uc_mcontext.rip = (__u64)fault_return;
	ring_lose_without_lane(&sampler.ring, GOIDSHIM_LOST_NESTED);
	if (info->si_code > 0)
		return true;
	uc->uc_sigmask |= 1ull << (sig - 1);
	sys_call4(__NR_rt_tgsigqueueinfo, sys_call2(__NR_getpid, 0, 0),
		  sys_call2(__NR_gettid, 0, 0), sig, (long)info);
	return true;
}

void fault_on_signal(int sig, struct siginfo *info, void *ucontext)
{
	if (info->si_code > 0 && (peek_recover(ucontext) || fsbase_recover(info, ucontext) ||
				  survive_lost_ring(info)))
		return;
	if (came_with_trigger(sig, info, ucontext))
		return;
	owner_forward(sig, info, ucontext);
}

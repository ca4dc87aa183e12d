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
 * A signal that was sent, while the trigger's handler is about to begin: both
 * came at once, and that handler leaves these two unblocked for its own faults.
 * The program's handler must not run on top of ours: give up the sample, and
 * have the signal come again when we have returned to the program.
 */
static bool postpone(int sig, const struct siginfo *info, struct ucontext *uc)
{
	if (info->si_code > 0 || uc->uc_mcontext.rip != (__u64)sampler_on_signal)
		return false;
	uc->uc_mcontext.rip = (__u64)fault_return;
	uc->uc_sigmask |= 1ull << (sig - 1);
	ring_lose_without_lane(&sampler.ring, GOIDSHIM_LOST_NESTED);
	sys_call4(__NR_rt_tgsigqueueinfo, sys_call2(__NR_getpid, 0, 0),
		  sys_call2(__NR_gettid, 0, 0), sig, (long)info);
	return true;
}

void fault_on_signal(int sig, struct siginfo *info, void *ucontext)
{
	if (info->si_code > 0 && (peek_recover(ucontext) || fsbase_recover(info, ucontext) ||
				  survive_lost_ring(info)))
		return;
	if (postpone(sig, info, ucontext))
		return;
	owner_forward(sig, info, ucontext);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/fault.sig.h"

#include <stdbool.h>
#include <linux/mman.h>
#include <linux/signal.h>

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

void fault_on_signal(int sig, struct siginfo *info, void *ucontext)
{
	if (info->si_code > 0 && (peek_recover(ucontext) || fsbase_recover(info, ucontext) ||
				  survive_lost_ring(info)))
		return;
	owner_forward(sig, info, ucontext);
}

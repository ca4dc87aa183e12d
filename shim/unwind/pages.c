/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/unwind/pages.h"

#include <sys/mman.h>

#include "probe/sys.sig.h"

static void *result(long at)
{
	return at < 0 && at > -4096 ? NULL : (void *)at;
}

void *pages_map(size_t size)
{
	return result(sys_call6(__NR_mmap, 0, (long)size, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
}

void *pages_resize(void *at, size_t size, size_t new_size)
{
	return result(sys_call4(__NR_mremap, (long)at, (long)size, (long)new_size,
				MREMAP_MAYMOVE));
}

void pages_unmap(void *at, size_t size)
{
	if (at != NULL)
		sys_call2(__NR_munmap, (long)at, (long)size);
}

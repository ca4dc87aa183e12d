/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The goroutine that the calling thread is in C for, in three loads: for what
 * happens far too often to follow every pointer through a peek.
 *
 * goid_read() is asked once for a thread; goself_learn() keeps of its answer what
 * stays true for as long as the thread's g does, and where to look for the rest.
 * The memory looked at is m and g structures that were proved once. Go never gives
 * such memory back, and an m is its thread's while g points to its g0, so the
 * loads need no recovery.
 *
 * A C thread that Go has borrowed an m to (an extra M) keeps g and loses its
 * goroutine between callbacks: of such a thread nothing is kept, it is asked of
 * goid_read() each time. Likewise wherever g is not the m's g0.
 */
#ifndef PROBE_GOSELF_SIG_H
#define PROBE_GOSELF_SIG_H

#include <stdbool.h>

#include "goidshim/goid.h"
#include "probe/goid.sig.h"
#include "probe/segment.sig.h"

#pragma GCC visibility push(hidden)

#define GOSELF_UNKNOWN (~0ull)

struct goself {
	__u64 g;		/* of which the rest is true; GOSELF_UNKNOWN: of none */
	__u64 curg_at;		/* address of its m's curg */
};

/*
 * True: the thread works for goroutine *ret_goid, whose g is *ret_curg; or it is a
 * C thread without Go, and *ret_goid is 0 (*ret_curg is then an address without
 * meaning, always the same). False: ask goid_read(). In C code only, and only
 * for the layout that `self` was learnt with. Signal-safe: yes.
 */
static inline bool goself_read(const struct goself *self, const struct goidshim_golayout *layout,
			       __u64 *ret_curg, __u64 *ret_goid)
{
	__u64 curg;

	if (segment_fs_load_u64(layout->tls_offset) != self->g)
		return false;
	curg = *(const volatile __u64 *)self->curg_at;
	if (!curg)
		return false;
	*ret_curg = curg;
	*ret_goid = *(const volatile __u64 *)(curg + layout->g_goid);
	return true;
}

/*
 * Keeps what `reading` (the calling thread's, just made, in C) allows. Wants what
 * goid_read() wants. Signal-safe: yes.
 */
void goself_learn(struct goself *self, const struct goidshim_golayout *layout,
		  const struct goid_reading *reading);

#pragma GCC visibility pop

#endif

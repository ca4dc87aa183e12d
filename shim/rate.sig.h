/* SPDX-License-Identifier: BSD-2-Clause */
/* The achieved rate, kept beside the asked one. Signal-safe: yes. */
#ifndef SHIM_RATE_SIG_H
#define SHIM_RATE_SIG_H

#include "goidshim/format.h"

#pragma GCC visibility push(hidden)

/*
 * Counts a committed sample of the lane's owner, and at checkpoints reads the
 * thread's CPU clock (of user time only, if asked): 400 ns, so rarely.
 */
void rate_count_sample(struct goidshim_lane *lane, __u32 periods, __u32 user_only);

#pragma GCC visibility pop

#endif

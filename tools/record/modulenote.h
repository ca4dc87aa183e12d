/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * modulenote: the ring's note on a file that a running process has mapped, made
 * from outside the process. Ordinary code.
 */
#ifndef TOOLS_MODULENOTE_H
#define TOOLS_MODULENOTE_H

#include "goidshim/format.h"
#include "tools/process/procmaps.h"

/*
 * modulenote_make - a MODULE record for `module`
 *
 * Returns 0 with a record to free, -ENOMEM, or -ENOEXEC if it is not an ELF
 * object mapped from its first byte.
 */
int modulenote_make(const struct procmaps *maps, const struct procmaps_module *module, __u32 index,
		    struct goidshim_module **ret);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waits for people: who waited for locks, for how long, who held them and what they
 * did meanwhile; and who was blocked in the kernel. Parts of the text report.
 * Signal-safe: no.
 */
#ifndef TOOLS_WAITSTEXT_H
#define TOOLS_WAITSTEXT_H

#include "tools/formats/tally.h"

/* Each prints its section. Returns 0 or -ENOMEM. */
int waitstext_put_locks(const struct export_context *c, const struct tally *tally);
int waitstext_put_calls(const struct export_context *c, const struct tally *tally);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* Prepares a Go object, once, for the handler that walks its stacks. Ordinary code. */
#ifndef SHIM_UNWIND_H
#define SHIM_UNWIND_H

#include "probe/gobinary.h"
#include "shim/unwind/unwind.sig.h"

/* The object's tables must stay mapped: Go objects are never unloaded. */
void unwind_prepare_go(const struct gobinary *binary, struct unwind_go *ret);

#endif

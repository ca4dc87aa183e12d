/* SPDX-License-Identifier: BSD-2-Clause */
/* The order of bring-up, and nothing else. */
#include "goidshim/format.h"

__attribute__((visibility("default"))) const unsigned goidshim_abi_version = GOIDSHIM_ABI_VERSION;

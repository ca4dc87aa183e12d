/* SPDX-License-Identifier: BSD-2-Clause */
/* Waits in the JSON report: "lock_waits" and "blocked". Signal-safe: no. */
#ifndef TOOLS_WAITSJSON_H
#define TOOLS_WAITSJSON_H

#include <jansson.h>

#include "tools/formats/tally.h"

/* Adds those that are to be shown to `report`. Returns 0 or -ENOMEM. */
int waitsjson_add(const struct export_context *c, const struct tally *tally, json_t *report);

#endif

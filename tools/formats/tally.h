/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything that a report tells of, added up: CPU and wall time, C memory, waits.
 * Signal-safe: no.
 */
#ifndef TOOLS_TALLY_H
#define TOOLS_TALLY_H

#include "tools/formats/export.h"
#include "tools/profile/holders.h"
#include "tools/profile/memory.h"
#include "tools/profile/profile.h"
#include "tools/profile/waits.h"
#include "tools/ring/threads.h"

/* An event that is not to be shown has its part empty. */
struct tally {
	struct profile *cpu;
	struct profile *wall;
	struct memory *memory;
	struct waits lock;
	struct waits block;
	struct holders holders;		/* of the locks; matched by tally_complete */
	struct threads threads;
};

/* begin, record, live and free of an exporter whose state is a struct tally. */
int tally_begin(const struct export_context *context, void **ret_state);
int tally_record(const struct export_context *context, void *state,
		 const struct reader_item *item);
int tally_live(const struct export_context *context, void *state,
	       const struct goidshim_alloc *alloc);
void tally_free(void *state);

/* To be called first by the exporter's end. Returns 0 or -ENOMEM. */
int tally_complete(struct tally *tally);

#endif

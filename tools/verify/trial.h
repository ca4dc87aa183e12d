/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trial: the processes that goidshim-verify hears about, and what became of
 * their readings. Gives the witness layouts of our own making, so that a shim
 * that reads with wrong offsets cannot be agreed with. Ordinary code.
 */
#ifndef TOOLS_TRIAL_H
#define TOOLS_TRIAL_H

#include <stdbool.h>

#include "bpf/witness.h"
#include "tools/process/ringwatch.h"

/* How the layouts that the shim published stand against ours. */
enum trial_layouts {
	TRIAL_LAYOUTS_UNCONFIRMED = 0,	/* we could not derive them: see `difference` */
	TRIAL_LAYOUTS_CONFIRMED = 1,	/* ours are the same */
	TRIAL_LAYOUTS_DIFFER = 2,	/* see `difference` */
	TRIAL_LAYOUTS_TRUSTED = 3,	/* we were told not to derive them */
	TRIAL_LAYOUTS_SAME = 4,		/* it ended too soon; others like it are confirmed */
};

/* What the lanes' sequence numbers say. */
struct trial_coverage {
	__u64 hits;		/* readings that the witness judged */
	__u64 fired;		/* readings from each lane's first hit to its last */
};

/* A pid may come again, or execute another program: it is described as it was last. */
struct trial_process {
	pid_t pid;
	char exe[256];
	enum trial_layouts layouts;
	char difference[256];
	bool has_ring;
	struct ringwatch ring;
	__u64 samples_before;		/* in the ring when the witness came */
	__u64 samples_ended;		/* in rings of the pid's earlier programs */
	__u64 threads;			/* thread probe hits */
	__u64 events_lost;		/* disputes whose details found no room */
	struct evidence_counts counts[EVIDENCE_LAYOUT_MAX];
	struct trial_coverage coverage;
};

struct trial {
	struct witness *witness;
	bool trusts_layouts;
	bool came_late;		/* the processes ran before the witness was there */
	size_t count;
	struct trial_process *processes;
};

/* Sums over all processes; every reading is in exactly one of `outcomes`. */
struct trial_sums {
	__u64 readings;
	__u64 outcomes[EVIDENCE_VERDICT_MAX];
	__u64 unconfirmed;	/* agreed, but by the shim's own layouts only */
	__u64 wrong_layout;	/* agreed by the shim's layouts, which are wrong */
	__u64 ring_samples;	/* of the rings that we could open */
	__u64 ring_hits;	/* hits in the processes of those rings */
	__u64 threads;
	__u64 events_lost;
	struct evidence_counts counts;
	struct trial_coverage coverage;
};

/*
 * trial_observe - look at a process that runs and has published Go objects
 *
 * Finds its ring, derives its layouts, and tells the witness. Call it again when
 * the process has published more. Returns 0 or -errno; -ESRCH if it is gone.
 */
int trial_observe(struct trial *trial, pid_t pid);

/* Collects from the witness what it counted for every process. */
void trial_collect(struct trial *trial);

void trial_sum(const struct trial *trial, struct trial_sums *ret);

/* Samples that the process has put into its rings since the witness came. */
__u64 trial_ring_samples(const struct trial_process *process);

/* Did every reading agree, or get explained in the shim's favour? */
bool trial_is_clean(const struct trial_sums *sums);

void trial_free(struct trial *trial);

#endif

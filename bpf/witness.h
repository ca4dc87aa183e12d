/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * witness: the loader of witness.bpf.c. Attaches to the shim's USDT probes,
 * hands out what the kernel's side counted and the readings that it disputes.
 * Ordinary code; one thread. Everything that it made in the kernel goes with
 * witness_close() or with the process, whichever is first.
 */
#ifndef BPF_WITNESS_H
#define BPF_WITNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "bpf/evidence.h"

struct witness;

struct witness_options {
	const char *library;	/* file with the probes, absolute path */
	pid_t pid;		/* this process only; 0: see root */
	pid_t root;		/* this process, which need not run yet, and its descendants */
	bool report_all;	/* an event for every reading, not only for those disputed */
};

/*
 * witness_open - load the BPF programs, attached to nothing yet
 *
 * Layouts that are known already can be set now, before the first reading.
 * `options` must outlive the witness. Returns 0, or -errno (see witness_explain).
 */
int witness_open(const struct witness_options *options, struct witness **ret);
void witness_close(struct witness *w);

/*
 * witness_attach - attach to every probe of the library
 *
 * Returns 0, or -errno; -ENOENT if `library` has no such probes. A success says
 * nothing about hits: watch the counts.
 */
int witness_attach(struct witness *w);

/* One line: why witness_open or witness_attach failed, and what to do about it. */
const char *witness_explain(int error);

/* May be NULL to forget about events. */
typedef void witness_event_fn(void *context, const struct evidence_event *event);
void witness_on_event(struct witness *w, witness_event_fn *fn, void *context);

/* Delivers events for up to timeout_ms. Returns how many, or -errno (-EINTR on a signal). */
int witness_poll(struct witness *w, int timeout_ms);

/* The layouts to read process `pid` with from now on, in the order of its ring header. */
int witness_set_layouts(struct witness *w, pid_t pid, const struct evidence_layouts *layouts);

/* The layouts that process `pid` has published. -ENOENT if it has not been seen. */
int witness_get_published(struct witness *w, pid_t pid, struct evidence_layouts *ret);

/* Calls fn for every lane of every process seen so far. */
typedef void witness_lane_fn(void *context, pid_t pid, const struct evidence_lane *lane);
void witness_each_lane(struct witness *w, witness_lane_fn *fn, void *context);

/* Calls fn for every process seen so far. */
typedef void witness_process_fn(void *context, pid_t pid, const struct evidence_process *process);
void witness_each_process(struct witness *w, witness_process_fn *fn, void *context);

/* Adds the counts of a lane to those of others. */
void witness_add_counts(struct evidence_counts *sum, const struct evidence_counts *term);

#endif

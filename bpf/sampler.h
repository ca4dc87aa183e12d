/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sampler: the loader of sampler.bpf.c. One perf cpu-clock event on each CPU
 * drives it; samples of the one target process come out. Ordinary code; one
 * thread. Everything that it made in the kernel goes with sampler_close() or
 * with the process, whichever is first.
 */
#ifndef BPF_SAMPLER_H
#define BPF_SAMPLER_H

#include <sys/types.h>

#include "bpf/evidence.h"

struct sampler;

/* Called by sampler_poll; `sample` is valid until it returns. */
typedef void sampler_fn(void *context, const struct evidence_sample *sample);

struct sampler_options {
	pid_t pid;		/* as the initial pid namespace numbers it */
	unsigned rate_hz;
	sampler_fn *fn;
	void *context;
};

/* Returns 0, or -errno (see sampler_explain). */
int sampler_open(const struct sampler_options *options, struct sampler **ret);
void sampler_close(struct sampler *sampler);

/* One line: why sampler_open failed, and what to do about it. */
const char *sampler_explain(int error);

/* The layouts to read with from now on. Before the first call no goroutine is named. */
int sampler_set_layouts(struct sampler *sampler, const struct evidence_layouts *layouts);

/* Delivers samples for up to timeout_ms. Returns how many, or -errno (-EINTR on a signal). */
int sampler_poll(struct sampler *sampler, int timeout_ms);

/* Stops taking samples; those taken can still be polled. */
void sampler_stop(struct sampler *sampler);

/* Sums over all CPUs. */
int sampler_get_counts(struct sampler *sampler, struct evidence_sampler_counts *ret);

#endif

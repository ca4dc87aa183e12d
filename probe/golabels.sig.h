/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The labels of a goroutine (runtime/pprof.Do), read from the runtime's own
 * structures and packed as goidshim-format(5) has them.
 *
 * A set of labels is immutable and replaced as a whole, and the goroutine that
 * could replace it is the one whose thread we interrupted: so what is read is
 * one set, never parts of two.
 */
#ifndef PROBE_GOLABELS_SIG_H
#define PROBE_GOLABELS_SIG_H

#include "goidshim/goid.h"

/* Most bytes of packed labels, and of one key or value: a longer text is cut. */
#define GOLABELS_MAX 512
#define GOLABELS_TEXT_MAX 128

/*
 * Packs the labels of goroutine `curg` into `ret`. The number of bytes; 0 if it
 * has none, or if this Go version's form is not known. Labels that find no more
 * room are left out. Signal-safe: yes, under the conditions of peek.
 */
__u32 golabels_read(const struct goidshim_golayout *layout, __u64 curg, __u8 ret[GOLABELS_MAX]);

#endif

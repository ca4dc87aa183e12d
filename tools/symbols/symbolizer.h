/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names for the addresses in a ring, through its module notes: the files that
 * were mapped, as far as they are still there and still the same. A file that
 * was replaced since is reported, never misread.
 */
#ifndef TOOLS_SYMBOLIZER_H
#define TOOLS_SYMBOLIZER_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "tools/ring/reader.h"
#include "tools/symbols/modulefile.h"

struct symbolizer;

struct symbol {
	const char *function;
	const char *file;	/* NULL unknown */
	__u32 line;		/* 0 unknown */
};

/*
 * The modules of `reader` are borrowed: it must outlive the symbolizer. Files are
 * opened when first asked about. Returns 0 or -ENOMEM.
 */
int symbolizer_open(const struct reader *reader, const struct modulefile_paths *paths,
		    struct symbolizer **ret_symbolizer);
void symbolizer_close(struct symbolizer *symbolizer);

/*
 * The Go function (not one inlined into it) at `pc`, a run-time address, and the
 * file and line of that pc. For a return address pass the address - 1. Returns
 * 0, or -ENOENT if it cannot be named. Strings live as long as the symbolizer.
 */
int symbolizer_go(struct symbolizer *symbolizer, __u64 pc, struct symbol *ret);

/*
 * The same for the entry of a goroutine's first function; where that is only the
 * wrapper that the compiler makes of `go f(x)`, ret->function is f.
 */
int symbolizer_start(struct symbolizer *symbolizer, __u64 pc, struct symbol *ret);

#define SYMBOLIZER_FRAMES_MAX 32	/* functions inlined into one another at one address */
#define SYMBOLIZER_NO_MODULE 0xffffffffu

/*
 * The era of a sample's stack: where libraries have taken each other's place, its
 * pcs mean what was there when it was taken. 0 for nearly all.
 */
__u32 symbolizer_era(struct symbolizer *symbolizer, const struct goidshim_sample *sample);

/*
 * All frames at `pc` (as above) in an era, Go or C: the functions inlined there, innermost
 * first, then the function itself. Returns how many, and in *ret_is_go whether
 * they are Go's; 0 if nothing can be named. Strings live as long as the symbolizer.
 */
unsigned symbolizer_frames(struct symbolizer *symbolizer, __u64 pc, __u32 era,
			   struct symbol frames[static SYMBOLIZER_FRAMES_MAX], bool *ret_is_go);

/* The module mapped at `pc` in an era, as a number for reader_module, or SYMBOLIZER_NO_MODULE. */
__u32 symbolizer_module(struct symbolizer *symbolizer, __u64 pc, __u32 era);

/* Files that could not be used although a pc in them was asked for: one clause each. */
size_t symbolizer_problem_count(const struct symbolizer *symbolizer);
const char *symbolizer_problem(const struct symbolizer *symbolizer, size_t i);

#endif

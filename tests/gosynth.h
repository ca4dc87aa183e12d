/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gosynth: a Go object written by hand: buildinfo, moduledata, function table
 * and code, as the linker of a chosen version would lay them out, for tests that
 * want to know every byte, or to damage it.
 */
#ifndef TESTS_GOSYNTH_H
#define TESTS_GOSYNTH_H

#include "probe/goimage.h"

#define GOSYNTH_TEXT	0x401000ull
#define GOSYNTH_RODATA	0x500000ull
#define GOSYNTH_DATA	0x600000ull
#define GOSYNTH_SIZE	0x4000
#define GOSYNTH_FUNCTION_SIZE 128	/* of each function but those with more code */

/* Where the parts of the data segment are. */
#define GOSYNTH_CGO_INIT	(GOSYNTH_DATA + 0x400)
#define GOSYNTH_GOT		(GOSYNTH_DATA + 0x408)
#define GOSYNTH_MODULEDATA	(GOSYNTH_DATA + 0x500)

struct gosynth_function {
	const char *name;
	const char *code;	/* hex digits and blanks; the rest is int3 */
};

/* The runtime's functions that golayout reads, with Go 1.27's instructions and offsets. */
#define GOSYNTH_RUNTIME_COUNT 10
extern const struct gosynth_function gosynth_runtime[GOSYNTH_RUNTIME_COUNT];

struct gosynth {
	__u8 text[GOSYNTH_SIZE];
	__u8 rodata[GOSYNTH_SIZE];
	__u8 data[GOSYNTH_SIZE];
	struct goimage image;
};

/*
 * Writes an object of Go 1.`minor`, whose functions are these, one behind the
 * other from GOSYNTH_TEXT on. In every function, counted from its entry:
 *
 *	pc		SP delta	line	inlined calls
 *	0..15		0		10	none
 *	16..31		24		11	main.outer
 *	32..47		24		12	main.inner in main.outer, called at 20
 *	48..		8		13	none
 *
 * and main.outer is called at 5.
 */
void gosynth_write(struct gosynth *synth, unsigned minor,
		   const struct gosynth_function *functions, unsigned count);

/* Store a little-endian word at an address of the data segment. */
void gosynth_poke(struct gosynth *synth, __u64 address, __u64 word);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gobinary: is there a Go runtime in this object, which version, and where are
 * its tables?
 *
 * Needs no symbols and no section headers, so it works on stripped objects and
 * on objects in memory. Ordinary code; allocates nothing; safe on hostile input.
 */
#ifndef PROBE_GOBINARY_H
#define PROBE_GOBINARY_H

#include "probe/gocode.h"
#include "probe/goimage.h"
#include "probe/gopclntab.sig.h"

#define GOBINARY_VERSION_MAX 64

struct gobinary {
	const struct goimage *image;		/* borrowed */
	char version[GOBINARY_VERSION_MAX];	/* "go1.27.3"; empty if the object does not say */
	unsigned minor;				/* 27 for go1.27.3; 0 if unknown */
	bool has_cgo;				/* the runtime uses libc's threads, and its FS base */
	__u64 moduledata;			/* run-time address of runtime.firstmoduledata */
	__u64 pclntab;				/* run-time address of the table's header */
	__u64 text;				/* [text, etext): Go code; with cgo, C code may be inside */
	__u64 etext;
	struct gopclntab functions;
};

/* One function looked up by name. */
struct gobinary_function {
	const char *name;	/* in: as in pclntab, "runtime.mcall"; no ABI suffix */
	__u64 entry;		/* out: [entry, end); both 0 if there is no such function */
	__u64 end;
};

/*
 * gobinary_find - find the Go runtime in an image
 *
 * Returns 0; -ENOENT if there is no Go code here; -EBADMSG if Go's tables are
 * here but make no sense; -ENOTSUP if the object says that it is Go, of a version
 * whose tables have a form unknown here. The image must outlive ret.
 */
int gobinary_find(const struct goimage *image, struct gobinary *ret);

/*
 * gobinary_lookup - find several functions of package runtime in one pass
 *
 * Assembly functions appear twice (the body and a short ABI wrapper): the
 * longest is taken. Returns how many of the names were found.
 */
unsigned gobinary_lookup(const struct gobinary *binary, struct gobinary_function *functions,
			 unsigned count);

/*
 * The machine code of a function that was looked up. Returns 0, or -EFAULT if it is not
 * readable.
 */
int gobinary_code(const struct gobinary *binary, const struct gobinary_function *function,
		  struct gocode *ret);

#endif

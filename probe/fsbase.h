/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Choosing how to read the FS base, and saying why; and the FAULT method for
 * those who have no fault handler of their own. Ordinary code: may lock, never
 * in a signal handler.
 */
#ifndef PROBE_FSBASE_H
#define PROBE_FSBASE_H

#include <stddef.h>

#include "probe/fsbase.sig.h"

/* Size of the ring header's fsbase_note. */
#define FSBASE_NOTE_SIZE 96

/*
 * Chooses a method by trying it in this thread, and compares its answer with
 * the C library's thread block. `asked` is a method, which is then the only one
 * tried, or GOIDSHIM_FSBASE_NONE for automatic: RDFSBASE where `hwcap2`
 * (getauxval(AT_HWCAP2)) allows it, else ARCH_PRCTL, else FAULT.
 *
 * Returns 0 with the method, or -errno with GOIDSHIM_FSBASE_NONE: -EOPNOTSUPP,
 * the method asked for is refused here; -ENXIO, the FS base is not the C
 * library's thread block; else the method's own error. The note (one line,
 * NUL-terminated, for people) says why in either case.
 * Calls fsbase_permit(hwcap2). Signal-safe: no.
 */
int fsbase_choose(enum goidshim_fsbase_method asked, unsigned long hwcap2,
		  enum goidshim_fsbase_method *ret_method, char ret_note[static FSBASE_NOTE_SIZE]);

/*
 * fsbase_read() with a SIGSEGV and SIGBUS handler of ours around it, for use
 * outside the shim. The handler keeps the flags and the mask of the one it
 * replaces and passes on every fault that is not our load's: other threads see
 * the handler they installed, and a crash is still a crash. What the program
 * installs meanwhile is kept; but if it does so in the microseconds between our
 * handler and our fault, and does not call the handler it replaced, then it gets
 * our fault. One thread at a time; others wait.
 * Signal-safe: no.
 */
int fsbase_read_guarded(enum goidshim_fsbase_method method, __u64 *ret);

/* The name that GOIDSHIM_FSBASE knows a method by: "rdfsbase", "arch_prctl", "fault", ... */
const char *fsbase_method_name(enum goidshim_fsbase_method method);

#endif

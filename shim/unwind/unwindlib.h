/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libunwind as the stepper of C frames (GOIDSHIM_UNWIND=libunwind): a second
 * opinion, and a slow one.
 *
 * It is opened by name, never linked: linked, it would take over backtrace()
 * and C++ exceptions of the program. In a handler it may not do what it wants
 * to, namely call dl_iterate_phdr(), which takes the dynamic linker's lock and
 * has deadlocked there. So its own reference to that function, and nobody
 * else's, is led to one that answers a handler from our snapshot of the modules.
 */
#ifndef SHIM_UNWINDLIB_H
#define SHIM_UNWINDLIB_H

/*
 * Opens it and makes it unwind.libunwind_step. Returns 0, or -ENOENT if it is
 * not installed or not of the form that we know. Ordinary code.
 */
int unwindlib_open(void);

#endif

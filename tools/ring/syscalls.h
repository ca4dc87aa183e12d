/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of the system calls that C code waits in, on x86-64. Signal-safe: yes.
 */
#ifndef TOOLS_SYSCALLS_H
#define TOOLS_SYSCALLS_H

/* "read"; "unknown" for what is in no BLOCK record that this version writes. */
const char *syscalls_name(unsigned number);

#endif

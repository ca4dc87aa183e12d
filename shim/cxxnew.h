/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * C++ operator new and delete, for event heap: of an allocator that brings its
 * own, which does not come through malloc (jemalloc, tcmalloc). The C++
 * library's does, and is left alone.
 */
#ifndef SHIM_CXXNEW_H
#define SHIM_CXXNEW_H

/* After the C library's allocation functions are counted. Once, by one thread. */
void cxxnew_start(void);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Symbols as people write them: C++ through the C++ runtime's own demangler, and
 * without the marks that compiler and linker add to a function's name.
 * Signal-safe: no.
 */
#ifndef TOOLS_DEMANGLE_H
#define TOOLS_DEMANGLE_H

/*
 * What `symbol` is called in its source, to be freed by the caller; NULL when
 * memory is short. A clone that the compiler made (f.part.0, f.cold) is f, and
 * memcpy@@GLIBC_2.14 is memcpy.
 */
char *demangle_symbol(const char *symbol);

/*
 * The demangled form of `name`, to be freed by the caller; NULL when `name` is
 * not a mangled C++ name, is too long to be an honest one, or memory is short.
 */
char *demangle_name(const char *name);

#endif

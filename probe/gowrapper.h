/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gowrapper: what a goroutine really runs. For `go f(x)` the compiler makes a
 * function without arguments that calls f, main.main.func1 or main.main.gowrap1,
 * and that is where the goroutine starts; nobody wrote it, nobody knows it.
 *
 * Ordinary code; allocates nothing; safe on hostile input.
 */
#ifndef PROBE_GOWRAPPER_H
#define PROBE_GOWRAPPER_H

#include "probe/gobinary.h"

/*
 * The name of the function that `function` of `binary` was made to call. Its own
 * name where it is no such wrapper, where what it calls is known only at run
 * time (`go i.Method()`), or where this Go version's wrappers are not known.
 */
const char *gowrapper_target(const struct gobinary *binary,
			     const struct gopclntab_function *function);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The C++ ABI gives its demangler C linkage, so that no C++ source is needed,
 * only the library. A name comes from an untrusted file: substitutions let a
 * short hostile name grow without end, so both its length and the length of what
 * it may become are limited.
 */
#include "tools/symbols/demangle.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define MANGLED_MAX 4096
#define DEMANGLED_MAX 65536

/* Declared by <cxxabi.h>, which a C compiler cannot read. */
char *__cxa_demangle(const char *mangled, char *buffer, size_t *length, int *status);

char *demangle_name(const char *name)
{
	size_t length = 0;
	int status;
	char *plain;

	if (strncmp(name, "_Z", 2) || strnlen(name, MANGLED_MAX) == MANGLED_MAX)
		return NULL;
	plain = __cxa_demangle(name, NULL, &length, &status);
	if (plain && length > DEMANGLED_MAX) {
		free(plain);
		return NULL;
	}
	return plain;
}

/* Cuts `name` at its last dot (and the number after it) if that begins a clone's suffix. */
static bool cut_clone(char *name)
{
	static const char *const marks[] = { ".cold", ".part", ".isra", ".constprop", ".lto_priv",
					     ".localalias" };
	char *end = name + strlen(name), *dot;

	for (dot = end; dot > name && dot[-1] >= '0' && dot[-1] <= '9'; dot--)
		;
	if (dot < end && dot > name && dot[-1] == '.')
		end = dot - 1;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		size_t length = strlen(marks[i]);

		if ((size_t)(end - name) > length && !strncmp(end - length, marks[i], length)) {
			end[-(ptrdiff_t)length] = '\0';
			return true;
		}
	}
	return false;
}

char *demangle_symbol(const char *symbol)
{
	char *name = strndup(symbol, strcspn(symbol, "@")), *plain;

	if (!name)
		return NULL;
	while (cut_clone(name))
		;
	plain = demangle_name(name);
	if (!plain)
		return name;
	free(name);
	return plain;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Go labels of a sample (runtime/pprof.Do): pairs of a key and a value, in
 * the packed form that goidshim-format(5) describes. The bytes are untrusted.
 * Signal-safe: no.
 */
#ifndef TOOLS_LABELS_H
#define TOOLS_LABELS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

struct label {
	const char *key;	/* not NUL-terminated */
	const char *value;
	__u16 key_size;
	__u16 value_size;
};

/* Takes the first label off [*bytes, *bytes + *size). False at the end or where it is damaged. */
bool labels_next(const char **bytes, size_t *size, struct label *ret);

/* Has `label` this key, and this value? */
bool labels_equal(const struct label *label, const char *key, const char *value);

#endif

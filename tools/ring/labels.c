/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/ring/labels.h"

#include <string.h>

#include "goidshim/format.h"

bool labels_next(const char **bytes, size_t *size, struct label *ret)
{
	__u16 sizes[2];

	if (*size < sizeof(sizes))
		return false;
	memcpy(sizes, *bytes, sizeof(sizes));
	if (!sizes[0] || *size - sizeof(sizes) < (size_t)sizes[0] + sizes[1])
		return false; /* an empty key: the padding */
	ret->key = *bytes + sizeof(sizes);
	ret->key_size = sizes[0];
	ret->value = ret->key + sizes[0];
	ret->value_size = sizes[1];
	*bytes = ret->value + sizes[1];
	*size -= sizeof(sizes) + sizes[0] + sizes[1];
	return true;
}

static bool is_text(const char *bytes, size_t size, const char *text)
{
	return strlen(text) == size && !memcmp(bytes, text, size);
}

bool labels_equal(const struct label *label, const char *key, const char *value)
{
	return is_text(label->key, label->key_size, key) &&
	       is_text(label->value, label->value_size, value);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/tables/strings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_same(const void *owner, uint32_t id, const void *key)
{
	return !strcmp(((const struct strings *)owner)->texts[id], key);
}

static int append(struct strings *strings, const char *text)
{
	if (strings->count == strings->room) {
		size_t room = strings->room ? strings->room * 2 : 256;
		char **texts = reallocarray(strings->texts, room, sizeof(*texts));

		if (!texts)
			return -ENOMEM;
		strings->texts = texts;
		strings->room = room;
	}
	strings->texts[strings->count] = strdup(text);
	if (!strings->texts[strings->count])
		return -ENOMEM;
	strings->count++;
	return 0;
}

int strings_add(struct strings *strings, const char *text, uint32_t *ret_id)
{
	uint64_t hash;
	uint32_t id;

	if (!text)
		text = "";
	hash = hashindex_bytes(0, text, strlen(text));
	id = hashindex_find(&strings->index, hash, is_same, strings, text);
	if (id == HASHINDEX_NONE) {
		id = (uint32_t)strings->count;
		if (append(strings, text) || hashindex_add(&strings->index, hash, id))
			return -ENOMEM;
	}
	*ret_id = id;
	return 0;
}

int strings_init(struct strings *strings)
{
	uint32_t empty;

	*strings = (struct strings){ 0 };
	return strings_add(strings, "", &empty);
}

void strings_free(struct strings *strings)
{
	for (size_t i = 0; i < strings->count; i++)
		free(strings->texts[i]);
	free(strings->texts);
	hashindex_free(&strings->index);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/profile/locations.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/print/printable.h"

#define NAME_MAX_SIZE 4096	/* of a function's name: C++ has long ones */

int locations_init(struct locations *locations, const struct reader *reader,
		   struct symbolizer *symbolizer)
{
	*locations = (struct locations){ .reader = reader, .symbolizer = symbolizer };
	return strings_init(&locations->strings);
}

void locations_free(struct locations *locations)
{
	strings_free(&locations->strings);
	free(locations->locations);
	hashindex_free(&locations->index);
	free(locations->frames);
}

static bool is_same(const void *owner, uint32_t id, const void *key)
{
	const struct location *location = &((const struct locations *)owner)->locations[id];
	const struct location *wanted = key;

	return location->address == wanted->address && location->era == wanted->era;
}

static int add_frame(struct locations *locations, const char *function, const char *file,
		     uint32_t line)
{
	char text[NAME_MAX_SIZE];
	struct location_frame frame = { .line = line };

	if (locations->frame_count == locations->frame_room) {
		size_t room = locations->frame_room ? locations->frame_room * 2 : 1024;
		struct location_frame *frames =
			reallocarray(locations->frames, room, sizeof(*frames));

		if (!frames)
			return -ENOMEM;
		locations->frames = frames;
		locations->frame_room = room;
	}
	if (strings_add(&locations->strings, printable_copy(text, sizeof(text), function),
			&frame.function))
		return -ENOMEM;
	if (file && strings_add(&locations->strings, printable_copy(text, sizeof(text), file),
				&frame.file))
		return -ENOMEM;
	locations->frames[locations->frame_count++] = frame;
	return 0;
}

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

static uint8_t kind_of_go(const char *function)
{
	return begins(function, "runtime.") || begins(function, "runtime/") ||
			       begins(function, "internal/runtime/") ?
		       LOCATION_RUNTIME :
		       LOCATION_GO;
}

static int add_known(struct locations *locations, struct location *location)
{
	struct symbol frames[SYMBOLIZER_FRAMES_MAX];
	bool is_go;
	unsigned count =
		symbolizer_frames(locations->symbolizer, location->address, location->era, frames,
				  &is_go);
	int r = count ? 0 : -ENOENT;

	for (unsigned i = 0; i < count && !r; i++)
		r = add_frame(locations, frames[i].function, frames[i].file, frames[i].line);
	if (count)
		location->kind = is_go ? kind_of_go(frames[count - 1].function) : LOCATION_C;
	return r;
}

/* [libz.so.1], or where no module is known [unknown]. */
static int add_unknown(struct locations *locations, struct location *location)
{
	char name[NAME_MAX_SIZE] = "[unknown]";

	location->kind = LOCATION_UNKNOWN;
	if (location->module != SYMBOLIZER_NO_MODULE) {
		const char *path = reader_module(locations->reader, location->module)->path;
		const char *slash = strrchr(path, '/');

		/* The vdso's path has brackets already. */
		snprintf(name, sizeof(name), *path == '[' ? "%s" : "[%s]",
			 slash ? slash + 1 : path);
	}
	return add_frame(locations, name, NULL, 0);
}

/* Functions that the runtime or the kernel makes an interrupted instruction seem to call. */
static bool interrupts(const char *function)
{
	static const char *const names[] = { "runtime.asyncPreempt", "runtime.sigpanic",
					     "runtime.sigpanic0", "runtime.debugCallV2",
					     "__restore_rt" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(function, names[i]))
			return true;
	return false;
}

static int resolve(struct locations *locations, struct location *location)
{
	const struct location_frame *outermost;
	int r;

	location->module = symbolizer_module(locations->symbolizer, location->address, location->era);
	location->first = (uint32_t)locations->frame_count;
	r = add_known(locations, location);
	if (r == -ENOENT)
		r = add_unknown(locations, location);
	if (r)
		return r;
	location->count = (uint16_t)(locations->frame_count - location->first);
	outermost = &locations->frames[locations->frame_count - 1];
	location->is_interrupted = interrupts(locations->strings.texts[outermost->function]);
	return 0;
}

int locations_find(struct locations *locations, uint64_t address, uint32_t era, uint32_t *ret_id)
{
	struct location location = { .address = address, .era = era };
	uint64_t hash = hashindex_bytes(era, &address, sizeof(address));
	uint32_t id = hashindex_find(&locations->index, hash, is_same, locations, &location);

	*ret_id = id;
	if (id != HASHINDEX_NONE)
		return 0;
	if (locations->count == locations->room) {
		size_t room = locations->room ? locations->room * 2 : 1024;
		struct location *grown = reallocarray(locations->locations, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		locations->locations = grown;
		locations->room = room;
	}
	*ret_id = (uint32_t)locations->count;
	if (resolve(locations, &location) || hashindex_add(&locations->index, hash, *ret_id))
		return -ENOMEM;
	locations->locations[locations->count++] = location;
	return 0;
}

int locations_of_stack(struct locations *locations, const struct stacks *stacks, uint32_t stack,
		       uint32_t ret_ids[static GOIDSHIM_MAX_STACK])
{
	const struct stack *s = &stacks->stacks[stack];
	const __u64 *pcs = stacks->pcs + s->first;
	bool is_exact = true;

	for (unsigned int i = 0; i < s->depth; i++) {
		int r = locations_find(locations, pcs[i] - !is_exact, s->era, &ret_ids[i]);

		if (r)
			return r;
		is_exact = locations->locations[ret_ids[i]].is_interrupted;
	}
	return 0;
}

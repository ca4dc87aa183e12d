/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/ring/threads.h"

#include <errno.h>
#include <stdlib.h>

#include "tools/print/printable.h"

static bool is_same(const void *owner, uint32_t id, const void *key)
{
	return ((const struct threads *)owner)->names[id].tid == *(const __u32 *)key;
}

static uint64_t hash(__u32 tid)
{
	return hashindex_bytes(0, &tid, sizeof(tid));
}

static int append(struct threads *threads, __u32 tid)
{
	if (threads->count == threads->room) {
		size_t room = threads->room ? threads->room * 2 : 64;
		struct thread_name *names = reallocarray(threads->names, room, sizeof(*names));

		if (!names)
			return -ENOMEM;
		threads->names = names;
		threads->room = room;
	}
	if (hashindex_add(&threads->index, hash(tid), (uint32_t)threads->count))
		return -ENOMEM;
	threads->names[threads->count++].tid = tid;
	return 0;
}

int threads_add(struct threads *threads, const struct goidshim_thread *thread)
{
	uint32_t id = hashindex_find(&threads->index, hash(thread->tid), is_same, threads,
				     &thread->tid);

	if (id == HASHINDEX_NONE) {
		id = (uint32_t)threads->count;
		if (append(threads, thread->tid))
			return -ENOMEM;
	}
	printable_copy(threads->names[id].name, sizeof(threads->names[id].name), thread->name);
	return 0;
}

const char *threads_name(const struct threads *threads, __u32 tid)
{
	uint32_t id = hashindex_find(&threads->index, hash(tid), is_same, threads, &tid);

	return id == HASHINDEX_NONE ? "" : threads->names[id].name;
}

void threads_free(struct threads *threads)
{
	free(threads->names);
	hashindex_free(&threads->index);
}

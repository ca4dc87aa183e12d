/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/notes.h"

#include <stddef.h>
#include <string.h>

#include "shim/modules.h"
#include "shim/sampler.sig.h"

/* Where the notes begin and end, and the modules that are in them. */
struct notes {
	const struct ring *ring;
	unsigned char *start;
	__u64 committed;
};

static const struct ring *noted;	/* the ring of this process */

static struct notes notes_of(const struct ring *ring)
{
	return (struct notes){
		.ring = ring,
		.start = (unsigned char *)ring->header + ring->header->notes_offset,
		.committed = ring->header->notes_committed,
	};
}

static void *reserve(const struct notes *n, __u64 size)
{
	void *at = n->start + n->committed;

	if (n->committed + size > n->ring->header->notes_size || ring_back(at, size) < 0)
		return NULL;
	return at;
}

static void commit(struct notes *n, __u64 size)
{
	n->committed += size;
	__atomic_store_n(&n->ring->header->notes_committed, n->committed, __ATOMIC_RELEASE);
}

static __u32 note_size(const struct modules_entry *e)
{
	return (__u32)(sizeof(struct goidshim_module) + strlen(e->path) + 8) / 8 * 8;
}

static void fill_note(const struct modules_entry *e, struct goidshim_module *ret)
{
	*ret = (struct goidshim_module){
		.record.type = GOIDSHIM_RECORD_MODULE,
		.record.size = note_size(e),
		.time_ns = sampler_now(),
		.load_bias = e->module.bias,
		.start = e->module.start & ~4095ull,
		.end = e->module.end,
		.inode = e->inode,
		.device = e->device,
		.file_size = e->file_size,
		.mtime_ns = e->mtime_ns,
		.index = e->module.index,
		.build_id_size = e->build_id_size,
	};
	memcpy(ret->build_id, e->build_id, sizeof(ret->build_id));
	strcpy(ret->path, e->path);
}

static void add_module(const struct modules_entry *e)
{
	struct notes n = notes_of(noted);
	struct goidshim_module *note = reserve(&n, note_size(e));

	if (!note)
		return;
	fill_note(e, note);
	commit(&n, note_size(e));
}

void notes_add_modules(const struct ring *ring)
{
	noted = ring;
	modules_refresh(unwind.backend == UNWIND_CFI, add_module);
}

__u32 notes_find_module(__u64 load_bias)
{
	for (unsigned i = modules_count(); i-- > 0;)
		if (modules_at(i)->module.bias == load_bias)
			return i;
	return 0;
}

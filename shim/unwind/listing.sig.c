/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/unwind/listing.sig.h"

#include <stddef.h>

static void (*tell)(const struct module *module);
static __u32 next_index;

static struct place {
	struct module module;
	__u32 ready;		/* release store, once the module is complete */
} places[LISTING_MAX];
static __u32 claimed;		/* may exceed LISTING_MAX */

void listing_tell(void (*on_new)(const struct module *module))
{
	__atomic_store_n(&tell, on_new, __ATOMIC_RELEASE);
}

__u32 listing_next_index(void)
{
	return __atomic_fetch_add(&next_index, 1, __ATOMIC_RELAXED);
}

void listing_new(const struct module *module)
{
	void (*on_new)(const struct module *) = __atomic_load_n(&tell, __ATOMIC_ACQUIRE);

	if (on_new != NULL)
		on_new(module);
}

static __u32 count(void)
{
	__u32 all = __atomic_load_n(&claimed, __ATOMIC_RELAXED);

	return all < LISTING_MAX ? all : LISTING_MAX;
}

/* The module at a place, or NULL while somebody fills it. */
static const struct module *at(__u32 place)
{
	return __atomic_load_n(&places[place].ready, __ATOMIC_ACQUIRE) ? &places[place].module :
									 NULL;
}

const struct module *listing_add(const struct module *module, __u64 name)
{
	char path[1024];	/* on somebody else's stack: no more than that */
	struct module *m;
	__u32 place;

	if (count() == LISTING_MAX)
		return NULL;
	place = __atomic_fetch_add(&claimed, 1, __ATOMIC_RELAXED);
	if (place >= LISTING_MAX)
		return NULL;
	m = &places[place].module;
	*m = *module;
	module_read_path(name, path, sizeof(path));
	module_read_file(path, m);
	m->index = listing_next_index();
	m->path = path;
	listing_new(m);
	m->path = NULL;
	__atomic_store_n(&places[place].ready, 1, __ATOMIC_RELEASE);
	return m;
}

__u32 listing_ready(void)
{
	__u32 place = 0;

	while (place < count() && at(place) != NULL)
		place++;
	return place;
}

const struct module *listing_newest(__u32 from, __u64 start, __u64 end, __s64 after)
{
	const struct module *newest = NULL;

	for (__u32 place = from; place < count(); place++) {
		const struct module *m = at(place);

		if (m == NULL || m->index <= after || m->start >= end || m->end <= start)
			continue;
		newest = m;
		after = m->index;
	}
	return newest;
}

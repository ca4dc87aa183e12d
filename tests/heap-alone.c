/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/heap-alone.h"

#include <stdlib.h>

#include "shim/call.sig.h"

enum { LIVE_SIZE = 192 };

struct sampler sampler;
unsigned heap_alone_lost, heap_alone_recorded;

__u64 sampler_now(void)
{
	return 12345;
}

int ring_back(void *start, __u64 size)
{
	return 0;
}

void ring_lose_without_lane(const struct ring *r, enum goidshim_lost reason)
{
	__atomic_fetch_add(&heap_alone_lost, 1, __ATOMIC_RELAXED);
}

bool call_begin(struct call *call, __u64 pc, __u64 sp)
{
	call->lane = 3;
	return true;
}

void call_take_stack(struct call *call)
{
}

bool call_is_of_go_runtime(const struct call *call)
{
	return false;
}

void *call_reserve(struct call *call, __u32 fixed)
{
	static __thread struct goidshim_alloc room;

	return &room;
}

void call_fill(const struct call *call, __u16 type, __u32 fixed, struct goidshim_sample *s)
{
	s->record.type = type;
	s->record.size = fixed;
}

void call_commit(struct call *call, __u32 fixed)
{
	__atomic_fetch_add(&heap_alone_recorded, 1, __ATOMIC_RELAXED);
}

void call_end(struct call *call)
{
}

void call_lose(const struct call *call, enum goidshim_lost reason)
{
	if (reason != GOIDSHIM_LOST_LIVE)
		abort();
	__atomic_fetch_add(&heap_alone_lost, 1, __ATOMIC_RELAXED);
}

void heap_alone_begin(__u64 interval)
{
	struct goidshim_header *h = calloc(1, sizeof(*h) + (size_t)HEAP_ALONE_SLOTS * LIVE_SIZE);

	if (!h)
		abort();
	h->live_offset = sizeof(*h);
	h->live_size = LIVE_SIZE;
	h->live_count = HEAP_ALONE_SLOTS;
	sampler.ring.header = h;
	if (heap_begin(interval, 42))
		abort();
}

void heap_alone_record(__u64 address)
{
	heap_record(address, 100, 100, GOIDSHIM_ALLOC_MALLOC, 0, 0);
}

struct goidshim_live *heap_alone_live(__u32 slot)
{
	return (struct goidshim_live *)((char *)sampler.ring.header +
					sampler.ring.header->live_offset + slot * LIVE_SIZE);
}

unsigned heap_alone_used(void)
{
	return sampler.ring.header->live_used;
}

unsigned heap_alone_count(void)
{
	unsigned count = 0;

	for (__u32 i = 0; i < heap_alone_used(); i++)
		count += heap_alone_live(i)->state;
	return count;
}

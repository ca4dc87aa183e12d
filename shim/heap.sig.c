/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/heap.sig.h"

#include <linux/mman.h>

#include "probe/sys.sig.h"
#include "shim/call.sig.h"
#include "shim/random.sig.h"
#include "shim/usdt.sig.h"

#define PAGE 4096
#define SLOTS 65536u		/* a slot's number has 16 bits in a word of the index */
#define BUCKETS 8192u
#define WAYS 16u
#define BACKED_AT_ONCE 32u

/* A word of the index: the address without its low 3 bits, which are 0, and the slot. */
#define SLOT_BITS 16
#define ADDRESS_LIMIT (1ull << 47)

#define load_relaxed(p) __atomic_load_n(p, __ATOMIC_RELAXED)
#define store_relaxed(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define swap(p, old, new) \
	__atomic_compare_exchange_n(p, old, new, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)

__thread struct heap_thread heap_thread;
__u8 heap_filter[1 << HEAP_FILTER_BITS] __attribute__((aligned(PAGE)));

/* Aligned to pages, its size too: it shares none with what must not be wiped. */
static struct {
	__u64 index[BUCKETS][WAYS] __attribute__((aligned(PAGE)));	/* 0: empty */
	__u32 next_free[SLOTS];		/* free list link, slot + 1 */
	__u64 free;			/* free list: tag << 32 | slot + 1 */
	__u32 backed;			/* slots [0, backed) have memory */
} tables;

static struct {
	__u64 interval;
	__u64 seed;
} settings;

int heap_begin(__u64 interval, __u64 seed)
{
	long err = sys_call4(__NR_madvise, (long)&tables, sizeof(tables), MADV_WIPEONFORK, 0);

	if (!err)
		err = sys_call4(__NR_madvise, (long)heap_filter, sizeof(heap_filter),
				MADV_WIPEONFORK, 0);
	settings.interval = interval;
	settings.seed = seed;
	return (int)err;
}

/* ------------------------------------------------------------------- sampling */

/*
 * -ln of (random + 1) / 2^53, for random below 2^53. With x = m * 2^e and m
 * between sqrt(1/2) and sqrt(2), ln m = 2 atanh z for z = (m - 1) / (m + 1),
 * |z| < 0.1716: the first term left out of the series is below 7e-10.
 */
static double minus_log(__u64 random)
{
	union {
		double d;
		__u64 u;
	} x = { .d = (double)(random + 1) };
	int e = (int)(x.u >> 52) - 1023;
	double z, zz;

	x.u = (x.u & 0xfffffffffffffull) | 0x3ff0000000000000ull;
	if (x.d > 1.4142135623730951) {
		x.d /= 2;
		e++;
	}
	z = (x.d - 1) / (x.d + 1);
	zz = z * z;
	z *= 2 * (1 + zz * (1 / 3.0 + zz * (1 / 5.0 + zz * (1 / 7.0 + zz * (1 / 9.0)))));
	return (53 - e) * 0.6931471805599453 - z;
}

static __s64 draw_gap(struct heap_thread *t)
{
	if (settings.interval == 1)
		return 1;
	return 1 + (__s64)(minus_log(random_next(&t->random) >> 11) * (double)settings.interval);
}

__u64 heap_draw(__u64 size)
{
	struct heap_thread *t = &heap_thread;
	__u64 beyond;

	if (!t->random) {
		t->random = random_mix(settings.seed + (__u64)t + sampler_now()) | 1;
		t->left = draw_gap(t) - heap_count(size);
		if (t->left > 0)
			return 0;
	}
	beyond = -(__u64)t->left;
	t->left = draw_gap(t);
	return settings.interval + beyond;
}

/* ---------------------------------------------------------------- the live slots */

static struct goidshim_live *live_at(__u32 slot)
{
	const struct goidshim_header *h = sampler.ring.header;

	return (struct goidshim_live *)((unsigned char *)h + h->live_offset +
					(__u64)slot * h->live_size);
}

/* The tag in the upper half defeats ABA, as for lanes. */
static __u32 pop_free_slot(void)
{
	__u64 old = __atomic_load_n(&tables.free, __ATOMIC_ACQUIRE), next;

	do {
		if ((__u32)old == 0)
			return HEAP_NO_SLOT;
		next = ((old >> 32) + 1) << 32 | load_relaxed(&tables.next_free[(__u32)old - 1]);
	} while (!swap(&tables.free, &old, next));
	return (__u32)old - 1;
}

static void push_free_slot(__u32 slot)
{
	__u64 old = load_relaxed(&tables.free), next;

	do {
		store_relaxed(&tables.next_free[slot], (__u32)old);
		next = ((old >> 32) + 1) << 32 | (slot + 1);
	} while (!swap(&tables.free, &old, next));
}

/* Memory for slots is had some at a time, by whoever first comes to them. */
static bool back_slot(__u32 slot)
{
	const struct goidshim_header *h = sampler.ring.header;
	__u32 backed = load_relaxed(&tables.backed);
	__u32 to = slot - slot % BACKED_AT_ONCE + BACKED_AT_ONCE;

	if (slot < backed)
		return true;
	if (to > h->live_count)
		to = h->live_count;
	if (ring_back(live_at(backed), (__u64)(to - backed) * h->live_size) < 0)
		return false;
	while (backed < to && !swap(&tables.backed, &backed, to))
		;
	return true;
}

static __u32 take_new_slot(void)
{
	struct goidshim_header *h = sampler.ring.header;
	__u32 slot = load_relaxed(&h->live_used);

	do {
		if (slot >= h->live_count || !back_slot(slot))
			return HEAP_NO_SLOT;
	} while (!swap(&h->live_used, &slot, slot + 1));
	return slot;
}

static void fill_slot(__u32 slot, const struct call *call, const struct goidshim_alloc *alloc)
{
	struct goidshim_live *live = live_at(slot);

	store_relaxed(&live->generation, live->generation | 1);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	live->alloc = *alloc;
	call_fill(call, GOIDSHIM_RECORD_ALLOC, sizeof(*alloc), &live->alloc.sample);
	store_relaxed(&live->state, 1);
	__atomic_store_n(&live->generation, live->generation + 1, __ATOMIC_RELEASE);
}

void heap_let_go(__u32 slot)
{
	__atomic_store_n(&live_at(slot)->state, 0, __ATOMIC_RELEASE);
	push_free_slot(slot);
}

/* ---------------------------------------------------------------------- the index */

static void count_in_filter(__u64 address, int by)
{
	__u8 *count = &heap_filter[heap_hash(address) >> (64 - HEAP_FILTER_BITS)];
	__u8 old = load_relaxed(count);

	do {
		if (old == 0xff || (old == 0 && by < 0))
			return;
	} while (!swap(count, &old, (__u8)(old + by)));
}

static __u64 *bucket_of(__u64 address, unsigned choice)
{
	__u64 hash = heap_hash(address);

	return tables.index[(choice ? hash >> 13 : hash >> 34) % BUCKETS];
}

static unsigned room_in(const __u64 *bucket)
{
	unsigned room = 0;

	for (unsigned i = 0; i < WAYS; i++)
		room += load_relaxed(&bucket[i]) == 0;
	return room;
}

static bool enter_in(__u64 *bucket, __u64 word)
{
	for (unsigned i = 0; i < WAYS; i++) {
		__u64 empty = 0;

		if (load_relaxed(&bucket[i]) == 0 && swap(&bucket[i], &empty, word))
			return true;
	}
	return false;
}

static bool enter(__u64 address, __u32 slot)
{
	__u64 word = address >> 3 << SLOT_BITS | slot;
	unsigned first = room_in(bucket_of(address, 1)) > room_in(bucket_of(address, 0));

	count_in_filter(address, 1);
	if (enter_in(bucket_of(address, first), word) || enter_in(bucket_of(address, !first), word))
		return true;
	count_in_filter(address, -1);
	return false;
}

static __u32 take_from(__u64 *bucket, __u64 address)
{
	for (unsigned i = 0; i < WAYS; i++) {
		__u64 word = load_relaxed(&bucket[i]);

		if (word && word >> SLOT_BITS == address >> 3 && swap(&bucket[i], &word, 0))
			return (__u32)(word & (SLOTS - 1));
	}
	return HEAP_NO_SLOT;
}

__u32 heap_take(__u64 address)
{
	__u32 slot;

	if (address % 8 || address >= ADDRESS_LIMIT)
		return HEAP_NO_SLOT;
	slot = take_from(bucket_of(address, 0), address);
	if (slot == HEAP_NO_SLOT)
		slot = take_from(bucket_of(address, 1), address);
	if (slot == HEAP_NO_SLOT)
		return slot;
	count_in_filter(address, -1);
	usdt_memory_free(address);
	return slot;
}

void heap_put_back(__u64 address, __u32 slot)
{
	__u64 size = live_at(slot)->alloc.size;

	/* Who listens was told of a free. */
	usdt_memory_alloc(address, size, size > settings.interval ? size : settings.interval);
	if (!enter(address, slot)) {
		ring_lose_without_lane(&sampler.ring, GOIDSHIM_LOST_LIVE);
		heap_let_go(slot);
	}
}

void heap_forget(__u64 address)
{
	__u32 slot = heap_take(address);

	if (slot != HEAP_NO_SLOT)
		heap_let_go(slot);
}

/* --------------------------------------------------------------------- recording */

static void write_record(struct call *call, const struct goidshim_alloc *alloc)
{
	struct goidshim_alloc *a = call_reserve(call, sizeof(*a));

	if (!a)
		return;
	*a = *alloc;
	call_fill(call, GOIDSHIM_RECORD_ALLOC, sizeof(*a), &a->sample);
	call_commit(call, sizeof(*a));
}

/* An address that we know still, we have not seen freed: it was, or it would not be new. */
static bool follow(struct call *call, const struct goidshim_alloc *alloc)
{
	__u32 slot;

	if (alloc->address % 8 || alloc->address >= ADDRESS_LIMIT)
		return false;
	if (heap_may_know(alloc->address))
		heap_forget(alloc->address);
	slot = pop_free_slot();
	if (slot == HEAP_NO_SLOT)
		slot = take_new_slot();
	if (slot == HEAP_NO_SLOT)
		return false;
	fill_slot(slot, call, alloc);
	if (enter(alloc->address, slot))
		return true;
	heap_let_go(slot);
	return false;
}

void heap_record(__u64 address, __u64 size, __u64 weight, enum goidshim_alloc_kind kind, __u64 pc,
		 __u64 sp)
{
	struct goidshim_alloc alloc;
	struct call call;

	if (!call_begin(&call, pc, sp))
		return;
	call_take_stack(&call);
	if (kind != GOIDSHIM_ALLOC_MAP || !call_is_of_go_runtime(&call)) {
		alloc.address = address;
		alloc.size = size;
		alloc.kind = kind;
		alloc.lane = call.lane;
		write_record(&call, &alloc);
		if (follow(&call, &alloc))
			usdt_memory_alloc(address, size, weight);
		else
			call_lose(&call, GOIDSHIM_LOST_LIVE);
	}
	call_end(&call);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whose C memory is this? Which allocations are recorded, and which of those
 * are still in use.
 *
 * Sampling is a Poisson process over allocated bytes. Each thread counts bytes
 * down to its next sample; the gaps are exponential (rounded up, which makes
 * them geometric: an allocation of n bytes is taken with probability
 * 1 - exp(-n / interval), exactly, whatever was allocated before). They come
 * from a generator and a logarithm of our own, because nothing of the C
 * library's may be called here; the logarithm is off by less than 1e-9.
 *
 * A recorded allocation takes a slot of the ring's live area and is entered in
 * an index from address to slot, before the program learns the address. A free
 * takes it out before the memory can be had by another thread. Most frees are of
 * memory that was not recorded; they see that in one byte, a count of recorded
 * addresses with the same hash. The index is 8192 buckets of 16 words, address
 * and slot in one word, so that entering and taking out is one compare-and-swap;
 * an address goes to the emptier of its two buckets. With every slot in use the
 * buckets are half full on average, and with two choices practically none is
 * entirely.
 *
 * All of that is wiped in a child of fork(): there every address is unknown, and
 * nothing of its parent's ring is touched.
 *
 * Signal-safe: all of it.
 */
#ifndef SHIM_HEAP_SIG_H
#define SHIM_HEAP_SIG_H

#include <stdbool.h>

#include "goidshim/format.h"

#pragma GCC visibility push(hidden)

enum { HEAP_FILTER_BITS = 16 };

/* Per thread, zero at first: the first allocation finds itself due, and draws. */
struct heap_thread {
	__s64 left;		/* bytes to the next sample */
	__u64 random;		/* the generator's state; 0: not seeded yet */
};

extern __thread struct heap_thread heap_thread __attribute__((tls_model("initial-exec")));

/* How many recorded addresses have this hash; 255 stays 255. */
extern __u8 heap_filter[1 << HEAP_FILTER_BITS];

/* What an allocation counts for. One of a quarter of all addresses fails anyway. */
static inline __s64 heap_count(__u64 size)
{
	return (__s64)((size + (size == 0)) & (~0ull >> 2));
}

/*
 * Counts an allocation. True: heap_draw() must be asked about it, even if it
 * fails, so that the count is never far below 0 and cannot wrap around.
 */
static inline bool heap_is_due(__u64 size)
{
	return __builtin_expect((heap_thread.left -= heap_count(size)) <= 0, 0);
}

static inline __u64 heap_hash(__u64 address)
{
	return address * 0x9e3779b97f4a7c15ull;
}

/* False for certain when this address was not recorded. */
static inline bool heap_may_know(__u64 address)
{
	return __builtin_expect(heap_filter[heap_hash(address) >> (64 - HEAP_FILTER_BITS)], 0);
}

/* Begins, once: `interval` in bytes, `seed` unpredictable. 0 or -errno. */
int heap_begin(__u64 interval, __u64 seed);

/*
 * An allocation of `size` bytes was due: draws the next gap. If this one is
 * taken, an estimate of all bytes that it stands for, else 0. The estimate is
 * the interval and what the allocation goes on beyond the sampled byte: its
 * expectation, over taken and not, is `size`.
 */
__u64 heap_draw(__u64 size);

/*
 * Records an allocation that was taken, and follows it to its free. `pc`, `sp`
 * are CALL_PC and CALL_SP, `weight` is from heap_draw(). Losses are counted.
 */
void heap_record(__u64 address, __u64 size, __u64 weight, enum goidshim_alloc_kind kind, __u64 pc,
		 __u64 sp);

#define HEAP_NO_SLOT 0xffffffffu

/*
 * An address is about to be freed: takes it out of the index. Its slot, or
 * HEAP_NO_SLOT if it was not recorded. The slot is then either let go, or
 * entered again because the free did not happen.
 */
__u32 heap_take(__u64 address);
void heap_let_go(__u32 slot);
void heap_put_back(__u64 address, __u32 slot);

/* heap_take and heap_let_go. */
void heap_forget(__u64 address);

#pragma GCC visibility pop

#endif

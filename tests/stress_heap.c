/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads that record and free at once, with addresses so close that they meet in
 * the same buckets and bytes of the filter, and blocks that one records and the
 * next frees. What is recorded must be found by who frees it, every time, and at
 * the end nothing may be in use. Exit status: 0, 1.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/heap-alone.h"

enum { THREADS = 4, HELD = 256 };

static pthread_barrier_t round_ends;
static __u64 handed[THREADS][HELD];	/* 0: nothing */
static unsigned rounds = 300, missing;

static __u64 address_of(unsigned thread, unsigned round, unsigned i)
{
	return 0x7f0000000000 + ((__u64)(round * HELD + i) * THREADS + thread) * 16;
}

static void free_it(__u64 address)
{
	__u32 slot = heap_take(address);

	if (slot == HEAP_NO_SLOT || heap_alone_live(slot)->alloc.address != address) {
		__atomic_fetch_add(&missing, 1, __ATOMIC_RELAXED);
		return;
	}
	heap_let_go(slot);
}

/* Records HELD blocks, frees every other at once, hands the rest to the next thread. */
static void *work(void *arg)
{
	unsigned self = (unsigned)(unsigned long)arg, next = (self + 1) % THREADS;

	for (unsigned round = 0; round < rounds; round++) {
		for (unsigned i = 0; i < HELD; i++) {
			__u64 address = address_of(self, round, i);

			heap_alone_record(address);
			if (!heap_may_know(address))
				__atomic_fetch_add(&missing, 1, __ATOMIC_RELAXED);
			if (i % 2)
				free_it(address);
			handed[next][i] = i % 2 ? 0 : address;
		}
		pthread_barrier_wait(&round_ends);
		for (unsigned i = 0; i < HELD; i += 2)
			free_it(handed[self][i]);
		pthread_barrier_wait(&round_ends);
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];

	if (getenv("GOIDSHIM_TEST_LONG"))
		rounds *= 20;
	heap_alone_begin(1);
	pthread_barrier_init(&round_ends, NULL, THREADS);
	for (unsigned long i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)i))
			return 99;
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("%u recorded, %u lost, %u not found, %u left in %u slots\n", heap_alone_recorded,
	       heap_alone_lost, missing, heap_alone_count(), heap_alone_used());
	return heap_alone_recorded != THREADS * HELD * rounds || heap_alone_lost || missing ||
	       heap_alone_count() || heap_alone_used() > THREADS * HELD;
}

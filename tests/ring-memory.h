/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ring in a mapping of the test's own, with whatever geometry it likes, and
 * records that can tell whether they are whole: for test_ring and stress_ring.
 */
#ifndef TESTS_RING_MEMORY_H
#define TESTS_RING_MEMORY_H

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shim/ring.sig.h"

struct geometry {
	__u32 lanes;
	__u32 blocks;
	__u32 block_size;
	__u32 mode;		/* enum goidshim_ring_mode */
};

#define RING_MEMORY_PAGE 4096ull

static inline __u64 ring_memory_round(__u64 n)
{
	return (n + RING_MEMORY_PAGE - 1) / RING_MEMORY_PAGE * RING_MEMORY_PAGE;
}

/* Maps the ring, from `fd` if it is not -1. False if there is no memory. */
static inline bool ring_memory_make(const struct geometry *g, int fd, struct ring *ret)
{
	__u64 lanes = ring_memory_round(sizeof(struct goidshim_header));
	__u64 blocks = lanes + ring_memory_round((__u64)g->lanes * sizeof(struct goidshim_lane));
	__u64 size = blocks + (__u64)g->blocks * g->block_size;
	unsigned char *map;

	if (fd >= 0 && ftruncate(fd, (off_t)size))
		return false;
	map = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   fd < 0 ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED, fd, 0);
	if (map == MAP_FAILED || ring_back(map, sizeof(struct goidshim_header)) < 0)
		return false;
	*ret = (struct ring){
		.header = (struct goidshim_header *)map,
		.lanes = map + lanes,
		.blocks = map + blocks,
		.map_size = size,
		.pid = (__u32)getpid(),
		.mode = g->mode,
	};
	ret->header->lanes_offset = lanes;
	ret->header->lane_count = g->lanes;
	ret->header->blocks_offset = blocks;
	ret->header->block_count = ret->header->block_limit = g->blocks;
	ret->header->block_size = g->block_size;
	return true;
}

static inline struct goidshim_block *ring_memory_block(const struct ring *r, __u32 index)
{
	return (struct goidshim_block *)(r->blocks + (__u64)index * r->header->block_size);
}

/* A record of 128 bytes: a header, who wrote it, its number, and a checksum. */
#define PAYLOAD_WORDS 12

struct payload {
	struct goidshim_record record;
	__u64 producer;
	__u64 number;
	__u64 words[PAYLOAD_WORDS];
	__u64 sum;
};

_Static_assert(sizeof(struct payload) == 128, "the record that the ring's figures are about");

static inline __u64 payload_word(__u64 producer, __u64 number, unsigned i)
{
	return (producer << 56 ^ number ^ i) * 0x9e3779b97f4a7c15ull;
}

static inline __u64 payload_sum(__u64 producer, __u64 number)
{
	__u64 sum = producer + number;

	for (unsigned i = 0; i < PAYLOAD_WORDS; i++)
		sum = (sum << 7 | sum >> 57) ^ payload_word(producer, number, i);
	return sum;
}

/*
 * Written and read by whole words, because a reader may copy a block that is
 * being written: it finds out afterwards, but meanwhile that is no data race.
 */
static inline void payload_write(void *at, __u64 producer, __u64 number)
{
	struct payload p = {
		.record = { .size = sizeof(p), .type = GOIDSHIM_RECORD_SAMPLE },
		.producer = producer,
		.number = number,
		.sum = payload_sum(producer, number),
	};
	__u64 words[sizeof(p) / 8];

	for (unsigned i = 0; i < PAYLOAD_WORDS; i++)
		p.words[i] = payload_word(producer, number, i);
	memcpy(words, &p, sizeof(p));
	for (unsigned i = 0; i < sizeof(p) / 8; i++)
		__atomic_store_n((__u64 *)at + i, words[i], __ATOMIC_RELAXED);
}

static inline bool payload_is_whole(const struct payload *p)
{
	__u64 wrong = p->sum ^ payload_sum(p->producer, p->number);

	for (unsigned i = 0; i < PAYLOAD_WORDS; i++)
		wrong |= p->words[i] ^ payload_word(p->producer, p->number, i);
	return p->record.size == sizeof(*p) && p->record.type == GOIDSHIM_RECORD_SAMPLE && !wrong;
}

#endif

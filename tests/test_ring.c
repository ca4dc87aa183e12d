/* SPDX-License-Identifier: BSD-2-Clause */
/* shim/ring.sig: every record is in the ring or in a counter, whatever runs out. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "tests/ring-memory.h"

#define BLOCK_BYTES 4096u
#define PER_BLOCK ((BLOCK_BYTES - sizeof(struct goidshim_block)) / sizeof(struct payload))

TestSuite(ring, .timeout = 20);

static struct ring make(__u32 lanes, __u32 blocks, enum goidshim_ring_mode mode)
{
	struct ring r;

	cr_assert(ring_memory_make(&(struct geometry){ lanes, blocks, BLOCK_BYTES, mode }, -1, &r));
	return r;
}

static __u32 self_tid(void)
{
	return (__u32)syscall(SYS_gettid);
}

static __u32 claim(const struct ring *r)
{
	return ring_lane_claim(r, GOIDSHIM_LANE_SAMPLES, self_tid());
}

/* Writes a lane's records number `from` to `from + count - 1`; how many went in. */
static __u64 write_records(const struct ring *r, __u32 lane, __u64 from, __u64 count)
{
	__u64 written = 0;

	for (__u64 n = from; n < from + count; n++) {
		void *at = ring_reserve(r, lane, sizeof(struct payload));

		if (!at)
			continue;
		payload_write(at, lane, n);
		ring_commit(r, lane, sizeof(struct payload));
		written++;
	}
	return written;
}

/* What a reader finds: how many records of a lane, all whole, and the lowest number. */
struct found {
	__u64 records;
	__u64 lowest;
};

static struct found find(const struct ring *r, __u32 lane)
{
	struct found f = { .lowest = ~0ull };

	for (__u32 i = 0; i < r->header->block_count; i++) {
		const struct goidshim_block *b = ring_memory_block(r, i);
		const struct payload *p = (const struct payload *)(b + 1);

		if (i >= r->header->blocks_reserved || !b->committed || b->lane != lane)
			continue;
		cr_assert(eq(u64, b->committed, b->records * sizeof(*p)), "block %u", i);
		for (__u32 n = 0; n < b->records; n++, p++) {
			cr_assert(payload_is_whole(p), "block %u record %u", i, n);
			f.records++;
			f.lowest = p->number < f.lowest ? p->number : f.lowest;
		}
	}
	return f;
}

static __u64 lost(const struct ring *r, __u32 lane, enum goidshim_lost reason)
{
	return ring_lane(r, lane)->lost[reason];
}

Test(ring, gives_lanes_and_takes_them_back)
{
	struct ring r = make(4, 8, GOIDSHIM_RING_OVERWRITE);
	__u32 a = claim(&r), b = claim(&r);

	cr_assert(ne(u32, a, b));
	cr_expect(eq(u32, ring_lane(&r, a)->owner_tid, self_tid()));
	ring_lane_release(&r, a);
	cr_expect(eq(u32, ring_lane(&r, a)->owner_tid, 0));
	cr_expect(eq(u32, claim(&r), a), "the lane given back last is taken first");
	cr_expect(eq(u64, ring_lane(&r, a)->owners, 2));
	cr_expect(eq(u64, ring_lane(&r, b)->owners, 1));
	cr_expect(eq(u32, r.header->lane_used, 2));
}

Test(ring, takes_lanes_back_in_any_order)
{
	struct ring r = make(8, 8, GOIDSHIM_RING_OVERWRITE);
	bool seen[8] = { false };
	static const __u32 order[] = { 3, 0, 7, 1, 6, 2, 5, 4 };

	for (__u32 i = 0; i < 8; i++)
		cr_assert(eq(u32, claim(&r), i));
	for (__u32 i = 0; i < 8; i++)
		ring_lane_release(&r, order[i]);
	for (__u32 i = 0; i < 8; i++) {
		__u32 lane = claim(&r);

		cr_assert(lt(u32, lane, 8));
		cr_expect(not(seen[lane]), "lane %u twice", lane);
		seen[lane] = true;
	}
	cr_expect(eq(u32, claim(&r), RING_NO_LANE));
}

Test(ring, counts_producers_that_find_no_lane)
{
	struct ring r = make(2, 8, GOIDSHIM_RING_OVERWRITE);

	claim(&r);
	claim(&r);
	cr_expect(eq(u32, claim(&r), RING_NO_LANE));
	cr_expect(eq(u32, claim(&r), RING_NO_LANE));
	cr_expect(eq(u64, r.header->lost[GOIDSHIM_LOST_NO_LANE], 2));
}

static void *claim_and_die(void *ring)
{
	return (void *)(unsigned long)claim(ring);
}

Test(ring, lets_the_living_inherit_from_the_dead)
{
	struct ring r = make(2, 8, GOIDSHIM_RING_OVERWRITE);
	__u32 mine = claim(&r);
	pthread_t thread;
	void *theirs;

	pthread_create(&thread, NULL, claim_and_die, &r);
	pthread_join(thread, &theirs);
	write_records(&r, (__u32)(unsigned long)theirs, 0, 3);
	cr_expect(eq(u32, claim(&r), (__u32)(unsigned long)theirs));
	cr_expect(eq(u64, write_records(&r, (__u32)(unsigned long)theirs, 3, 1), 1));
	cr_expect(eq(u64, find(&r, (__u32)(unsigned long)theirs).records, 4), "what they left stays");
	cr_expect(eq(u32, claim(&r), RING_NO_LANE), "both owners live");
	cr_expect(eq(u64, ring_lane(&r, mine)->owners, 1));
}

Test(ring, fills_a_block_before_it_takes_another)
{
	struct ring r = make(1, 4, GOIDSHIM_RING_OVERWRITE);
	__u32 lane = claim(&r);

	write_records(&r, lane, 0, PER_BLOCK);
	cr_expect(eq(u64, r.header->block_next, 1));
	cr_expect(eq(u32, ring_memory_block(&r, 0)->state, GOIDSHIM_BLOCK_ACTIVE));
	write_records(&r, lane, PER_BLOCK, 1);
	cr_expect(eq(u64, r.header->block_next, 2));
	cr_expect(eq(u32, ring_memory_block(&r, 0)->state, GOIDSHIM_BLOCK_FULL));
	cr_expect(eq(u32, ring_memory_block(&r, 1)->records, 1));
	cr_expect(eq(u64, ring_lane(&r, lane)->records, PER_BLOCK + 1));
}

Test(ring, fits_records_of_other_sizes_exactly)
{
	const __u32 room = BLOCK_BYTES - sizeof(struct goidshim_block);
	struct ring r = make(1, 4, GOIDSHIM_RING_OVERWRITE);
	__u32 lane = claim(&r);

	cr_assert(ring_reserve(&r, lane, room) != NULL);
	ring_commit(&r, lane, room);
	cr_expect(eq(u64, r.header->block_next, 1));
	cr_assert(ring_reserve(&r, lane, 8) != NULL);
	cr_expect(eq(u64, r.header->block_next, 2), "the first block is full to its last byte");
}

Test(ring, shows_nothing_before_it_is_committed)
{
	struct ring r = make(1, 4, GOIDSHIM_RING_OVERWRITE);
	__u32 lane = claim(&r);
	void *first = ring_reserve(&r, lane, sizeof(struct payload));

	payload_write(first, lane, 1);
	cr_expect(eq(u64, find(&r, lane).records, 0));
	cr_expect(eq(ptr, ring_reserve(&r, lane, sizeof(struct payload)), first), "simply reused");
}

Test(ring, counts_each_overwritten_record)
{
	const __u64 blocks = 4, laps = 25, n = blocks * PER_BLOCK * laps + 1;
	struct ring r = make(1, blocks, GOIDSHIM_RING_OVERWRITE);
	__u32 lane = claim(&r);
	struct found f;

	cr_expect(eq(u64, write_records(&r, lane, 0, n), n));
	f = find(&r, lane);
	cr_expect(eq(u64, f.records, (blocks - 1) * PER_BLOCK + 1));
	cr_expect(eq(u64, f.lowest, n - f.records), "the newest are kept");
	cr_expect(eq(u64, lost(&r, lane, GOIDSHIM_LOST_OVERWRITTEN), n - f.records));
}

Test(ring, passes_over_blocks_that_another_lane_writes)
{
	struct ring r = make(2, 3, GOIDSHIM_RING_OVERWRITE);
	__u32 slow = claim(&r), fast = claim(&r);
	__u64 n = 100 * PER_BLOCK;

	write_records(&r, slow, 7, 1);
	cr_expect(eq(u64, write_records(&r, fast, 0, n), n));
	cr_expect(eq(u64, find(&r, slow).records, 1));
	cr_expect(eq(u64, find(&r, slow).lowest, 7));
	cr_expect(eq(u64, find(&r, fast).records + lost(&r, fast, GOIDSHIM_LOST_OVERWRITTEN), n));
}

Test(ring, keeps_the_oldest_in_drop_mode)
{
	const __u64 blocks = 4, kept = blocks * PER_BLOCK, n = kept + 1000;
	struct ring r = make(2, blocks, GOIDSHIM_RING_DROP);
	__u32 lane = claim(&r), late = claim(&r);

	cr_expect(eq(u64, write_records(&r, lane, 0, n), kept));
	cr_expect(eq(u64, find(&r, lane).records, kept));
	cr_expect(eq(u64, find(&r, lane).lowest, 0));
	cr_expect(eq(u64, lost(&r, lane, GOIDSHIM_LOST_FULL), 1000));
	cr_expect(eq(u64, lost(&r, lane, GOIDSHIM_LOST_OVERWRITTEN), 0));
	cr_expect(eq(u64, write_records(&r, late, 0, 5), 0));
	cr_expect(eq(u64, lost(&r, late, GOIDSHIM_LOST_FULL), 5));
}

Test(ring, counts_what_finds_no_block_when_there_are_more_lanes)
{
	struct ring r = make(16, 4, GOIDSHIM_RING_OVERWRITE);
	__u64 without = 0;

	for (__u32 i = 0; i < 16; i++) {
		__u32 lane = claim(&r);
		__u64 written = write_records(&r, lane, 0, 10);

		cr_expect(eq(u64, written + lost(&r, lane, GOIDSHIM_LOST_NO_BLOCK), 10));
		cr_expect(eq(u64, find(&r, lane).records, written));
		without += written == 0;
	}
	cr_expect(eq(u64, without, 12));
}

Test(ring, hands_a_lanes_block_to_its_next_owner)
{
	struct ring r = make(4, 2, GOIDSHIM_RING_OVERWRITE);

	for (__u32 i = 0; i < 10; i++) {
		__u32 lane = claim(&r);

		cr_assert(eq(u64, write_records(&r, lane, i, 1), 1));
		ring_lane_release(&r, lane);
	}
	cr_expect(eq(u64, r.header->block_next, 1), "short threads share a block");
	cr_expect(eq(u64, find(&r, 0).records, 10));
}

/* A file system of `size` bytes that only this test sees, or a skip. */
static int open_in_small_tmpfs(const char *size)
{
	char directory[] = "/tmp/goidshim-ring.XXXXXX", file[64], options[32];
	int fd;

	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		cr_skip("needs root, for a small file system");
	cr_assert(mkdtemp(directory) != NULL);
	snprintf(options, sizeof(options), "size=%s", size);
	cr_assert(zero(int, mount("none", directory, "tmpfs", 0, options)));
	snprintf(file, sizeof(file), "%s/ring", directory);
	fd = open(file, O_RDWR | O_CREAT | O_EXCL, 0600);
	umount2(directory, MNT_DETACH);
	rmdir(directory);
	cr_assert(fd >= 0);
	return fd;
}

Test(ring, shrinks_to_what_the_file_system_holds)
{
	const struct geometry g = { 16, 1024, BLOCK_BYTES, GOIDSHIM_RING_OVERWRITE };
	int fd = open_in_small_tmpfs("256k");
	__u64 n = 2048 * PER_BLOCK;
	struct found f;
	struct ring r;
	__u32 lane;

	cr_assert(ring_memory_make(&g, fd, &r));
	lane = claim(&r);
	cr_assert(eq(u64, write_records(&r, lane, 0, n), n));
	cr_expect(eq(u32, r.header->block_limit, r.header->blocks_reserved));
	cr_expect(r.header->block_limit >= 40 && r.header->block_limit < 64, "%u blocks",
		  r.header->block_limit);
	f = find(&r, lane);
	cr_expect(eq(u64, f.lowest, n - f.records));
	cr_expect(eq(u64, f.records + lost(&r, lane, GOIDSHIM_LOST_OVERWRITTEN), n));
}

Test(ring, survives_a_file_system_without_room_for_any_block)
{
	const struct geometry g = { 16, 64, BLOCK_BYTES, GOIDSHIM_RING_OVERWRITE };
	int fd = open_in_small_tmpfs("8k");
	struct ring r;
	__u32 lane;

	cr_assert(ring_memory_make(&g, fd, &r));
	lane = claim(&r);
	if (lane == RING_NO_LANE)
		cr_skip("the file system has no room for a lane either");
	cr_expect(eq(u64, write_records(&r, lane, 0, 10), 0));
	cr_expect(eq(u32, r.header->block_limit, 0));
	cr_expect(eq(u64, lost(&r, lane, GOIDSHIM_LOST_NO_BLOCK), 10));
}

Test(ring, refuses_a_lane_that_has_no_memory)
{
	const struct geometry g = { 64, 64, BLOCK_BYTES, GOIDSHIM_RING_OVERWRITE };
	int fd = open_in_small_tmpfs("4k");
	struct ring r;

	cr_assert(ring_memory_make(&g, fd, &r));
	cr_expect(eq(u32, claim(&r), RING_NO_LANE));
	cr_expect(eq(u64, r.header->lost[GOIDSHIM_LOST_NO_LANE], 1));
}

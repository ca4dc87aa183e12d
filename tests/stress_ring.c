/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ring under load. Producers write side by side while threads come and go
 * and a reader copies blocks by the rules of format.h: no copy that it keeps may
 * hold a torn record, and every record is there or counted. Then a producing
 * process is killed again and again, and what it leaves must be whole.
 * GOIDSHIM_TEST_LONG=1 does ten times as much. Built with -fsanitize=thread too.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/ring-memory.h"

#define PRODUCERS 8u
#define RECORDS 40000u
#define CHURNS 400u
#define KILLS 200u
#define BLOCK_BYTES 4096u
#define BLOCK_WORDS (BLOCK_BYTES / 8)

static atomic_uint failures;

#define CHECK(condition) check(condition, #condition, __LINE__)

static bool check(bool ok, const char *what, int line)
{
	if (!ok && atomic_fetch_add(&failures, 1) < 20)
		fprintf(stderr, "line %d: not so: %s\n", line, what);
	return ok;
}

static unsigned scale(void)
{
	const char *long_run = getenv("GOIDSHIM_TEST_LONG");

	return long_run && !strcmp(long_run, "1") ? 10 : 1;
}

static struct ring make(__u32 blocks, enum goidshim_ring_mode mode)
{
	struct ring r;

	if (!ring_memory_make(&(struct geometry){ 64, blocks, BLOCK_BYTES, mode }, -1, &r))
		exit(99);
	return r;
}

static __u32 self_tid(void)
{
	return (__u32)syscall(SYS_gettid);
}

static bool produce(const struct ring *r, __u32 lane, __u64 number)
{
	void *at = ring_reserve(r, lane, sizeof(struct payload));

	if (!at)
		return false;
	payload_write(at, lane, number);
	ring_commit(r, lane, sizeof(struct payload));
	return true;
}

/*
 * The reader
 */

struct copy {
	struct goidshim_block header;
	__u64 words[BLOCK_WORDS];
};

/* The protocol of format.h. False: the block was claimed meanwhile, or is being claimed. */
static bool copy_block(const struct goidshim_block *b, struct copy *ret)
{
	__u64 generation = __atomic_load_n(&b->generation, __ATOMIC_ACQUIRE);

	ret->header.committed = __atomic_load_n(&b->committed, __ATOMIC_ACQUIRE);
	ret->header.lane = __atomic_load_n(&b->lane, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < ret->header.committed / 8 && i < BLOCK_WORDS; i++)
		ret->words[i] = __atomic_load_n((const __u64 *)(b + 1) + i, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return generation % 2 == 0 &&
	       __atomic_load_n(&b->generation, __ATOMIC_RELAXED) == generation;
}

/* Every record of a kept copy is whole, of the block's lane, and follows the one before. */
static unsigned check_copy(const struct copy *c)
{
	const struct payload *p = (const struct payload *)c->words;
	unsigned n = c->header.committed / sizeof(*p);

	CHECK(c->header.committed <= BLOCK_BYTES - sizeof(c->header));
	CHECK(c->header.committed % sizeof(*p) == 0);
	for (unsigned i = 0; i < n; i++) {
		if (!CHECK(payload_is_whole(&p[i])))
			break;
		CHECK(p[i].producer == c->header.lane);
		CHECK(i == 0 || p[i].number > p[i - 1].number);
	}
	return n;
}

static struct {
	struct ring ring;
	atomic_bool done;
	unsigned long kept, dropped, records;
} reader;

static void read_all_blocks(void)
{
	static struct copy copy;

	for (__u32 i = 0; i < reader.ring.header->block_count; i++) {
		if (copy_block(ring_memory_block(&reader.ring, i), &copy)) {
			reader.records += check_copy(&copy);
			reader.kept++;
		} else {
			reader.dropped++;
		}
	}
}

static void *read_on(void *unused)
{
	while (!atomic_load(&reader.done))
		read_all_blocks();
	return NULL;
}

/*
 * The producers
 */

static atomic_ulong written, refused;

/* A lane may pass from thread to thread in mid-block: the numbers go on growing. */
static void produce_some(const struct ring *r, unsigned n)
{
	__u32 lane = ring_lane_claim(r, GOIDSHIM_LANE_SAMPLES, self_tid());
	unsigned long ok = 0;
	__u64 first;

	if (!CHECK(lane != RING_NO_LANE))
		return;
	first = ring_lane(r, lane)->owners << 32;
	for (unsigned i = 0; i < n; i++)
		ok += produce(r, lane, first + i);
	ring_lane_release(r, lane);
	atomic_fetch_add(&written, ok);
	atomic_fetch_add(&refused, n - ok);
}

static void *produce_many(void *ring)
{
	produce_some(ring, RECORDS * scale());
	return NULL;
}

static void *produce_few(void *ring)
{
	produce_some(ring, 5);
	return NULL;
}

static void *churn(void *ring)
{
	for (unsigned i = 0; i < CHURNS * scale(); i++) {
		pthread_t thread[4];

		for (int t = 0; t < 4; t++)
			if (pthread_create(&thread[t], NULL, produce_few, ring))
				exit(99);
		for (int t = 0; t < 4; t++)
			pthread_join(thread[t], NULL);
	}
	return NULL;
}

static __u64 total_lost(const struct ring *r, enum goidshim_lost reason)
{
	__u64 sum = 0;

	for (__u32 i = 0; i < r->header->lane_used; i++)
		sum += ring_lane(r, i)->lost[reason];
	return sum;
}

static __u64 total_records(const struct ring *r)
{
	__u64 sum = 0;

	for (__u32 i = 0; i < r->header->lane_used; i++)
		sum += ring_lane(r, i)->records;
	return sum;
}

/* Each lane released is free once: claiming all of them gives each once. */
static void check_free_lanes(const struct ring *r)
{
	bool seen[64] = { false };
	__u32 used = r->header->lane_used;

	for (__u32 i = 0; i < used; i++) {
		__u32 lane = ring_lane_claim(r, GOIDSHIM_LANE_SAMPLES, self_tid());

		if (CHECK(lane < used))
			CHECK(!seen[lane]);
		seen[lane % 64] = true;
	}
	CHECK(r->header->lane_used == used);
}

static void run_side_by_side(__u32 blocks, enum goidshim_ring_mode mode, const char *name)
{
	struct ring r = make(blocks, mode);
	pthread_t producer[PRODUCERS], churner, read_thread;

	reader.ring = r;
	reader.kept = reader.dropped = reader.records = 0;
	atomic_store(&reader.done, false);
	atomic_store(&written, 0);
	atomic_store(&refused, 0);
	pthread_create(&read_thread, NULL, read_on, NULL);
	for (unsigned i = 0; i < PRODUCERS; i++)
		pthread_create(&producer[i], NULL, produce_many, &r);
	pthread_create(&churner, NULL, churn, &r);
	for (unsigned i = 0; i < PRODUCERS; i++)
		pthread_join(producer[i], NULL);
	pthread_join(churner, NULL);
	atomic_store(&reader.done, true);
	pthread_join(read_thread, NULL);

	printf("%s: %lu written, %lu refused; reader kept %lu copies, dropped %lu\n", name,
	       atomic_load(&written), atomic_load(&refused), reader.kept, reader.dropped);
	CHECK(reader.records > 0);
	CHECK(total_records(&r) == atomic_load(&written));
	CHECK(total_lost(&r, GOIDSHIM_LOST_FULL) + total_lost(&r, GOIDSHIM_LOST_NO_BLOCK) ==
	      atomic_load(&refused));
	reader.records = 0;
	read_all_blocks();
	CHECK(reader.records + total_lost(&r, GOIDSHIM_LOST_OVERWRITTEN) == atomic_load(&written));
	check_free_lanes(&r);
	munmap(r.header, r.map_size);
}

/*
 * The process that is killed
 */

/* Shared with the child: how many records it has committed. */
struct progress {
	__u64 committed;
};

static void produce_until_killed(const struct ring *r, struct progress *progress)
{
	__u32 lane = ring_lane_claim(r, GOIDSHIM_LANE_SAMPLES, self_tid());

	for (__u64 n = 1;; n++) {
		produce(r, lane, n);
		__atomic_store_n(&progress->committed, n, __ATOMIC_RELEASE);
	}
}

static __u64 newest_number(const struct ring *r)
{
	__u64 newest = 0;

	for (__u32 i = 0; i < r->header->block_count; i++) {
		const struct goidshim_block *b = ring_memory_block(r, i);
		const struct payload *p = (const struct payload *)(b + 1);
		unsigned n = b->committed / sizeof(*p);

		/* Killed while claiming: what the block holds means nothing. */
		if (b->generation % 2 == 0 && n && p[n - 1].number > newest)
			newest = p[n - 1].number;
	}
	return newest;
}

static void check_remains(const struct ring *r, const struct progress *progress)
{
	__u64 before = reader.records, left;
	__u64 committed = progress->committed;

	reader.ring = *r;
	read_all_blocks();
	left = reader.records - before;
	/* Killed between the commit and our own count of it: one more. */
	CHECK(newest_number(r) - committed <= 1);
	CHECK(ring_lane(r, 0)->records - committed <= 1);
	CHECK(committed < 2 || left >= 1);
	/* A block that was being claimed is neither: its records may be lost, uncounted. */
	CHECK(left + total_lost(r, GOIDSHIM_LOST_OVERWRITTEN) + BLOCK_BYTES / 128 >= committed);
	CHECK(left + total_lost(r, GOIDSHIM_LOST_OVERWRITTEN) <= committed + 1 + BLOCK_BYTES / 128);
}

static __u64 kill_one(unsigned seed)
{
	struct timespec delay = { .tv_nsec = 1000 + rand_r(&seed) % 2000000 };
	struct ring r = make(2 + seed % 7, GOIDSHIM_RING_OVERWRITE);
	struct progress *progress = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child = fork();
	__u64 committed;

	if (child == 0)
		produce_until_killed(&r, progress);
	nanosleep(&delay, NULL);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	check_remains(&r, progress);
	committed = progress->committed;
	munmap(progress, 4096);
	munmap(r.header, r.map_size);
	return committed;
}

static void kill_again_and_again(void)
{
	__u64 committed = 0;
	unsigned idle = 0;

	for (unsigned i = 0; i < KILLS * scale(); i++) {
		__u64 n = kill_one(i * 7919);

		committed += n;
		idle += n == 0;
	}
	printf("%u processes killed (%u before their first record), %llu records\n",
	       KILLS * scale(), idle, (unsigned long long)committed);
	CHECK(committed > 0);
}

int main(void)
{
	run_side_by_side(64, GOIDSHIM_RING_OVERWRITE, "overwrite");
	run_side_by_side(4, GOIDSHIM_RING_OVERWRITE, "fewer blocks than lanes");
	run_side_by_side(1024, GOIDSHIM_RING_DROP, "drop");
	kill_again_and_again();
	printf("%u failures\n", atomic_load(&failures));
	return atomic_load(&failures) != 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* The reader on rings written by hand: order, passes, and what damage costs. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/ringfile.h"
#include "tools/ring/reader.h"
#include "tools/ring/record.h"

#define expect_text(have, want, ...) cr_expect(eq(str, (char *)(have), (char *)(want)), ##__VA_ARGS__)

TestSuite(reader, .timeout = 20);

static const struct ringfile_shape usual = { 0 };

static struct reader *open_reader(const struct ringfile *ring)
{
	struct reader *reader = NULL;
	const char *why;

	cr_assert(eq(int, reader_open(ring->path, &why, &reader), 0), "%s", why);
	return reader;
}

/* Reads one pass; the times of its records, as "1 2 3". */
static const char *pass(struct reader *reader, enum reader_order order)
{
	static char times[65536];
	struct reader_item item;
	char *to = times;
	int more;

	*to = '\0';
	cr_assert(eq(int, reader_poll(reader, order), 0));
	while ((more = reader_next(reader, &item)) > 0)
		if (item.record->type == GOIDSHIM_RECORD_SAMPLE)
			to += sprintf(to, "%s%llu", to == times ? "" : " ", item.sample->time_ns);
		else
			to += sprintf(to, "%st%llu", to == times ? "" : " ", item.thread->time_ns);
	cr_assert(eq(int, more, 0));
	return times;
}

Test(reader, yields_blocks_in_the_order_of_their_claims)
{
	struct ringfile ring;
	struct reader *reader;

	ringfile_open(&ring, &usual);
	ringfile_claim(&ring, 5, 1);
	ringfile_sample(&ring, 5, 10, 1, 0);
	ringfile_claim(&ring, 2, 0);
	ringfile_sample(&ring, 2, 5, 2, 0);
	ringfile_sample(&ring, 5, 20, 1, 0);
	reader = open_reader(&ring);
	expect_text(pass(reader, READER_BY_CLAIM), "10 20 5");
	reader_close(reader);
}

Test(reader, merges_lanes_by_time)
{
	struct ringfile ring;
	struct reader *reader;

	ringfile_open(&ring, &usual);
	for (__u32 lane = 0; lane < 3; lane++)
		ringfile_claim(&ring, lane, lane);
	for (__u64 t = 1; t <= 6; t++)
		ringfile_sample(&ring, (__u32)(t % 3), t, 1, (__u16)t);
	ringfile_claim(&ring, 7, 2);
	ringfile_thread(&ring, 7, 7, "late");
	ringfile_sample(&ring, 0, 8, 1, 0);
	reader = open_reader(&ring);
	expect_text(pass(reader, READER_BY_TIME), "1 2 3 4 5 6 t7 8");
	reader_close(reader);
}

Test(reader, merges_two_thousand_lanes)
{
	const struct ringfile_shape shape = { .lanes = 2000, .blocks = 4000 };
	struct ringfile ring;
	struct reader *reader;
	struct reader_item item;
	__u64 last = 0, count = 0;

	ringfile_open(&ring, &shape);
	for (__u32 i = 0; i < 4000; i++) {
		ringfile_claim(&ring, i, i % 2000);
		for (unsigned k = 0; k < 4; k++)
			ringfile_sample(&ring, i, 1 + i / 2000 * 1000000 + (i * 7919 + k * 104729) % 999999,
					1 + i, 0);
	}
	/* Sort each block's times: a producer's clock does not go back. */
	for (__u32 i = 0; i < 4000; i++) {
		struct goidshim_sample *s = (void *)(ringfile_block(&ring, i) + 1);

		for (unsigned a = 0; a < 4; a++)
			for (unsigned b = a + 1; b < 4; b++)
				if (s[b].time_ns < s[a].time_ns) {
					__u64 swap = s[a].time_ns;

					s[a].time_ns = s[b].time_ns;
					s[b].time_ns = swap;
				}
	}
	reader = open_reader(&ring);
	cr_assert(eq(int, reader_poll(reader, READER_BY_TIME), 0));
	while (reader_next(reader, &item) > 0) {
		cr_assert(le(u64, last, item.sample->time_ns));
		last = item.sample->time_ns;
		count++;
	}
	cr_expect(eq(u64, count, 16000));
	cr_expect(eq(u64, reader_totals(reader)->samples, 16000));
	cr_expect(eq(u64, reader_missed(reader), 0));
	cr_expect(not(reader_is_damaged(reader)));
	reader_close(reader);
}

Test(reader, reads_everything_that_the_fixture_has)
{
	struct ringfile ring;
	struct reader *reader;

	ringfile_open(&ring, &usual);
	ringfile_fill(&ring);
	reader = open_reader(&ring);
	expect_text(pass(reader, READER_BY_TIME),
		     "t1900000 2000000 2000002 2000003 2000004 2000006 3000000 3000001 3000002 "
		     "3000003 3000004 3000005 3000006");
	cr_expect(not(reader_is_damaged(reader)));
	cr_expect(eq(u64, reader_damage(reader)->unknown_records, 1));
	cr_expect(eq(u64, reader_damage(reader)->claimed_blocks, 1));
	cr_expect(eq(sz, reader_module_count(reader), 2));
	expect_text(reader_module(reader, 1)->path, "/usr/lib/libc.so.6");
	cr_expect(eq(sz, reader_message_count(reader), 1));
	expect_text(reader_message(reader, 0)->text, "recording");
	reader_close(reader);
}

Test(reader, yields_frames_with_a_sample)
{
	struct ringfile ring;
	struct reader *reader;
	struct reader_item item;

	ringfile_open(&ring, &usual);
	ringfile_claim(&ring, 0, 0);
	ringfile_sample(&ring, 0, 1, 1, 5);
	reader = open_reader(&ring);
	cr_assert(eq(int, reader_poll(reader, READER_BY_CLAIM), 0));
	cr_assert(eq(int, reader_next(reader, &item), 1));
	cr_expect(eq(u16, item.sample->stack_depth, 5));
	cr_expect(eq(u64, record_frames(item.sample)[4], 0x401004));
	reader_close(reader);
}

Test(reader, adds_up_lanes_and_losses)
{
	struct ringfile ring;
	struct reader *reader;
	const struct reader_totals *totals;

	ringfile_open(&ring, &usual);
	ringfile_fill(&ring);
	reader = open_reader(&ring);
	pass(reader, READER_BY_CLAIM);
	totals = reader_totals(reader);
	cr_expect(eq(u64, totals->samples, 14));
	cr_expect(eq(u64, totals->owners, 1));
	cr_expect(eq(u64, totals->rate_periods, 14));
	cr_expect(eq(u64, totals->rate_cpu_ns, 14000000));
	cr_expect(eq(u64, totals->lost[GOIDSHIM_LOST_OVERWRITTEN], 1));
	cr_expect(eq(u64, totals->lost[GOIDSHIM_LOST_NO_LANE], 2));
	cr_expect(eq(u64, totals->lost[GOIDSHIM_LOST_NESTED], 5));
	reader_close(reader);
}

Test(reader, understands_a_newer_writer)
{
	const struct ringfile_shape shape = { .newer_header = 128, .newer_lane = 64 };
	struct ringfile ring;
	struct reader *reader;

	ringfile_open(&ring, &shape);
	memset(ring.bytes + sizeof(struct goidshim_header), 0xaa, 128);
	ringfile_fill(&ring);
	reader = open_reader(&ring);
	pass(reader, READER_BY_CLAIM);
	cr_expect(eq(u64, reader_totals(reader)->samples, 14));
	cr_expect(not(reader_is_damaged(reader)));
	reader_close(reader);
}

Test(reader, a_second_pass_yields_what_is_new)
{
	struct ringfile ring;
	struct reader *reader;

	ringfile_open(&ring, &usual);
	ringfile_claim(&ring, 0, 0);
	ringfile_sample(&ring, 0, 1, 1, 0);
	reader = open_reader(&ring);
	expect_text(pass(reader, READER_BY_TIME), "1");
	expect_text(pass(reader, READER_BY_TIME), "");
	ringfile_sample(&ring, 0, 2, 1, 0);
	ringfile_claim(&ring, 1, 1);
	ringfile_sample(&ring, 1, 3, 1, 0);
	expect_text(pass(reader, READER_BY_TIME), "2 3");
	ringfile_message(&ring, "later");
	expect_text(pass(reader, READER_BY_CLAIM), "");
	cr_expect(eq(sz, reader_message_count(reader), 1));
	cr_expect(eq(u64, reader_missed(reader), 0));
	reader_close(reader);
}

Test(reader, counts_what_was_overwritten_between_passes)
{
	struct ringfile ring;
	struct reader *reader;

	ringfile_open(&ring, &usual);
	ringfile_claim(&ring, 0, 0);
	ringfile_sample(&ring, 0, 1, 1, 0);
	reader = open_reader(&ring);
	pass(reader, READER_BY_TIME);
	ringfile_sample(&ring, 0, 2, 1, 0);	/* in block 0, never read */
	ringfile_claim(&ring, 1, 0);
	ringfile_sample(&ring, 1, 3, 1, 0);	/* in block 1, overwritten too */
	ringfile_claim(&ring, 0, 0);
	ringfile_claim(&ring, 1, 0);
	ringfile_sample(&ring, 1, 4, 1, 0);
	expect_text(pass(reader, READER_BY_TIME), "4");
	cr_expect(eq(u64, reader_missed(reader), 2));
	reader_close(reader);
}

Test(reader, drops_a_block_that_is_claimed_while_it_is_read)
{
	struct ringfile ring;
	struct reader *reader;
	struct reader_item item;

	ringfile_open(&ring, &usual);
	for (__u32 i = 0; i < 2; i++) {
		ringfile_claim(&ring, i, i);
		ringfile_sample(&ring, i, i + 1, 1, 0);
	}
	reader = open_reader(&ring);
	cr_assert(eq(int, reader_poll(reader, READER_BY_CLAIM), 0));
	ringfile_claim(&ring, 0, 1);
	ringfile_sample(&ring, 0, 77, 1, 0);
	cr_assert(eq(int, reader_next(reader, &item), 1));
	cr_expect(eq(u64, item.sample->time_ns, 2));
	cr_expect(eq(int, reader_next(reader, &item), 0));
	cr_expect(eq(u64, reader_damage(reader)->claimed_blocks, 1));
	expect_text(pass(reader, READER_BY_CLAIM), "77");
	reader_close(reader);
}

Test(reader, an_impossible_size_costs_the_rest_of_the_block)
{
	struct ringfile ring;
	struct reader *reader;

	ringfile_open(&ring, &usual);
	ringfile_claim(&ring, 0, 0);
	ringfile_sample(&ring, 0, 1, 1, 0);
	ringfile_sample(&ring, 0, 2, 1, 0)->record.size = 0xfffffff8;
	ringfile_sample(&ring, 0, 3, 1, 0);
	ringfile_claim(&ring, 1, 1);
	ringfile_sample(&ring, 1, 4, 1, 0);
	reader = open_reader(&ring);
	expect_text(pass(reader, READER_BY_TIME), "1 4");
	cr_expect(eq(u64, reader_damage(reader)->times[READER_RECORD_SIZE], 1));
	cr_expect(eq(u64, reader_damage(reader)->bytes[READER_RECORD_SIZE],
		     2 * sizeof(struct goidshim_sample)));
	reader_close(reader);
}

/* Changes that make a sample impossible without touching its size. */
static void too_deep(struct goidshim_sample *s)
{
	s->stack_depth = 1;
}

static void labels_too_long(struct goidshim_sample *s)
{
	s->labels_size = 0xffffffff;
}

static void no_period(struct goidshim_sample *s)
{
	s->periods = 0;
}

static void goid_of_nobody(struct goidshim_sample *s)
{
	s->class_ = GOIDSHIM_CLASS_SCHED;
}

static void nobody_with_goid(struct goidshim_sample *s)
{
	s->goid = 0;
}

static void impossible_object(struct goidshim_sample *s)
{
	s->object = GOIDSHIM_MAX_OBJECTS;
}

Test(reader, impossible_contents_cost_one_record)
{
	static void (*const spoil[])(struct goidshim_sample *) = {
		too_deep,	labels_too_long,  no_period,
		goid_of_nobody, nobody_with_goid, impossible_object,
	};

	for (unsigned i = 0; i < sizeof(spoil) / sizeof(spoil[0]); i++) {
		struct ringfile ring;
		struct reader *reader;

		ringfile_open(&ring, &usual);
		ringfile_claim(&ring, 0, 0);
		ringfile_sample(&ring, 0, 1, 1, 0);
		spoil[i](ringfile_sample(&ring, 0, 2, 1, 0));
		ringfile_sample(&ring, 0, 3, 1, 0);
		reader = open_reader(&ring);
		expect_text(pass(reader, READER_BY_TIME), "1 3", "row %u", i);
		cr_expect(eq(u64, reader_damage(reader)->times[READER_RECORD_FIELDS], 1), "row %u", i);
		reader_close(reader);
		ringfile_close(&ring);
	}
}

Test(reader, an_impossible_block_costs_that_block)
{
	struct ringfile ring;
	struct reader *reader;

	ringfile_open(&ring, &usual);
	for (__u32 i = 0; i < 4; i++) {
		ringfile_claim(&ring, i, i);
		ringfile_sample(&ring, i, i + 1, 1, 0);
	}
	ringfile_block(&ring, 0)->committed = 1024;
	ringfile_block(&ring, 1)->lane = 4;
	ringfile_block(&ring, 2)->state = 99;
	reader = open_reader(&ring);
	expect_text(pass(reader, READER_BY_TIME), "4");
	cr_expect(eq(u64, reader_damage(reader)->times[READER_BLOCK_HEADER], 3));
	reader_close(reader);
}

Test(reader, a_truncated_file_gives_what_is_left)
{
	struct ringfile ring;
	struct reader *reader;

	ringfile_open(&ring, &usual);
	for (__u32 i = 0; i < 8; i++) {
		ringfile_claim(&ring, i, i % 4);
		ringfile_sample(&ring, i, i + 1, 1, 0);
		ringfile_sample(&ring, i, i + 1, 1, 0);
	}
	cr_assert(eq(int, ftruncate(ring.fd, (off_t)(ringfile_header(&ring)->blocks_offset + 1024 +
						     sizeof(struct goidshim_block) +
						     sizeof(struct goidshim_sample) + 8)), 0));
	reader = open_reader(&ring);
	expect_text(pass(reader, READER_BY_TIME), "1 1 2");
	cr_expect(eq(u64, reader_damage(reader)->times[READER_BLOCKS_MISSING], 6));
	cr_expect(eq(u64, reader_damage(reader)->times[READER_BLOCK_CUT], 1));
	reader_close(reader);
}

Test(reader, survives_truncation_during_a_pass)
{
	struct ringfile ring;
	struct reader *reader;
	struct reader_item item;
	int more;

	ringfile_open(&ring, &usual);
	for (__u32 i = 0; i < 4; i++) {
		ringfile_claim(&ring, i, i);
		ringfile_sample(&ring, i, i + 1, 1, 0);
	}
	reader = open_reader(&ring);
	cr_assert(eq(int, reader_poll(reader, READER_BY_CLAIM), 0));
	cr_assert(eq(int, reader_next(reader, &item), 1));
	cr_assert(eq(int, ftruncate(ring.fd, 0), 0));
	while ((more = reader_next(reader, &item)) > 0)
		cr_expect(item.sample->time_ns <= 4);
	cr_expect(eq(int, more, 0));
	cr_expect(eq(int, reader_poll(reader, READER_BY_CLAIM), -EBADMSG));
	reader_close(reader);
}

/* The start times of the waits that have not ended, as "1 2 3". */
static const char *waits(struct reader *reader)
{
	static char times[256];
	const struct goidshim_wait *wait;
	char *to = times;
	__u32 slot = 0;

	*to = '\0';
	cr_assert(eq(int, reader_poll(reader, READER_BY_CLAIM), 0));
	while (reader_next_inside(reader, &slot, &wait) > 0)
		to += sprintf(to, "%s%llu", to == times ? "" : " ", wait->start_ns);
	return times;
}

static const struct ringfile_shape waiting = {
	.inside_size = sizeof(struct goidshim_inside) + 4 * sizeof(__u64),
};

Test(reader, yields_the_waits_that_have_not_ended)
{
	struct goidshim_inside *slot;
	struct ringfile ring;
	struct reader *reader;

	ringfile_open(&ring, &waiting);
	slot = ringfile_inside(&ring, 0, 10, 7, 4);
	ringfile_inside(&ring, 2, 30, 0, 0);
	reader = open_reader(&ring);
	expect_text(waits(reader), "10 30");
	slot->state = 0;
	expect_text(waits(reader), "30");
	slot->state = 1;
	slot->generation++;
	expect_text(waits(reader), "30", "is being written");
	slot->generation++;
	ringfile_lane(&ring, 0)->owner_tid++;
	expect_text(waits(reader), "30", "its thread has ended");
	ringfile_lane(&ring, 0)->owner_tid--;
	ringfile_header(&ring)->lane_used = 1;
	expect_text(waits(reader), "10", "lanes that nobody has had");
	reader_close(reader);
	ringfile_close(&ring);
}

Test(reader, yields_no_wait_that_makes_no_sense)
{
	struct goidshim_inside *slot, good;
	struct ringfile ring;
	struct reader *reader;

	ringfile_open(&ring, &waiting);
	slot = ringfile_inside(&ring, 0, 10, 7, 4);
	good = *slot;
	reader = open_reader(&ring);
	slot->wait.sample.stack_depth++;
	expect_text(waits(reader), "", "a stack beyond the record");
	*slot = good;
	slot->wait.sample.record.size += 8;
	expect_text(waits(reader), "", "a record beyond the slot");
	*slot = good;
	slot->wait.sample.record.type = GOIDSHIM_RECORD_SAMPLE;
	expect_text(waits(reader), "", "no wait at all");
	*slot = good;
	slot->wait.sample.goid = 0;
	expect_text(waits(reader), "", "a goroutine without a number");
	*slot = good;
	expect_text(waits(reader), "10");
	reader_close(reader);
	ringfile_close(&ring);
}

Test(reader, has_no_waits_where_there_are_no_slots)
{
	struct ringfile ring;
	struct reader *reader;

	ringfile_open(&ring, &usual);
	reader = open_reader(&ring);
	expect_text(waits(reader), "");
	reader_close(reader);
	ringfile_close(&ring);
}

/* Headers that must be refused, each with words that say so. */
static void no_magic(struct goidshim_header *h)
{
	h->magic++;
}

static void other_version(struct goidshim_header *h)
{
	h->abi_version++;
}

static void small_header(struct goidshim_header *h)
{
	h->header_size = 64;
}

static void lanes_overlap_header(struct goidshim_header *h)
{
	h->lanes_offset -= 8;
}

static void lanes_overflow(struct goidshim_header *h)
{
	h->lanes_offset = -8ull;
}

static void blocks_beyond_the_file(struct goidshim_header *h)
{
	h->block_count++;
}

static void too_many_objects(struct goidshim_header *h)
{
	h->object_count = GOIDSHIM_MAX_OBJECTS + 1;
}

static void misaligned_block_size(struct goidshim_header *h)
{
	h->block_size--;
}

static void small_inside_slots(struct goidshim_header *h)
{
	h->inside_offset = h->file_size;
	h->inside_size = sizeof(struct goidshim_inside) - 8;
}

static void inside_slots_beyond_the_file(struct goidshim_header *h)
{
	h->inside_offset = h->file_size;
	h->inside_size = sizeof(struct goidshim_inside);
}

Test(reader, refuses_an_impossible_header_in_words)
{
	static const struct {
		void (*spoil)(struct goidshim_header *);
		const char *words;
	} rows[] = {
		{ no_magic, "is not a goidshim ring" },
		{ other_version, "another format version" },
		{ small_header, "header is too small" },
		{ lanes_overlap_header, "overlap" },
		{ lanes_overflow, "overlap" },
		{ blocks_beyond_the_file, "overlap" },
		{ too_many_objects, "too many Go runtimes" },
		{ misaligned_block_size, "blocks make no sense" },
		{ small_inside_slots, "inside slots make no sense" },
		{ inside_slots_beyond_the_file, "overlap" },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ringfile ring;
		struct reader *reader;
		const char *why;

		ringfile_open(&ring, &usual);
		rows[i].spoil(ringfile_header(&ring));
		cr_expect(eq(int, reader_open(ring.path, &why, &reader), -EBADMSG), "row %u", i);
		cr_expect(strstr(why, rows[i].words) != NULL, "row %u: %s", i, why);
		ringfile_close(&ring);
	}
}

Test(reader, opens_nothing_but_regular_files)
{
	struct reader *reader;
	const char *why;

	cr_expect(eq(int, reader_open("/dev/zero", &why, &reader), -EINVAL));
	cr_expect(eq(int, reader_open("/dev/shm/none/such", &why, &reader), -ENOENT));
	cr_expect(eq(int, reader_open("/dev/null", &why, &reader), -EINVAL));
}

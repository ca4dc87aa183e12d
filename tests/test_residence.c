/* SPDX-License-Identifier: BSD-2-Clause */
/* Who is inside C, and since when, from records made by hand. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "tools/profile/residence.h"

TestSuite(residence, .timeout = 20);

enum { TID = 50, SP = 0x7f0000001000 };

static struct goidshim_wait record_of(__u16 type, __u64 time_ns, __u8 class_, __u64 goid,
				      __u64 cgo_call)
{
	return (struct goidshim_wait){
		.sample = {
			.record = { .size = sizeof(struct goidshim_wait), .type = type },
			.time_ns = time_ns,
			.class_ = class_,
			.goid = goid,
			.cgo_call = cgo_call,
			.tid = TID,
			.sp = SP,
		},
		.start_ns = time_ns,
	};
}

static void sample(struct residences *all, __u64 time_ns, __u8 class_, __u64 goid, __u64 cgo_call)
{
	struct goidshim_wait r = record_of(GOIDSHIM_RECORD_SAMPLE, time_ns, class_, goid, cgo_call);

	r.sample.sp = SP - 64;
	cr_assert(eq(int, residences_add(all, &r.sample), 0));
}

static void wait_since(struct residences *all, __u64 start_ns, __u64 goid, __u64 cgo_call)
{
	struct goidshim_wait w =
		record_of(GOIDSHIM_RECORD_BLOCK, start_ns, GOIDSHIM_CLASS_C, goid, cgo_call);

	cr_assert(eq(int, residences_add_wait(all, &w), 0));
}

static void settle(struct residences *all, __u64 now)
{
	residences_settle(all, now, 100, 0, false);
}

Test(residence, is_since_the_first_record_of_the_call)
{
	struct residences all = { 0 };

	sample(&all, 1000, GOIDSHIM_CLASS_C, 7, 4);
	sample(&all, 2000, GOIDSHIM_CLASS_C, 7, 5);
	sample(&all, 3000, GOIDSHIM_CLASS_C, 7, 5);
	settle(&all, 3050);
	cr_assert(eq(sz, all.count, 1));
	cr_expect(eq(u64, all.threads[0].goid, 7));
	cr_expect(eq(u64, all.threads[0].since_ns, 2000));
	cr_expect(eq(u64, residence_ns(&all.threads[0], 3050), 1000), "as far as it was seen");
	cr_expect(not(all.threads[0].is_waiting));
	residences_free(&all);
}

Test(residence, goes_on_through_a_callback_into_go)
{
	struct residences all = { 0 };

	sample(&all, 1000, GOIDSHIM_CLASS_C, 7, 4);
	sample(&all, 2000, GOIDSHIM_CLASS_GO, 7, 0);
	sample(&all, 2500, GOIDSHIM_CLASS_SIGNAL, 0, 0);
	sample(&all, 3000, GOIDSHIM_CLASS_C, 7, 4);
	settle(&all, 3001);
	cr_assert(eq(sz, all.count, 1));
	cr_expect(eq(u64, all.threads[0].since_ns, 1000));
	residences_free(&all);
}

Test(residence, ends_where_the_thread_was_seen_elsewhere)
{
	static const __u8 elsewhere[] = { GOIDSHIM_CLASS_GO, GOIDSHIM_CLASS_RUNTIME,
					  GOIDSHIM_CLASS_SCHED, GOIDSHIM_CLASS_IDLE,
					  GOIDSHIM_CLASS_EXTRA_M };

	for (unsigned i = 0; i < sizeof(elsewhere); i++) {
		struct residences all = { 0 };

		sample(&all, 1000, GOIDSHIM_CLASS_C, 7, 4);
		sample(&all, 2000, elsewhere[i], goidshim_class_has_goid(elsewhere[i]) ? 7 : 0, 0);
		settle(&all, 2001);
		cr_expect(eq(sz, all.count, 0), "class %u", elsewhere[i]);
		residences_free(&all);
	}
}

Test(residence, of_an_unknown_call_is_since_the_last_record)
{
	struct residences all = { 0 };

	sample(&all, 1000, GOIDSHIM_CLASS_C, 7, 0);
	sample(&all, 2000, GOIDSHIM_CLASS_C, 7, 0);
	settle(&all, 2001);
	cr_assert(eq(sz, all.count, 1));
	cr_expect(eq(u64, all.threads[0].since_ns, 2000));
	residences_free(&all);
}

Test(residence, of_another_goroutine_with_the_same_number_is_another)
{
	struct residences all = { 0 };

	sample(&all, 1000, GOIDSHIM_CLASS_C, 7, 4);
	sample(&all, 2000, GOIDSHIM_CLASS_C, 8, 4);
	settle(&all, 2001);
	cr_assert(eq(sz, all.count, 1));
	cr_expect(eq(u64, all.threads[0].goid, 8));
	cr_expect(eq(u64, all.threads[0].since_ns, 2000));
	residences_free(&all);
}

Test(residence, by_samples_is_believed_while_they_are_recent)
{
	struct residences all = { 0 };

	sample(&all, 1000, GOIDSHIM_CLASS_C, 7, 4);
	sample(&all, 2000, GOIDSHIM_CLASS_C, 7, 4);
	settle(&all, 2101);
	cr_expect(eq(sz, all.count, 0));
	residences_free(&all);
}

Test(residence, in_a_wait_lasts_until_now)
{
	struct residences all = { 0 };

	sample(&all, 1000, GOIDSHIM_CLASS_C, 7, 4);
	wait_since(&all, 2000, 7, 4);
	settle(&all, 900000);
	cr_assert(eq(sz, all.count, 1));
	cr_expect(eq(u64, all.threads[0].since_ns, 1000), "the call, not the wait");
	cr_expect(eq(u64, residence_ns(&all.threads[0], 900000), 899000));
	cr_expect(all.threads[0].is_waiting);
	cr_expect(eq(u64, ((struct goidshim_wait *)all.threads[0].record)->start_ns, 2000));
	residences_free(&all);
}

/* Samples in the kernel, inside the wait, do not contradict it. */
Test(residence, in_a_wait_may_be_sampled)
{
	struct residences all = { 0 };

	sample(&all, 3000, GOIDSHIM_CLASS_C, 7, 4);
	wait_since(&all, 2000, 7, 4);
	settle(&all, 900000);
	cr_assert(eq(sz, all.count, 1));
	cr_expect(eq(u64, all.threads[0].since_ns, 2000));
	residences_free(&all);
}

Test(residence, passes_over_a_wait_that_its_thread_has_left)
{
	static const struct {
		__u16 type;
		__u8 class_;
		__u64 goid;
		__u64 cgo_call;
		__u64 sp;
		const char *why;
	} rows[] = {
		{ GOIDSHIM_RECORD_SAMPLE, GOIDSHIM_CLASS_GO, 7, 0, SP, "back in Go" },
		{ GOIDSHIM_RECORD_SAMPLE, GOIDSHIM_CLASS_C, 8, 4, SP - 64, "another goroutine" },
		{ GOIDSHIM_RECORD_SAMPLE, GOIDSHIM_CLASS_C, 7, 5, SP - 64, "another call" },
		{ GOIDSHIM_RECORD_SAMPLE, GOIDSHIM_CLASS_C, 7, 4, SP + 64, "up the stack" },
		{ GOIDSHIM_RECORD_BLOCK, GOIDSHIM_CLASS_C, 7, 4, SP, "its own record" },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct residences all = { 0 };
		struct goidshim_wait r = record_of(rows[i].type, 3000, rows[i].class_, rows[i].goid,
						   rows[i].cgo_call);

		r.sample.sp = rows[i].sp;
		cr_assert(eq(int, residences_add(&all, &r.sample), 0));
		wait_since(&all, 2000, 7, 4);
		settle(&all, 900000);
		cr_expect(eq(sz, all.count, 0), "%s", rows[i].why);
		residences_free(&all);
	}
}

Test(residence, begins_with_a_wait_that_is_in_a_record)
{
	struct residences all = { 0 };
	struct goidshim_wait r = record_of(GOIDSHIM_RECORD_BLOCK, 3000, GOIDSHIM_CLASS_C, 7, 4);

	r.start_ns = 1000;
	cr_assert(eq(int, residences_add(&all, &r.sample), 0));
	settle(&all, 3001);
	cr_assert(eq(sz, all.count, 1));
	cr_expect(eq(u64, all.threads[0].since_ns, 1000));
	residences_free(&all);
}

Test(residence, is_of_goroutines_only)
{
	struct residences all = { 0 };
	struct goidshim_wait w =
		record_of(GOIDSHIM_RECORD_BLOCK, 1000, GOIDSHIM_CLASS_C_THREAD, 0, 0);

	cr_assert(eq(int, residences_add_wait(&all, &w), 0));
	settle(&all, 900000);
	cr_expect(eq(sz, all.count, 0));
	residences_free(&all);
}

Test(residence, is_sorted_and_cut_by_length)
{
	struct residences all = { 0 };

	for (__u32 i = 0; i < 1000; i++) {
		struct goidshim_wait w = record_of(GOIDSHIM_RECORD_BLOCK, 1000 + i * 379 % 1000,
						   GOIDSHIM_CLASS_C, 1 + i, 4);

		w.sample.tid = i;
		cr_assert(eq(int, residences_add_wait(&all, &w), 0));
	}
	residences_settle(&all, 2000, 100, 501, false);
	cr_assert(eq(sz, all.count, 500));
	for (size_t i = 0; i < all.count; i++)
		cr_expect(eq(u64, residence_ns(&all.threads[i], 2000), 1000 - i));
	residences_free(&all);
}

Test(residence, of_a_program_that_has_ended_has_no_known_length)
{
	struct residences all = { 0 };

	wait_since(&all, 2000, 7, 4);
	cr_expect(eq(u64, all.last_ns, 2000));
	residences_settle(&all, all.last_ns, 100, 1000000000, true);
	cr_expect(eq(sz, all.count, 1));
	residences_free(&all);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who holds a lock: what threads note of themselves, and what others find. The
 * goroutine is a fake; the calls that let faults in have nothing to let in.
 */
#include "shim/holder.sig.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>
#include <sched.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "probe/fsbase.sig.h"
#include "shim/call.sig.h"
#include "tests/fixtures/fakeg.h"

#define LOCK 0x7f0012345678ull

struct sampler sampler;
static struct goidshim_header header;
static __u64 *goid_of_fake, *start_of_fake;

bool call_is_recording(void)
{
	return true;
}

void call_let_faults_in(struct call_faults *ret_before)
{
}

void call_put_faults_back(const struct call_faults *before)
{
}

/* With three loads where `is_extra` is false, by goid_read() each time otherwise. */
static void begin(__u64 goid, bool is_extra)
{
	struct goidshim_golayout *l = &sampler.layouts[0];
	__u64 g0, m, curg;

	if (!(getauxval(AT_HWCAP2) & FSBASE_HWCAP2))
		cr_skip("the kernel does not let programs execute RDFSBASE");
	g0 = fakeg_make(goid, &header);
	*l = header.objects[0].layout;
	m = *(__u64 *)(g0 + l->g_m);
	curg = *(__u64 *)(m + l->m_curg);
	l->m_isextra = 281;
	*(__u8 *)(m + l->m_isextra) = is_extra;
	goid_of_fake = (__u64 *)(curg + l->g_goid);
	start_of_fake = (__u64 *)(curg + l->g_startpc);
	sampler.object_count = 1;
	sampler.fsbase_method = GOIDSHIM_FSBASE_ARCH_PRCTL;
}

static void expect(__u32 tid, __u64 lock, __u64 goid, enum goidshim_class class_,
		   enum goidshim_reason reason)
{
	struct inside_wait wait = { 0 };

	cr_expect(eq(int, holder_find(tid, lock, &wait), class_ != GOIDSHIM_CLASS_NONE));
	cr_expect(eq(u32, wait.holder_tid, tid));
	cr_expect(eq(u64, wait.holder_goid, goid));
	cr_expect(eq(u8, wait.holder_class, class_));
	cr_expect(eq(u8, wait.holder_reason, reason));
	cr_expect(eq(u64, wait.holder_start_pc, goid && *goid_of_fake == goid ? *start_of_fake : 0));
	cr_expect(eq(u8, wait.holder_object, class_ ? 0 : 0xff));
}

TestSuite(holder, .timeout = 30);

Test(holder, is_the_goroutine_that_took_the_lock)
{
	__u32 tid = (__u32)gettid();

	for (int is_extra = 0; is_extra < 2; is_extra++) {
		begin(7, is_extra);
		*start_of_fake = 0x401000;
		holder_note(LOCK, 0);
		expect(tid, LOCK, 7, GOIDSHIM_CLASS_C, GOIDSHIM_REASON_OK);
		*goid_of_fake = 8;	/* the thread serves another one now */
		expect(tid, LOCK, 7, GOIDSHIM_CLASS_C, GOIDSHIM_REASON_OK);
		holder_note(LOCK, tid);	/* which tries to lock what the thread has */
		expect(tid, LOCK, 7, GOIDSHIM_CLASS_C, GOIDSHIM_REASON_OK);
		holder_note(LOCK, 0);	/* and takes it, now that it is free */
		expect(tid, LOCK, 8, GOIDSHIM_CLASS_C, GOIDSHIM_REASON_OK);
	}
}

Test(holder, is_unknown_where_nothing_was_noted)
{
	begin(7, false);
	expect(0, LOCK, 0, GOIDSHIM_CLASS_NONE, GOIDSHIM_REASON_NO_OWNER);
	expect((__u32)gettid(), LOCK, 0, GOIDSHIM_CLASS_NONE, GOIDSHIM_REASON_NOT_SEEN);
	holder_note(LOCK, 0);
	expect((__u32)gettid(), LOCK + 40, 0, GOIDSHIM_CLASS_NONE, GOIDSHIM_REASON_NOT_SEEN);
	expect(1, LOCK, 0, GOIDSHIM_CLASS_NONE, GOIDSHIM_REASON_NOT_SEEN);
}

/* Three others at most fit beside a lock for certain; of many, the last ones are known. */
Test(holder, is_forgotten_when_many_locks_were_taken_since)
{
	const __u64 many = 10000;
	__u32 tid = (__u32)getpid();
	__u64 known = 0;

	begin(7, false);
	for (__u64 i = 0; i < many; i++) {
		*goid_of_fake = 1 + i;
		holder_note(LOCK + 40 * i, 0);
		if (i == 3)
			expect(tid, LOCK, 1, GOIDSHIM_CLASS_C, GOIDSHIM_REASON_OK);
	}
	for (__u64 i = 0; i < many; i++) {
		struct inside_wait wait = { 0 };

		if (holder_find(tid, LOCK + 40 * i, &wait))
			cr_expect(eq(u64, wait.holder_goid, 1 + i), "lock %llu", i);
		known += wait.holder_goid != 0;
	}
	cr_expect(eq(u64, known, (1 << HOLDER_SET_BITS) * HOLDER_WAYS));
	expect(tid, LOCK, 0, GOIDSHIM_CLASS_NONE, GOIDSHIM_REASON_NOT_SEEN);
	expect(tid, LOCK + 40 * (many - 1), many, GOIDSHIM_CLASS_C, GOIDSHIM_REASON_OK);
}

/* A thread of its own: TLS g is 0 there. */
static void *c_thread(void *context)
{
	__u32 tid = (__u32)gettid();

	holder_note(LOCK, 0);
	expect(tid, LOCK, 0, GOIDSHIM_CLASS_C_THREAD, GOIDSHIM_REASON_G_ZERO);
	holder_note(LOCK, 0);
	expect(tid, LOCK, 0, GOIDSHIM_CLASS_C_THREAD, GOIDSHIM_REASON_G_ZERO);
	holder_leave_thread();
	expect(tid, LOCK, 0, GOIDSHIM_CLASS_NONE, GOIDSHIM_REASON_NOT_SEEN);
	holder_note(LOCK, 0);	/* from a destructor */
	expect(tid, LOCK, 0, GOIDSHIM_CLASS_NONE, GOIDSHIM_REASON_NOT_SEEN);
	return NULL;
}

Test(holder, may_be_a_c_thread_and_is_nobody_when_it_has_ended)
{
	pthread_t id;

	begin(7, false);
	cr_assert(eq(int, pthread_create(&id, NULL, c_thread, NULL), 0));
	pthread_join(id, NULL);
}

/* Locks of one set, so that each takes another's place. */
static __u64 rivals[5];
static __u32 writer_tid;
static unsigned long found;
static bool is_over;

static void find_rivals(void)
{
	__u64 lock = LOCK;

	for (unsigned i = 0; i < 5; lock += 40)
		if (holder_set(lock) == holder_set(LOCK))
			rivals[i++] = lock;
}

/* Until the reader has found something that stands still: it must get to reading at all. */
static void let_read(void)
{
	unsigned long before = __atomic_load_n(&found, __ATOMIC_RELAXED);

	while (__atomic_load_n(&found, __ATOMIC_RELAXED) == before)
		sched_yield();
}

/* Rival number i is only ever taken for goroutines 1 + i, 6 + i, 11 + i, ... */
static void *note_on_and_on(void *context)
{
	begin(1, false);
	__atomic_store_n(&writer_tid, (__u32)gettid(), __ATOMIC_RELEASE);
	for (__u64 turn = 0; turn < 4000000; turn++) {
		*goid_of_fake = 1 + turn;
		holder_note(rivals[turn % 5], 0);
		if (turn % 100000 == 99999)
			let_read();
	}
	__atomic_store_n(&is_over, true, __ATOMIC_RELEASE);
	return NULL;
}

Test(holder, is_never_another_locks)
{
	pthread_t id;

	begin(1, false);
	find_rivals();
	cr_assert(eq(int, pthread_create(&id, NULL, note_on_and_on, NULL), 0));
	while (!__atomic_load_n(&writer_tid, __ATOMIC_ACQUIRE))
		;
	for (__u64 i = 0; !__atomic_load_n(&is_over, __ATOMIC_ACQUIRE); i++) {
		struct inside_wait wait = { 0 };

		if (!holder_find(writer_tid, rivals[i % 5], &wait))
			continue;
		__atomic_fetch_add(&found, 1, __ATOMIC_RELAXED);
		cr_assert(eq(u64, (wait.holder_goid - 1) % 5, i % 5));
	}
	pthread_join(id, NULL);
}

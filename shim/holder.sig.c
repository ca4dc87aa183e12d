/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/holder.sig.h"

#include "probe/fsbase.sig.h"
#include "probe/goid.sig.h"
#include "probe/peek.sig.h"
#include "probe/segment.sig.h"
#include "probe/sys.sig.h"
#include "shim/call.sig.h"

#define HOLDERS 4096u
#define WINDOW 16u		/* places where a thread's table may be */
#define BEING_MADE 0x80000000u	/* with the thread id: not to be read yet */

#define load(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)

/* Untouched pages of it are no memory. */
static struct holder holders[HOLDERS];

/* Of threads that have no table: no owner of a lock, and no g, is like these. */
#define NO_THREAD { .table = &no_table, .tid = ~0u, .self.g = GOSELF_UNKNOWN }

static struct holder no_table;
__thread struct holder_thread holder_self = NO_THREAD;

static __thread bool is_leaving;

static struct holder *place(__u32 tid, unsigned i)
{
	return &holders[(tid + i) % HOLDERS];
}

static struct holder *find_table(__u32 tid)
{
	for (unsigned i = 0; i < WINDOW; i++)
		if (load(&place(tid, i)->tid) == tid)
			return place(tid, i);
	return 0;
}

static bool take_table(struct holder *h, __u32 was, __u32 tid)
{
	if (!__atomic_compare_exchange_n(&h->tid, &was, tid | BEING_MADE, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_RELAXED))
		return false;
	h->proved_g = 0;
	for (unsigned i = 0; i < sizeof(h->notes) / sizeof(h->notes[0][0]); i++)
		__atomic_store_n(&(&h->notes[0][0])[i].lock, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&h->tid, tid, __ATOMIC_RELEASE);
	return true;
}

/* A table in our name is that of a thread that ended unseen, whose id is ours now. */
static struct holder *claim_table(void)
{
	__u32 tid = (__u32)sys_call2(__NR_gettid, 0, 0);
	struct holder *h = find_table(tid);

	if (h)
		return take_table(h, tid, tid) ? h : 0;
	for (unsigned i = 0; i < WINDOW; i++)
		if (take_table(place(tid, i), 0, tid))
			return place(tid, i);
	return 0;
}

static struct holder *own_table(void)
{
	struct holder *h;

	if (holder_self.table != &no_table)
		return holder_self.table;
	if (is_leaving)
		return 0;
	h = claim_table();
	if (h) {
		holder_self.table = h;
		holder_self.tid = h->tid;
	}
	return h;
}

/* In place of what there is about this lock, or of the oldest in its set. */
static void write_note(struct holder *h, __u64 lock, const struct holder_note *now)
{
	struct holder_note *n = holder_look(h, lock);
	unsigned set = holder_set(lock);

	if (!n)
		n = &h->notes[set][h->oldest[set]++ % HOLDER_WAYS];
	__atomic_store_n(&n->generation, n->generation | 1, __ATOMIC_RELAXED);
	__atomic_store_n(&n->curg, now->curg, __ATOMIC_RELEASE);
	__atomic_store_n(&n->goid, now->goid, __ATOMIC_RELEASE);
	__atomic_store_n(&n->class_, now->class_, __ATOMIC_RELEASE);
	__atomic_store_n(&n->reason, now->reason, __ATOMIC_RELEASE);
	__atomic_store_n(&n->object, now->object, __ATOMIC_RELEASE);
	__atomic_store_n(&n->lock, lock, __ATOMIC_RELEASE);
	__atomic_store_n(&n->generation, (n->generation | 1) + 1, __ATOMIC_RELEASE);
}

/*
 * For whom the calling thread works. The kernel kills when a peek's fault finds its
 * signal blocked, so faults are let in, by a system call; but not for a g that has
 * been read before.
 */
static bool read_self(struct holder *h, struct goid_reading *ret)
{
	__u32 count = load(&sampler.object_count);
	__u64 fs_base, sp = (__u64)__builtin_frame_address(0);
	struct call_faults before;
	bool is_proved;

	if (fsbase_read(sampler.fsbase_method, &fs_base) < 0)
		return false;
	is_proved = count == 1 &&
		    segment_fs_load_u64(sampler.layouts[0].tls_offset) == h->proved_g;
	if (!is_proved)
		call_let_faults_in(&before);
	goid_read(sampler.layouts, count, fs_base, 0, sp, ret);
	if (!is_proved)
		call_put_faults_back(&before);
	h->proved_g = ret->g;
	return true;
}

void holder_note_slowly(__u64 lock)
{
	struct holder *h = call_is_recording() ? own_table() : 0;
	struct goid_reading who;

	if (!h || !read_self(h, &who))
		return;
	if (load(&sampler.object_count) == 1)
		goself_learn(&holder_self.self, &sampler.layouts[0], &who);
	write_note(h, lock,
		   &(struct holder_note){ .curg = who.goid ? who.curg : 0,
					  .goid = who.goid,
					  .class_ = who.class_,
					  .reason = who.reason,
					  .object = who.object });
}

void holder_note_anew(__u64 lock, __u64 curg, __u64 goid)
{
	write_note(holder_self.table, lock,
		   &(struct holder_note){
			   .curg = curg,
			   .goid = goid,
			   .class_ = goid ? GOIDSHIM_CLASS_C : GOIDSHIM_CLASS_C_THREAD,
			   .reason = goid ? GOIDSHIM_REASON_OK : GOIDSHIM_REASON_G_ZERO,
		   });
}

/*
 * Entry of the goroutine's first function, if its g is still its. 0: unknown. Go
 * keeps a g's memory for ever: these peeks do not fault.
 */
static __u64 start_of(const struct holder_note *n)
{
	const struct goidshim_golayout *l = &sampler.layouts[n->object];
	__u64 goid, start_pc;

	if (l->g_startpc == GOIDSHIM_NO_OFFSET || !peek_u64(n->curg + l->g_startpc, &start_pc) ||
	    !peek_u64(n->curg + l->g_goid, &goid) || goid != n->goid)
		return 0;
	return start_pc;
}

/* The lock alone would not do: its note may have been another's meanwhile, and be its again. */
static bool copy_note(struct holder *h, __u64 lock, struct holder_note *ret)
{
	struct holder_note *n = holder_look(h, lock);
	__u32 generation;

	if (!n)
		return false;
	generation = load(&n->generation);
	*ret = (struct holder_note){
		.curg = load(&n->curg),
		.goid = load(&n->goid),
		.class_ = load(&n->class_),
		.reason = load(&n->reason),
		.object = load(&n->object),
	};
	return load(&n->lock) == lock && generation % 2 == 0 &&
	       load(&n->generation) == generation;
}

bool holder_find(__u32 tid, __u64 lock, struct inside_wait *wait)
{
	struct holder *h = tid ? find_table(tid) : 0;
	struct holder_note n;
	bool is_known = h && copy_note(h, lock, &n) && load(&h->tid) == tid &&
			goidshim_class_has_goid(n.class_) == (n.goid != 0);

	if (!is_known)
		n = (struct holder_note){ .reason = tid ? GOIDSHIM_REASON_NOT_SEEN
							: GOIDSHIM_REASON_NO_OWNER,
					  .object = 0xff };
	wait->holder_tid = tid;
	wait->holder_goid = n.goid;
	wait->holder_class = n.class_;
	wait->holder_reason = n.reason;
	wait->holder_object = n.object;
	wait->holder_start_pc = n.goid ? start_of(&n) : 0;
	return is_known;
}

void holder_leave_thread(void)
{
	struct holder *h = holder_self.table;

	is_leaving = true;
	if (h == &no_table)
		return;
	holder_self = (struct holder_thread)NO_THREAD;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(&h->tid, 0, __ATOMIC_RELEASE);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who holds a lock? For which goroutine each thread took the locks that it has.
 *
 * A lock of the C library's says which thread has it. For whom that thread took
 * it cannot be told later: the goroutine may have gone back to Go with the lock
 * held, and the thread may serve another one. So each thread notes, before it
 * tries to take a lock, for which goroutine it does, in a table of its own that
 * other threads read: 64 notes, in 16 sets by a hash of the lock's address, where
 * a new one takes the place of its set's oldest. A note is right before the lock
 * names the thread, and one that is gone is no answer, so nobody is named who did
 * not have the lock.
 *
 * A note that is there already costs a few loads and comparisons. Tables are found
 * by thread id; a thread's is its own until it ends. There are 4096; threads
 * beyond that hold locks without a name.
 *
 * Signal-safe: all of it.
 */
#ifndef SHIM_HOLDER_SIG_H
#define SHIM_HOLDER_SIG_H

#include "goidshim/format.h"
#include "probe/goself.sig.h"
#include "shim/inside.sig.h"
#include "shim/sampler.sig.h"

#pragma GCC visibility push(hidden)

enum { HOLDER_SET_BITS = 4, HOLDER_WAYS = 4 };

/* A lock, and for whom it was taken the last time. */
struct holder_note {
	__u64 lock;
	__u64 curg;		/* g of the goroutine; no address when goid is 0 */
	__u64 goid;
	__u8 class_;		/* enum goidshim_class */
	__u8 reason;		/* enum goidshim_reason */
	__u8 object;		/* index in sampler.layouts; 0xff none */
	__u32 generation;	/* odd while the note is being written */
};

struct holder {
	__u32 tid;		/* 0: free */
	__u64 proved_g;		/* a g that was read with faults let in */
	__u8 oldest[1 << HOLDER_SET_BITS];	/* how often a set's oldest was replaced */
	struct holder_note notes[1 << HOLDER_SET_BITS][HOLDER_WAYS];
};

/* The calling thread's; until its first lock its table, and its id, are no thread's. */
struct holder_thread {
	struct holder *table;
	__u32 tid;
	struct goself self;
};

extern __thread struct holder_thread holder_self __attribute__((tls_model("initial-exec")));

/* Where the calling thread is no holder yet, or its goroutine is not in three loads. */
void holder_note_slowly(__u64 lock);

/* Notes goroutine `goid` (0: a C thread without Go), whose g is `curg`, of the only layout. */
void holder_note_anew(__u64 lock, __u64 curg, __u64 goid);

static inline unsigned holder_set(__u64 lock)
{
	return (unsigned)(lock * 0x9e3779b97f4a7c15ull >> (64 - HOLDER_SET_BITS));
}

/* What is noted about this lock; null: nothing. */
static inline struct holder_note *holder_look(struct holder *h, __u64 lock)
{
	struct holder_note *set = h->notes[holder_set(lock)];

	for (unsigned i = 0; i < HOLDER_WAYS; i++)
		if (__atomic_load_n(&set[i].lock, __ATOMIC_ACQUIRE) == lock)
			return &set[i];
	return 0;
}

/*
 * The calling thread is about to try to take `lock`, whose present owner is thread
 * `owner`. If that is the thread itself, what it noted then stays.
 */
static inline void holder_note(__u64 lock, __u32 owner)
{
	const struct holder_note *n;
	__u64 curg, goid;

	if (__builtin_expect(owner == holder_self.tid, 0))
		return;
	if (__builtin_expect(__atomic_load_n(&sampler.object_count, __ATOMIC_RELAXED) != 1 ||
				     !goself_read(&holder_self.self, &sampler.layouts[0], &curg,
						  &goid),
			     0)) {
		holder_note_slowly(lock);
		return;
	}
	n = holder_look(holder_self.table, lock);
	if (__builtin_expect(!n || n->curg != curg || n->goid != goid, 0))
		holder_note_anew(lock, curg, goid);
}

/*
 * For whom thread `tid`, which has `lock`, took it: the holder's fields of *wait.
 * False, with class NONE and the reason, when that is not known. The caller sees
 * to it that the lock names the same thread before and after.
 */
bool holder_find(__u32 tid, __u64 lock, struct inside_wait *wait);

/* The calling thread is about to end: its notes are nobody's. */
void holder_leave_thread(void);

#pragma GCC visibility pop

#endif

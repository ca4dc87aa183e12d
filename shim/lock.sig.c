/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/lock.sig.h"

#include "shim/call.sig.h"
#include "shim/holder.sig.h"

#define TRIES 3

__u64 lock_min_ns;

/* What is found of a thread is true of the lock if that has it still: notes come first. */
static bool find_holder(const int *owner, struct inside_wait *wait)
{
	for (unsigned i = 0; i < TRIES; i++) {
		__u32 tid = (__u32)__atomic_load_n(owner, __ATOMIC_ACQUIRE);
		bool is_known = holder_find(tid, wait->address, wait);

		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if ((__u32)__atomic_load_n(owner, __ATOMIC_ACQUIRE) == tid)
			return is_known;
	}
	return holder_find(0, wait->address, wait);
}

void lock_before(struct lock_wait *w, enum goidshim_lock_kind kind, __u64 lock, const int *owner,
		 void *const *frame)
{
	static const int nobody;
	bool is_known;

	w->wait = (struct inside_wait){
		.type = GOIDSHIM_RECORD_LOCK,
		.kind = kind,
		.address = lock,
	};
	is_known = find_holder(owner ? owner : &nobody, &w->wait);
	inside_enter(&w->inside, &w->wait, frame);
	/* Nobody, or one who had not said so yet: by now it may be clear. */
	if (owner && !is_known)
		find_holder(owner, &w->wait);
}

void lock_after(const struct lock_wait *w)
{
	inside_leave(&w->inside, &w->wait, lock_min_ns);
}

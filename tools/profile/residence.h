/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which goroutines are inside C, and since when. Pure: no files, no names.
 *
 * What is known of a thread comes from its records, in order of time, and from
 * its inside slot. m.ncgocall (a sample's cgo_call) numbers the calls into C: two
 * records of a thread with the same number belong to one call, whatever lies
 * between, be it a callback into Go. So a goroutine is in C since the earliest
 * record of the call that its latest record is part of.
 *
 * An inside slot says that its thread is there now. A sample only says that it
 * was there then: it counts while it is recent, which samples of CPU time are as
 * long as the code runs. A slot that a later record of its thread contradicts was
 * left by longjmp() and is passed over. Signal-safe: no.
 */
#ifndef TOOLS_RESIDENCE_H
#define TOOLS_RESIDENCE_H

#include <stdbool.h>

#include "goidshim/format.h"
#include "tools/tables/hashindex.h"

/* A thread, and the goroutine that it was last seen in C for. */
struct residence {
	__u32 tid;
	__u8 object;
	bool is_in_c;		/* as of last_ns */
	bool is_waiting;	/* `record` is a struct goidshim_wait that has not ended */
	__u64 goid;
	__u64 cgo_call;		/* 0: not known */
	__u64 since_ns;		/* the call had begun by then */
	__u64 last_ns;		/* the latest that is known of the thread */
	struct goidshim_sample *record;	/* a copy of the latest in C, with its frames */
	size_t room;
};

struct residences {
	struct residence *threads;
	size_t count;
	size_t room;
	struct hashindex index;
	__u64 last_ns;		/* of all */
};

void residences_free(struct residences *all);

/* A record that begins with a sample, no older than those before. Returns 0 or -ENOMEM. */
int residences_add(struct residences *all, const struct goidshim_sample *record);

/* A wait that has not ended; after all records. Returns 0 or -ENOMEM. */
int residences_add_wait(struct residences *all, const struct goidshim_wait *wait);

/*
 * Keeps the goroutines that are in C at `now_ns` and have been for `min_ns` or
 * more, longest first. One that computes counts if it was seen in the `grace_ns`
 * before. Of a program that has ended, at a time that nobody knows, all that
 * wait are kept: for how long is not known either. Nothing is added after it.
 */
void residences_settle(struct residences *all, __u64 now_ns, __u64 grace_ns, __u64 min_ns,
		       bool has_ended);

/* How long, after residences_settle(); for one that computes, as far as was seen. */
__u64 residence_ns(const struct residence *r, __u64 now_ns);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/profile/residence.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_same(const void *owner, uint32_t id, const void *key)
{
	return ((const struct residences *)owner)->threads[id].tid == *(const __u32 *)key;
}

static int add_thread(struct residences *all, __u32 tid, uint64_t hash)
{
	if (all->count == all->room) {
		size_t room = all->room ? all->room * 2 : 64;
		void *grown = reallocarray(all->threads, room, sizeof(*all->threads));

		if (!grown)
			return -ENOMEM;
		all->threads = grown;
		all->room = room;
	}
	if (hashindex_add(&all->index, hash, (uint32_t)all->count))
		return -ENOMEM;
	all->threads[all->count++] = (struct residence){ .tid = tid };
	return 0;
}

/* NULL: out of memory. */
static struct residence *find_thread(struct residences *all, __u32 tid)
{
	uint64_t hash = hashindex_bytes(0, &tid, sizeof(tid));
	uint32_t id = hashindex_find(&all->index, hash, is_same, all, &tid);

	if (id != HASHINDEX_NONE)
		return &all->threads[id];
	return add_thread(all, tid, hash) ? NULL : &all->threads[all->count - 1];
}

static int keep_record(struct residence *r, const struct goidshim_sample *record)
{
	if (r->room < record->record.size) {
		void *grown = realloc(r->record, record->record.size);

		if (!grown)
			return -ENOMEM;
		r->record = grown;
		r->room = record->record.size;
	}
	memcpy(r->record, record, record->record.size);
	return 0;
}

/* A wait was there before its record was written. */
static __u64 begin_of(const struct goidshim_sample *record)
{
	switch (record->record.type) {
	case GOIDSHIM_RECORD_LOCK:
	case GOIDSHIM_RECORD_BLOCK:
		return ((const struct goidshim_wait *)record)->start_ns;
	default:
		return record->time_ns;
	}
}

static bool is_same_call(const struct residence *r, const struct goidshim_sample *record)
{
	return r->cgo_call != 0 && r->cgo_call == record->cgo_call && r->goid == record->goid &&
	       r->object == record->object;
}

static int add_in_c(struct residence *r, const struct goidshim_sample *record)
{
	__u64 begin = begin_of(record);

	if (!is_same_call(r, record) || begin < r->since_ns)
		r->since_ns = begin;
	r->is_in_c = true;
	r->goid = record->goid;
	r->object = record->object;
	r->cgo_call = record->cgo_call;
	return keep_record(r, record);
}

int residences_add(struct residences *all, const struct goidshim_sample *record)
{
	struct residence *r = find_thread(all, record->tid);

	if (!r)
		return -ENOMEM;
	if (record->time_ns > all->last_ns)
		all->last_ns = record->time_ns;
	r->last_ns = record->time_ns;
	switch (record->class_) {
	case GOIDSHIM_CLASS_C:
		return add_in_c(r, record);
	case GOIDSHIM_CLASS_GO:
	case GOIDSHIM_CLASS_RUNTIME:
		/* Perhaps C has called back: the call goes on if its number is seen again. */
		r->is_in_c = false;
		return 0;
	case GOIDSHIM_CLASS_SIGNAL:
	case GOIDSHIM_CLASS_UNREADABLE:
	case GOIDSHIM_CLASS_NONE:
		return 0;
	default:
		r->is_in_c = false;
		r->cgo_call = 0;
		return 0;
	}
}

/*
 * Has the thread been seen elsewhere since, or is this wait in a record already?
 * While it lasts, all that the thread does is further down the stack.
 */
static bool is_over(const struct residence *r, const struct goidshim_wait *wait)
{
	if (r->last_ns <= wait->start_ns)
		return false;
	if (!r->is_in_c || r->goid != wait->sample.goid || r->object != wait->sample.object)
		return true;
	return r->cgo_call != wait->sample.cgo_call || r->record->sp >= wait->sample.sp;
}

int residences_add_wait(struct residences *all, const struct goidshim_wait *wait)
{
	struct residence *r;

	if (wait->sample.class_ != GOIDSHIM_CLASS_C)
		return 0;
	r = find_thread(all, wait->sample.tid);
	if (!r)
		return -ENOMEM;
	if (is_over(r, wait))
		return 0;
	if (wait->start_ns > all->last_ns)
		all->last_ns = wait->start_ns;
	if (wait->start_ns > r->last_ns)
		r->last_ns = wait->start_ns;
	r->is_waiting = true;
	return add_in_c(r, &wait->sample);
}

__u64 residence_ns(const struct residence *r, __u64 now_ns)
{
	__u64 until = r->is_waiting ? now_ns : r->last_ns;

	return until > r->since_ns ? until - r->since_ns : 0;
}

/* Longest first: what computes is compared as far as it was seen. */
static int compare(const void *a, const void *b, void *now)
{
	const struct residence *x = a, *y = b;
	__u64 x_ns = residence_ns(x, *(__u64 *)now), y_ns = residence_ns(y, *(__u64 *)now);

	if (x_ns != y_ns)
		return x_ns < y_ns ? 1 : -1;
	return x->goid < y->goid ? -1 : x->goid > y->goid;
}

void residences_settle(struct residences *all, __u64 now_ns, __u64 grace_ns, __u64 min_ns,
		       bool has_ended)
{
	size_t kept = 0;

	for (size_t i = 0; i < all->count; i++) {
		struct residence *r = &all->threads[i];
		bool is_recent = r->is_waiting || now_ns < r->last_ns + grace_ns;
		bool is_long = residence_ns(r, now_ns) >= min_ns || (r->is_waiting && has_ended);

		if (r->is_in_c && is_recent && is_long) {
			struct residence swap = all->threads[kept];

			all->threads[kept++] = *r;
			*r = swap;
		} else {
			free(r->record);
			r->record = NULL;
			r->room = 0;
		}
	}
	all->count = kept;
	if (kept)
		qsort_r(all->threads, kept, sizeof(*all->threads), compare, &now_ns);
}

void residences_free(struct residences *all)
{
	for (size_t i = 0; i < all->count; i++)
		free(all->threads[i].record);
	free(all->threads);
	hashindex_free(&all->index);
}

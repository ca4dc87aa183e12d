/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/profile/memory.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tables/array.h"

double memory_weight(__u64 size, __u64 interval)
{
	if (interval <= 1)
		return 1;
	return -1 / expm1(-(double)(size ? size : 1) / (double)interval);
}

__u64 memory_round(double value)
{
	return value < 9.2e18 ? (__u64)(value + 0.5) : INT64_MAX;
}

struct memory *memory_new(__u64 interval)
{
	struct memory *memory = calloc(1, sizeof(*memory));

	if (memory)
		memory->interval = interval;
	return memory;
}

void memory_free(struct memory *memory)
{
	if (!memory)
		return;
	free(memory->goroutines);
	hashindex_free(&memory->goroutine_index);
	stacks_free(&memory->stacks);
	free(memory->sums);
	free(memory->seen);
	hashindex_free(&memory->seen_index);
	free(memory);
}

/* ---- goroutines ---- */

static bool is_same_goroutine(const void *owner, uint32_t id, const void *key)
{
	const struct memory_goroutine *g = &((const struct memory *)owner)->goroutines[id];
	const struct goidshim_sample *s = key;

	return g->who.goid == s->goid && g->who.object == s->object &&
	       (s->goid != 0 || (g->class_ == s->class_ && g->reason == s->reason));
}

static int add_goroutine(struct memory *memory, const struct goidshim_sample *s, uint64_t hash,
			 uint32_t *ret)
{
	size_t count = memory->goroutine_count;

	if (count >= HASHINDEX_NONE - 1 ||
	    array_reserve(&memory->goroutines, count, 1, &memory->goroutine_room,
			  sizeof(*memory->goroutines)) ||
	    hashindex_add(&memory->goroutine_index, hash, (uint32_t)count))
		return -ENOMEM;
	memory->goroutines[count] = (struct memory_goroutine){
		.who = { .goid = s->goid, .object = s->object },
		.class_ = s->class_,
		.reason = s->reason,
	};
	memory->goroutine_count++;
	*ret = (uint32_t)count;
	return 0;
}

static void learn(__u64 *fact, __u64 seen)
{
	if (*fact == 0)
		*fact = seen;
}

static int find_goroutine(struct memory *memory, const struct goidshim_sample *s, uint32_t *ret)
{
	__u64 key[] = { s->goid, s->object, s->goid ? 0 : s->class_ * 256u + s->reason };
	uint64_t hash = hashindex_bytes(0, key, sizeof(key));
	struct profile_goroutine *who;
	int err = 0;

	*ret = hashindex_find(&memory->goroutine_index, hash, is_same_goroutine, memory, s);
	if (*ret == HASHINDEX_NONE)
		err = add_goroutine(memory, s, hash, ret);
	if (err || s->goid == 0)
		return err;
	who = &memory->goroutines[*ret].who;
	learn(&who->start_pc, s->start_pc);
	learn(&who->go_pc, s->go_pc);
	learn(&who->parent_goid, s->parent_goid);
	return 0;
}

/* ---- sums ---- */

void memory_add_sums(struct memory_sums *to, const struct memory_sums *more)
{
	to->alloc_objects += more->alloc_objects;
	to->alloc_bytes += more->alloc_bytes;
	to->used_objects += more->used_objects;
	to->used_bytes += more->used_bytes;
	if (more->oldest_ns && (to->oldest_ns == 0 || more->oldest_ns < to->oldest_ns))
		to->oldest_ns = more->oldest_ns;
}

static int add(struct memory *memory, const struct goidshim_alloc *alloc, uint32_t era, bool is_new,
	       bool is_used)
{
	double weight = memory_weight(alloc->size, memory->interval);
	double bytes = weight * (double)alloc->size;
	struct memory_sums sums = {
		.alloc_objects = is_new ? weight : 0,
		.alloc_bytes = is_new ? bytes : 0,
		.used_objects = is_used ? weight : 0,
		.used_bytes = is_used ? bytes : 0,
		.oldest_ns = is_used ? alloc->sample.time_ns : 0,
	};
	uint32_t goroutine, series;
	int err = find_goroutine(memory, &alloc->sample, &goroutine);

	if (!err)
		err = stacks_find(&memory->stacks, &alloc->sample, era, &series);
	if (!err)
		err = array_reserve(&memory->sums, series, 1, &memory->sums_room,
				    sizeof(*memory->sums));
	if (err)
		return err;
	memory_add_sums(&memory->goroutines[goroutine].sums, &sums);
	memory_add_sums(&memory->sums[series], &sums);
	memory_add_sums(&memory->total, &sums);
	memory->records += is_new;
	if (alloc->sample.time_ns > memory->last_ns)
		memory->last_ns = memory->stacks.last_ns = alloc->sample.time_ns;
	return 0;
}

/* ---- each record once ---- */

static bool is_same_record(const void *owner, uint32_t id, const void *key)
{
	const struct goidshim_alloc *a = &((const struct memory *)owner)->seen[id], *b = key;

	return a->lane == b->lane && a->sample.sequence == b->sample.sequence;
}

static uint64_t hash_record(const struct goidshim_alloc *alloc)
{
	__u64 key[] = { alloc->lane, alloc->sample.sequence };

	return hashindex_bytes(0, key, sizeof(key));
}

static bool was_seen(const struct memory *memory, const struct goidshim_alloc *alloc)
{
	return hashindex_find(&memory->seen_index, hash_record(alloc), is_same_record, memory,
			      alloc) != HASHINDEX_NONE;
}

int memory_add(struct memory *memory, const struct goidshim_alloc *alloc, uint32_t era)
{
	uint32_t id = (uint32_t)memory->seen_index.count;

	if (was_seen(memory, alloc))
		return 0;
	if (array_reserve(&memory->seen, id, 1, &memory->seen_room, sizeof(*memory->seen)) ||
	    hashindex_add(&memory->seen_index, hash_record(alloc), id))
		return -ENOMEM;
	memory->seen[id] = *alloc;
	return add(memory, alloc, era, true, false);
}

int memory_add_live(struct memory *memory, const struct goidshim_alloc *alloc, uint32_t era)
{
	return add(memory, alloc, era, !was_seen(memory, alloc), true);
}

static int compare(const void *va, const void *vb)
{
	const struct memory_goroutine *a = va, *b = vb;

	if (a->sums.used_bytes != b->sums.used_bytes)
		return a->sums.used_bytes < b->sums.used_bytes ? 1 : -1;
	if (a->sums.alloc_bytes != b->sums.alloc_bytes)
		return a->sums.alloc_bytes < b->sums.alloc_bytes ? 1 : -1;
	return a->who.goid > b->who.goid ? 1 : a->who.goid < b->who.goid ? -1 : 0;
}

void memory_sort(struct memory *memory)
{
	if (memory->goroutine_count > 0)
		qsort(memory->goroutines, memory->goroutine_count, sizeof(*memory->goroutines),
		      compare);
}

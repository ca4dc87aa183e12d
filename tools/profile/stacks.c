/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A million samples have some ten thousand different stacks: everything that
 * costs (names, sorting, writing) is done once for each of those, and a sample
 * costs a look-up. The tables are larger than caches near the CPU, so that look-up
 * mostly waits for memory: see stacks_flush().
 */
#include "tools/profile/stacks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ring/record.h"
#include "tools/tables/array.h"

#define OWNER_SIZE offsetof(struct series, stack) /* what says whose samples they are */

struct stack_key {
	const __u64 *pcs;
	uint16_t depth;
	uint8_t end;
	uint8_t gap;
	uint32_t era;
};

static bool is_same_stack(const void *owner, uint32_t id, const void *key)
{
	const struct stacks *stacks = owner;
	const struct stack *stack = &stacks->stacks[id];
	const struct stack_key *wanted = key;

	return stack->depth == wanted->depth && stack->end == wanted->end &&
	       stack->gap == wanted->gap && stack->era == wanted->era &&
	       !memcmp(stacks->pcs + stack->first, wanted->pcs,
		       stack->depth * sizeof(*wanted->pcs));
}

static int add_stack(struct stacks *stacks, const struct stack_key *key, uint64_t hash)
{
	uint32_t id = (uint32_t)stacks->count;

	if (stacks->count >= HASHINDEX_NONE - 1 ||
	    array_reserve(&stacks->pcs, stacks->pc_count, key->depth, &stacks->pc_room,
			  sizeof(*stacks->pcs)) ||
	    array_reserve(&stacks->stacks, stacks->count, 1, &stacks->room,
			  sizeof(*stacks->stacks)) ||
	    hashindex_add(&stacks->index, hash, id))
		return -ENOMEM;
	memcpy(stacks->pcs + stacks->pc_count, key->pcs, key->depth * sizeof(*key->pcs));
	stacks->stacks[stacks->count++] = (struct stack){
		.first = stacks->pc_count,
		.depth = key->depth,
		.end = key->end,
		.gap = key->gap,
		.era = key->era,
	};
	stacks->pc_count += key->depth;
	return 0;
}

/* `hash` is that of the key. */
static int find_stack(struct stacks *stacks, const struct stack_key *key, uint64_t hash,
		      uint32_t *ret_id)
{
	*ret_id = hashindex_find(&stacks->index, hash, is_same_stack, stacks, key);
	if (*ret_id != HASHINDEX_NONE)
		return 0;
	*ret_id = (uint32_t)stacks->count;
	return add_stack(stacks, key, hash);
}

static bool is_same_labels(const void *owner, uint32_t id, const void *key)
{
	const struct stacks *stacks = owner;
	const struct goidshim_sample *sample = key;

	return stacks->labels[id].size == sample->labels_size &&
	       !memcmp(stacks->label_bytes + stacks->labels[id].first, record_labels(sample),
		       sample->labels_size);
}

/* Numbers sets of labels from 1. */
static int find_labels(struct stacks *stacks, const struct goidshim_sample *sample,
		       uint32_t *ret_id)
{
	const char *bytes = record_labels(sample);
	uint32_t size = sample->labels_size, id;
	uint64_t hash;

	*ret_id = 0;
	if (!size)
		return 0;
	hash = hashindex_bytes(0, bytes, size);
	id = hashindex_find(&stacks->labels_index, hash, is_same_labels, stacks, sample);
	if (id == HASHINDEX_NONE) {
		id = (uint32_t)stacks->labels_count;
		if (array_reserve(&stacks->labels, stacks->labels_count, 1, &stacks->labels_room,
				  sizeof(*stacks->labels)) ||
		    array_reserve(&stacks->label_bytes, stacks->label_size, size,
				  &stacks->label_room, 1) ||
		    hashindex_add(&stacks->labels_index, hash, id))
			return -ENOMEM;
		memcpy(stacks->label_bytes + stacks->label_size, bytes, size);
		stacks->labels[stacks->labels_count++] =
			(struct stacks_labels){ stacks->label_size, size };
		stacks->label_size += size;
	}
	*ret_id = id + 1;
	return 0;
}

static bool is_same_wait(const void *owner, uint32_t id, const void *key)
{
	return !memcmp(&((const struct stacks *)owner)->waits[id], key, sizeof(struct stacks_wait));
}

static int add_wait(struct stacks *stacks, const struct stacks_wait *wait, uint32_t *ret_id)
{
	uint64_t hash = hashindex_bytes(0, wait, sizeof(*wait));
	uint32_t id = hashindex_find(&stacks->wait_index, hash, is_same_wait, stacks, wait);

	if (id == HASHINDEX_NONE) {
		id = (uint32_t)stacks->wait_count;
		if (array_reserve(&stacks->waits, stacks->wait_count, 1, &stacks->wait_room,
				  sizeof(*stacks->waits)) ||
		    hashindex_add(&stacks->wait_index, hash, id))
			return -ENOMEM;
		stacks->waits[stacks->wait_count++] = *wait;
	}
	*ret_id = id + 1;
	return 0;
}

/* Numbers what is waited for from 1; 0 is for records that are no waits. */
static int find_wait(struct stacks *stacks, const struct goidshim_sample *sample, uint32_t *ret_id)
{
	const struct goidshim_wait *w = (const struct goidshim_wait *)sample;
	struct stacks_wait wait = { 0 };

	*ret_id = 0;
	if (sample->record.type == GOIDSHIM_RECORD_LOCK) {
		wait = (struct stacks_wait){
			.address = w->address,
			.holder_goid = w->holder_goid,
			.holder_start_pc = w->holder_start_pc,
			.holder_tid = w->holder_tid,
			.kind = w->kind,
			.holder_class = w->holder_class,
			.holder_reason = w->holder_reason,
			.holder_object = w->holder_object,
		};
		return add_wait(stacks, &wait, ret_id);
	}
	if (sample->record.type != GOIDSHIM_RECORD_BLOCK)
		return 0;
	wait.kind = w->kind;
	return add_wait(stacks, &wait, ret_id);
}

const struct stacks_wait *stacks_wait_of(const struct stacks *stacks, const struct series *series)
{
	return series->wait ? &stacks->waits[series->wait - 1] : NULL;
}

struct series_key {
	struct series owner;
	struct stack_key stack;
	uint64_t stack_hash;
	uint64_t hash;		/* of both */
};

static bool is_same_series(const void *owner, uint32_t id, const void *key)
{
	const struct stacks *stacks = owner;
	const struct series_key *wanted = key;

	return !memcmp(&stacks->series[id], &wanted->owner, OWNER_SIZE) &&
	       is_same_stack(stacks, stacks->series[id].stack, &wanted->stack);
}

static int add_series(struct stacks *stacks, struct series_key *key)
{
	int r = find_stack(stacks, &key->stack, key->stack_hash, &key->owner.stack);

	if (r ||
	    array_reserve(&stacks->series, stacks->series_count, 1, &stacks->series_room,
			  sizeof(key->owner)) ||
	    hashindex_add(&stacks->series_index, key->hash, (uint32_t)stacks->series_count))
		return -ENOMEM;
	stacks->series[stacks->series_count++] = key->owner;
	return 0;
}

/* One look-up for stack and owner together: a stack seldom has more than one. */
static int find_series(struct stacks *stacks, struct series_key *key, uint32_t *ret_id)
{
	uint32_t id = hashindex_find(&stacks->series_index, key->hash, is_same_series, stacks, key);

	if (id == HASHINDEX_NONE) {
		id = (uint32_t)stacks->series_count;
		if (add_series(stacks, key))
			return -ENOMEM;
	}
	*ret_id = id;
	return 0;
}

static void hash_key(struct series_key *key)
{
	const struct stack_key *stack = &key->stack;

	key->stack_hash = hashindex_bytes((uint64_t)stack->era << 8 | stack->end, stack->pcs,
					  stack->depth * sizeof(*stack->pcs));
	key->hash = hashindex_bytes(key->stack_hash, &key->owner, OWNER_SIZE);
}

/* The key points into the sample. */
static int make_key(struct stacks *stacks, const struct goidshim_sample *sample, uint32_t era,
		    struct series_key *ret)
{
	int r;

	*ret = (struct series_key){
		.owner = {
			.goid = sample->goid,
			.start_pc = sample->start_pc,
			.tid = sample->tid,
			.object = sample->object,
			.class_ = sample->class_,
			.reason = sample->reason,
		},
		.stack = { record_frames(sample), sample->stack_depth, sample->stack_end,
			   sample->stack_gap, era },
	};
	if (!ret->stack.depth) {
		ret->stack.pcs = &sample->pc;
		ret->stack.depth = 1;
	}
	r = find_labels(stacks, sample, &ret->owner.labels);
	if (!r)
		r = find_wait(stacks, sample, &ret->owner.wait);
	if (!r)
		hash_key(ret);
	return r;
}

int stacks_find(struct stacks *stacks, const struct goidshim_sample *sample, uint32_t era,
		uint32_t *ret_series)
{
	struct series_key key;
	int r = make_key(stacks, sample, era, &key);

	return r ? r : find_series(stacks, &key, ret_series);
}

static void count(struct stacks *stacks, uint32_t series, uint64_t weight, uint64_t time_ns)
{
	stacks->series[series].samples++;
	stacks->series[series].weight += weight;
	stacks->samples++;
	stacks->weight += weight;
	if (time_ns > stacks->last_ns)
		stacks->last_ns = time_ns;
}

int stacks_add(struct stacks *stacks, const struct goidshim_sample *sample, uint32_t era,
	       uint64_t weight, struct series *ret_series)
{
	uint32_t id;
	int r = stacks_find(stacks, sample, era, &id);

	if (r)
		return r;
	count(stacks, id, weight, sample->time_ns);
	if (ret_series)
		*ret_series = stacks->series[id];
	return 0;
}

/* ---- several together ---- */

#define LATE 16		/* about as many loads as a CPU has under way at once */

struct stacks_late {
	struct series_key key;	/* of `pcs` */
	uint64_t weight;
	uint64_t time_ns;
	__u64 pcs[GOIDSHIM_MAX_STACK];
};

int stacks_add_late(struct stacks *stacks, const struct goidshim_sample *sample, uint32_t era,
		    uint64_t weight)
{
	struct stacks_late *late;
	int r;

	if (!stacks->late)
		stacks->late = calloc(LATE, sizeof(*stacks->late));
	if (!stacks->late)
		return -ENOMEM;
	late = &stacks->late[stacks->late_count];
	r = make_key(stacks, sample, era, &late->key);
	if (r)
		return r;
	hashindex_prefetch(&stacks->series_index, late->key.hash);
	memcpy(late->pcs, late->key.stack.pcs, late->key.stack.depth * sizeof(*late->pcs));
	late->key.stack.pcs = late->pcs;
	late->weight = weight;
	late->time_ns = sample->time_ns;
	return ++stacks->late_count < LATE ? 0 : stacks_flush(stacks);
}

static bool is_any(const void *owner, uint32_t id, const void *key)
{
	(void)owner, (void)id, (void)key;
	return true;
}

/* Each step of a look-up for all of them, before the next step needs what it loads. */
static void prefetch(const struct stacks *stacks)
{
	uint32_t likely[LATE];

	for (unsigned i = 0; i < stacks->late_count; i++) {
		likely[i] = hashindex_find(&stacks->series_index, stacks->late[i].key.hash, is_any,
					   NULL, NULL);
		if (likely[i] != HASHINDEX_NONE)
			__builtin_prefetch(&stacks->series[likely[i]], 1);
	}
	for (unsigned i = 0; i < stacks->late_count; i++)
		if (likely[i] != HASHINDEX_NONE)
			__builtin_prefetch(&stacks->stacks[stacks->series[likely[i]].stack]);
	for (unsigned i = 0; i < stacks->late_count; i++)
		if (likely[i] != HASHINDEX_NONE)
			__builtin_prefetch(
				&stacks->pcs[stacks->stacks[stacks->series[likely[i]].stack].first]);
}

int stacks_flush(struct stacks *stacks)
{
	int r = 0;

	prefetch(stacks);
	for (unsigned i = 0; i < stacks->late_count && !r; i++) {
		struct stacks_late *late = &stacks->late[i];
		uint32_t id;

		r = find_series(stacks, &late->key, &id);
		if (!r)
			count(stacks, id, late->weight, late->time_ns);
	}
	stacks->late_count = 0;
	return r;
}

void stacks_free(struct stacks *stacks)
{
	free(stacks->late);
	free(stacks->pcs);
	free(stacks->stacks);
	free(stacks->label_bytes);
	free(stacks->labels);
	free(stacks->series);
	hashindex_free(&stacks->index);
	hashindex_free(&stacks->labels_index);
	free(stacks->waits);
	hashindex_free(&stacks->wait_index);
	hashindex_free(&stacks->series_index);
}

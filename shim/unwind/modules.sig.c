/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/unwind/modules.sig.h"

#include <stddef.h>

#include "probe/peek.sig.h"
#include "shim/unwind/ehrows.sig.h"
#include "shim/unwind/listing.sig.h"

/* An executable segment as the snapshot keeps it: start ascending. */
struct entry {
	__u64 start;
	__u64 end;
	const struct module *module;
};

struct snapshot {
	__u32 sequence;		/* odd while it is being filled */
	__u32 count;
	__u32 listed;		/* all that handlers had listed so far is in here, or gone */
	struct entry entry[MODULES_MAX_SEGMENTS];
};

static struct snapshot snapshots[2];
static unsigned current;	/* index in snapshots */
static int (*find_object)(void *pc, struct modules_found_object *ret);

/* -------------------------------------------------------------------- writing */

static struct snapshot *spare(void)
{
	return &snapshots[!current];
}

void modules_snapshot_begin(void)
{
	struct snapshot *s = spare();

	__atomic_store_n(&s->sequence, s->sequence + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(&s->count, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&s->listed, listing_ready(), __ATOMIC_RELAXED);
}

static void entry_copy(struct entry *to, const struct entry *from)
{
	__atomic_store_n(&to->start, from->start, __ATOMIC_RELAXED);
	__atomic_store_n(&to->end, from->end, __ATOMIC_RELAXED);
	__atomic_store_n(&to->module, from->module, __ATOMIC_RELAXED);
}

bool modules_snapshot_add(__u64 start, __u64 end, const struct module *module)
{
	struct snapshot *s = spare();
	struct entry added = { .start = start, .end = end, .module = module };
	__u32 at = s->count;

	if (at == MODULES_MAX_SEGMENTS)
		return false;
	for (; at > 0 && s->entry[at - 1].start > start; at--)
		entry_copy(&s->entry[at], &s->entry[at - 1]);
	entry_copy(&s->entry[at], &added);
	__atomic_store_n(&s->count, s->count + 1, __ATOMIC_RELAXED);
	return true;
}

void modules_snapshot_publish(bool complete)
{
	struct snapshot *s = spare();

	if (!complete)
		__atomic_store_n(&s->listed, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&s->sequence, s->sequence + 1, __ATOMIC_RELEASE);
	/* Pairs with the acquire in search(). */
	__atomic_store_n(&current, !current, __ATOMIC_RELEASE);
}

void modules_set_find_object(int (*function)(void *pc, struct modules_found_object *ret))
{
	__atomic_store_n(&find_object, function, __ATOMIC_RELEASE);
}

/* -------------------------------------------------------------------- reading */

/* The last entry that begins at or before pc. False if there is none. */
static bool search_entries(const struct snapshot *s, __u64 pc, struct entry *ret)
{
	__u32 low = 0;
	__u32 high = __atomic_load_n(&s->count, __ATOMIC_RELAXED);

	if (high == 0 || high > MODULES_MAX_SEGMENTS)
		return false;
	while (high - low > 1) {
		__u32 middle = low + (high - low) / 2;

		if (__atomic_load_n(&s->entry[middle].start, __ATOMIC_RELAXED) <= pc)
			low = middle;
		else
			high = middle;
	}
	ret->start = __atomic_load_n(&s->entry[low].start, __ATOMIC_RELAXED);
	ret->end = __atomic_load_n(&s->entry[low].end, __ATOMIC_RELAXED);
	ret->module = __atomic_load_n(&s->entry[low].module, __ATOMIC_RELAXED);
	return pc >= ret->start && pc < ret->end;
}

enum found { NOT_FOUND, FOUND, NOT_SURE };

static enum found search(__u64 pc, struct entry *ret, __u32 *ret_listed)
{
	for (int attempt = 0; attempt < 4; attempt++) {
		const struct snapshot *s = &snapshots[__atomic_load_n(&current, __ATOMIC_ACQUIRE)];
		__u32 before = __atomic_load_n(&s->sequence, __ATOMIC_ACQUIRE);
		bool found;

		if (before & 1)
			continue;
		*ret_listed = __atomic_load_n(&s->listed, __ATOMIC_RELAXED);
		found = search_entries(s, pc, ret);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(&s->sequence, __ATOMIC_RELAXED) == before)
			return found ? FOUND : NOT_FOUND;
	}
	return NOT_SURE;
}

static void segment_of(const struct module *module, int segment, struct modules_segment *ret)
{
	*ret = (struct modules_segment){
		.start = module->segment[segment].start,
		.end = module->segment[segment].end,
		.module = module,
		.section = module->section,
	};
}

/* Reads what the C library says is at pc; *ret_name is the address of its file's name. */
static bool ask(__u64 pc, struct module *ret, __u64 *ret_name)
{
	int (*find)(void *, struct modules_found_object *) =
		__atomic_load_n(&find_object, __ATOMIC_ACQUIRE);
	struct modules_found_object object;

	if (find == NULL || find((void *)pc, &object) != 0 ||
	    !module_read_at((__u64)object.map_start, ret))
		return false;
	/* The second word of a struct link_map (link.h). */
	return peek_u64((__u64)object.link_map + 8, ret_name);
}

static bool find_new(__u64 pc, bool may_list, struct modules_segment *ret)
{
	const struct module *listed = NULL;
	struct module module;
	int segment;
	__u64 name;

	if (!ask(pc, &module, &name))
		return false;
	segment = module_find_segment(&module, pc);
	if (segment < 0)
		return false;
	if (may_list)
		listed = listing_add(&module, name);
	segment_of(&module, segment, ret);
	ret->module = listed;
	return true;
}

bool modules_find(__u64 pc, struct modules_segment *hint)
{
	const struct module *newest, *newer;
	enum found found;
	struct entry e;
	__u32 listed;
	int segment;

	if (pc >= hint->start && pc < hint->end)
		return true;
	found = search(pc, &e, &listed);
	if (found == NOT_SURE)
		return find_new(pc, false, hint);
	newest = found == FOUND ? e.module : NULL;
	newer = listing_newest(listed, pc, pc + 1, newest != NULL ? (__s64)newest->index : -1);
	if (newer != NULL)
		newest = newer;
	segment = newest != NULL ? module_find_segment(newest, pc) : -1;
	if (segment < 0 || !module_has_stamp(newest))
		return find_new(pc, true, hint);
	segment_of(newest, segment, hint);
	return true;
}

int modules_each(int (*visit)(const struct module *module, void *arg), void *arg)
{
	const struct snapshot *s = &snapshots[__atomic_load_n(&current, __ATOMIC_ACQUIRE)];
	__u32 count = __atomic_load_n(&s->count, __ATOMIC_RELAXED);
	const struct module *last = NULL;
	int r = 0;

	/* Entries are pointers to what is never freed: a torn list is a wrong one, not a wild one. */
	for (__u32 i = 0; i < count && i < MODULES_MAX_SEGMENTS && r == 0; i++) {
		const struct module *module =
			__atomic_load_n(&s->entry[i].module, __ATOMIC_RELAXED);

		if (module != NULL && module != last && module_has_stamp(module))
			r = visit(module, arg);
		last = module;
	}
	return r;
}

/*
 * Rules of modules that are not compiled. Stacks keep coming back to the same
 * pcs, so that most are read in place once. Each slot has a sequence number, odd
 * while it is being filled; who finds it so goes without.
 */
enum { CACHE_SIZE = 4096, RULE_WORDS = sizeof(struct cfi_rule) / 8 };

static struct cached {
	__u64 sequence;
	__u64 pc;
	__u64 module;		/* modules are never freed: its address is its identity */
	__u64 rule[RULE_WORDS];
} cache[CACHE_SIZE];

static struct cached *slot_of(__u64 pc)
{
	return &cache[pc * 0x9e3779b97f4a7c15ull >> 52];
}

static bool cache_find(const struct module *module, __u64 pc, struct cfi_rule *ret)
{
	const struct cached *c = slot_of(pc);
	__u64 before = __atomic_load_n(&c->sequence, __ATOMIC_ACQUIRE);
	__u64 word[RULE_WORDS];
	bool found = !(before & 1) && __atomic_load_n(&c->pc, __ATOMIC_RELAXED) == pc &&
		     __atomic_load_n(&c->module, __ATOMIC_RELAXED) == (__u64)module;

	for (int i = 0; found && i < RULE_WORDS; i++)
		word[i] = __atomic_load_n(&c->rule[i], __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (!found || __atomic_load_n(&c->sequence, __ATOMIC_RELAXED) != before)
		return false;
	__builtin_memcpy(ret, word, sizeof(*ret));
	return true;
}

static void cache_fill(const struct module *module, __u64 pc, const struct cfi_rule *rule)
{
	struct cached *c = slot_of(pc);
	__u64 before = __atomic_load_n(&c->sequence, __ATOMIC_RELAXED);
	__u64 word[RULE_WORDS];

	if (before & 1 || !__atomic_compare_exchange_n(&c->sequence, &before, before + 1, false,
						       __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	__builtin_memcpy(word, rule, sizeof(word));
	__atomic_store_n(&c->pc, pc, __ATOMIC_RELAXED);
	__atomic_store_n(&c->module, (__u64)module, __ATOMIC_RELAXED);
	for (int i = 0; i < RULE_WORDS; i++)
		__atomic_store_n(&c->rule[i], word[i], __ATOMIC_RELAXED);
	__atomic_store_n(&c->sequence, before + 2, __ATOMIC_RELEASE);
}

static void find_uncompiled(const struct module *module, __u64 pc, struct cfi_rule *ret)
{
	if (module->section.hdr == 0 || cache_find(module, pc, ret))
		return;
	if (ehrows_rule(&module->section, pc, ret))
		cache_fill(module, pc, ret);
}

void modules_find_rule(const struct modules_segment *segment, __u64 pc, struct cfi_rule *ret)
{
	const struct module *module = segment->module;
	const struct cfi_rule *rule;

	ret->kind = CFI_NONE;
	ret->derived = 0;
	if (module == NULL) {
		if (segment->section.hdr != 0)
			ehrows_rule(&segment->section, pc, ret);
	} else if (module->cfi == NULL) {
		find_uncompiled(module, pc, ret);
	} else {
		rule = cfi_table_find(module->cfi, pc - module->bias);
		if (rule != NULL)
			*ret = *rule;
	}
}

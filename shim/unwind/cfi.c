/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/unwind/cfi.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "probe/sys.sig.h"
#include "shim/unwind/ehrows.sig.h"
#include "shim/unwind/pages.h"

/* An array that grows: its elements may move, it may not shrink. */
struct array {
	void *items;
	size_t size;		/* of one element */
	size_t count;
	size_t room;		/* elements */
};

struct function {
	__u64 start;
	__u64 fde;
};

/* libLLVM, 110 MB, has 1,000 different rules. */
enum { RULES_MAX = 0x4000, HASH_SIZE = 2 * RULES_MAX };

/* A table under construction. */
struct builder {
	const struct cfi_source *source;
	struct cfiprogram_cie cie;
	struct array pc;	/* __u32 */
	struct array rule_of;	/* __u16 */
	struct array rule;	/* struct cfi_rule */
	struct array functions;	/* struct function; only without a search table */
	struct array derived;	/* struct derived */
	__u16 *hash;		/* rule index + 1; 0: free */
	__u64 covered;		/* rows say everything up to this address */
	int error;
};

static bool array_grow(struct array *a)
{
	size_t room = a->room ? a->room * 2 : 0x10000 / a->size;
	void *at;

	if (a->items == NULL)
		at = pages_map(room * a->size);
	else
		at = pages_resize(a->items, a->room * a->size, room * a->size);
	if (at == NULL)
		return false;
	a->items = at;
	a->room = room;
	return true;
}

/* A place for one more element, or NULL. */
static void *array_add(struct array *a)
{
	if (a->count == a->room && !array_grow(a))
		return NULL;
	return (char *)a->items + a->count++ * a->size;
}

static void array_release(struct array *a)
{
	pages_unmap(a->items, a->room * a->size);
}

/* ---------------------------------------------------------------------- rules */

static __u32 hash_rule(const struct cfi_rule *rule)
{
	__u64 word[4];
	__u64 hash = 0;

	memcpy(word, rule, sizeof(word));
	for (int i = 0; i < 4; i++) {
		hash = (hash ^ word[i]) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 29;
	}
	return (__u32)(hash >> 32) % HASH_SIZE;
}

/* Index of an equal rule; rule 0 is CFI_NONE and rule 1 CFI_UNSUPPORTED. */
static __u16 intern_rule(struct builder *b, const struct cfi_rule *rule)
{
	const struct cfi_rule *rules = b->rule.items;
	struct cfi_rule *added;
	__u32 at;

	if (rule->kind == CFI_UNSUPPORTED && b->rule.count > 1)
		return 1;
	for (at = hash_rule(rule); b->hash[at] != 0; at = (at + 1) % HASH_SIZE)
		if (memcmp(&rules[b->hash[at] - 1], rule, sizeof(*rule)) == 0)
			return (__u16)(b->hash[at] - 1);
	if (b->rule.count == RULES_MAX)
		return 1;
	added = array_add(&b->rule);
	if (added == NULL) {
		b->error = -ENOMEM;
		return 0;
	}
	*added = *rule;
	b->hash[at] = (__u16)b->rule.count;
	return (__u16)(b->rule.count - 1);
}

/* ----------------------------------------------------------------------- rows */

/* From `start` on, `rule` holds. Rows arrive in order of address. */
static void add_row(struct builder *b, __u64 start, __u16 rule)
{
	__u32 *pc;
	__u16 *rule_of;

	if (b->pc.count > 0 && ((__u16 *)b->rule_of.items)[b->pc.count - 1] == rule)
		return;
	pc = array_add(&b->pc);
	rule_of = array_add(&b->rule_of);
	if (pc == NULL || rule_of == NULL) {
		b->error = -ENOMEM;
		return;
	}
	*pc = (__u32)(start - b->source->bias);
	*rule_of = rule;
}

static void add_function(struct builder *b, __u64 fde)
{
	const struct cfi_source *s = b->source;
	const struct cfi_rule *rule;
	struct ehrows rows;
	__u64 start, end;

	if (!ehrows_open(&s->section, fde, &b->cie, &rows))
		return;
	if (rows.program.start < s->lo || rows.program.limit > s->hi ||
	    rows.program.limit <= b->covered)
		return;
	if (rows.program.start > b->covered)
		add_row(b, b->covered, 0);
	while (b->error == 0 && ehrows_next(&rows, &start, &end, &rule)) {
		if (end <= b->covered)
			continue;
		add_row(b, start > b->covered ? start : b->covered, intern_rule(b, rule));
		b->covered = end;
	}
}

/* ------------------------------------------------- functions in address order */

static void add_functions_of_table(struct builder *b, __u64 table, __u32 count)
{
	const struct ehframe_section *s = &b->source->section;

	for (__u32 i = 0; i < count && b->error == 0; i++) {
		__s32 relative;

		memcpy(&relative, (const char *)table + i * 8ull + 4, sizeof(relative));
		add_function(b, s->hdr + (__u64)(__s64)relative);
	}
}

static void sift_down(struct function *f, size_t root, size_t count)
{
	for (size_t child; (child = 2 * root + 1) < count; root = child) {
		struct function moved = f[root];

		if (child + 1 < count && f[child + 1].start > f[child].start)
			child++;
		if (moved.start >= f[child].start)
			return;
		f[root] = f[child];
		f[child] = moved;
	}
}

/* Heapsort: the C library's qsort() may allocate. */
static void sort_functions(struct function *f, size_t count)
{
	for (size_t i = count / 2; i-- > 0;)
		sift_down(f, i, count);
	for (size_t end = count; end-- > 1;) {
		struct function last = f[end];

		f[end] = f[0];
		f[0] = last;
		sift_down(f, 0, end);
	}
}

static void add_functions_by_scan(struct builder *b, __u64 eh_frame)
{
	const struct ehframe_section *s = &b->source->section;
	struct function *functions;
	struct cfiprogram m;
	__u64 entry;

	while (ehframe_next_entry(s, &eh_frame, &entry)) {
		struct function *f;

		if (!ehframe_open(s, entry, &b->cie, &m))
			continue;
		f = array_add(&b->functions);
		if (f == NULL) {
			b->error = -ENOMEM;
			return;
		}
		*f = (struct function){ .start = m.start, .fde = entry };
	}
	functions = b->functions.items;
	sort_functions(functions, b->functions.count);
	for (size_t i = 0; i < b->functions.count && b->error == 0; i++)
		add_function(b, functions[i].fde);
}

static void add_functions(struct builder *b)
{
	__u64 eh_frame = b->source->eh_frame;
	__u64 table = 0;
	__u32 count = 0;

	if (eh_frame == 0 &&
	    !ehframe_header(&b->source->section, &eh_frame, &table, &count))
		return;
	if (count > 0)
		add_functions_of_table(b, table, count);
	else
		add_functions_by_scan(b, eh_frame);
}

/* ----------------------------------------------------------- what is not covered */

/* A stretch of a gap that has a rule now. */
struct derived {
	__u32 start;
	__u32 end;
	__u16 rule;
};

static void add_derived(void *arg, __u64 start, __u64 end, const struct cfi_rule *rule)
{
	struct builder *b = arg;
	struct derived *d = array_add(&b->derived);

	if (d == NULL) {
		b->error = -ENOMEM;
		return;
	}
	d->start = (__u32)(start - b->source->bias);
	d->end = (__u32)(end - b->source->bias);
	d->rule = intern_rule(b, rule);
}

static bool array_append(struct array *a, const void *items, size_t count)
{
	while (a->count + count > a->room)
		if (!array_grow(a))
			return false;
	memcpy((char *)a->items + a->count * a->size, items, count * a->size);
	a->count += count;
	return true;
}

static void append_rows(struct builder *b, const __u32 *pc, const __u16 *rule, size_t count)
{
	if (!array_append(&b->pc, pc, count) || !array_append(&b->rule_of, rule, count))
		b->error = -ENOMEM;
}

/* Instead of a row without a rule that begins where it begins, if there is one. */
static void append_derived(struct builder *b, const struct derived *d)
{
	static const __u16 none;

	if (b->pc.count > 0 && ((__u32 *)b->pc.items)[b->pc.count - 1] == d->start)
		b->rule_of.count = --b->pc.count;
	append_rows(b, &d->start, &d->rule, 1);
	append_rows(b, &d->end, &none, 1);
}

/* How many rows from `from` on begin at or before pc? */
static size_t count_rows(const __u32 *pcs, size_t from, size_t count, __u32 pc)
{
	size_t low = from;

	while (count > low) {
		size_t middle = low + (count - low) / 2;

		if (pcs[middle] <= pc)
			low = middle + 1;
		else
			count = middle;
	}
	return low - from;
}

/* All rows anew; each derived stretch is inside of one row without a rule. */
static void merge_derived(struct builder *b, const struct array *pcs, const struct array *rules)
{
	const struct derived *derived = b->derived.items;
	const __u32 *pc = pcs->items;
	const __u16 *rule = rules->items;
	size_t done = 0;

	for (size_t i = 0; i < b->derived.count && b->error == 0; i++) {
		size_t rows = count_rows(pc, done, pcs->count, derived[i].start);

		append_rows(b, pc + done, rule + done, rows);
		append_derived(b, &derived[i]);
		done += rows;
		if (done < pcs->count && derived[i].end == pc[done])
			b->rule_of.count = --b->pc.count;
	}
	append_rows(b, pc + done, rule + done, pcs->count - done);
}

static void fill_gaps(struct builder *b)
{
	struct array pc = b->pc;
	struct array rule_of = b->rule_of;
	struct gaps_rows rows = { .pc = pc.items, .rule_of = rule_of.items, .rule = b->rule.items,
				  .count = pc.count };

	if (gaps_derive(b->source->gaps, &rows, add_derived, b) != 0 || b->derived.count == 0)
		return;
	b->pc = (struct array){ .size = pc.size };
	b->rule_of = (struct array){ .size = rule_of.size };
	merge_derived(b, &pc, &rule_of);
	array_release(&pc);
	array_release(&rule_of);
}

/* ------------------------------------------------------------------ the table */

/* bucket[i] is the last row that begins at or before the bucket's first byte. */
static void fill_buckets(const struct cfi_table *t, __u32 *bucket)
{
	__u32 row = 0;

	for (__u32 i = 0; i < t->buckets; i++) {
		__u64 first = t->first_pc + ((__u64)i << CFI_BUCKET_SHIFT);

		while (row + 1 < t->rows && t->pc[row + 1] <= first)
			row++;
		bucket[i] = row;
	}
}

static int assemble(struct builder *b, struct cfi_table **ret_table)
{
	const __u32 *pcs = b->pc.items;
	__u32 buckets = ((pcs[b->pc.count - 1] - pcs[0]) >> CFI_BUCKET_SHIFT) + 1;
	size_t rules_size = b->rule.count * sizeof(struct cfi_rule);
	size_t size = sizeof(struct cfi_table) + rules_size + 4ull * buckets + 6 * b->pc.count;
	struct cfi_table *t = pages_map(size);
	char *at = (char *)(t + 1);

	if (t == NULL)
		return -ENOMEM;
	t->size = size;
	t->first_pc = pcs[0];
	t->rows = (__u32)b->pc.count;
	t->rules = (__u32)b->rule.count;
	t->buckets = buckets;
	t->rule = memcpy(at, b->rule.items, rules_size);
	t->pc = memcpy(at + rules_size, pcs, 4 * b->pc.count);
	t->bucket = (__u32 *)(at + rules_size + 4 * b->pc.count);
	t->rule_of = memcpy(at + size - sizeof(*t) - 2 * b->pc.count, b->rule_of.items,
			    2 * b->pc.count);
	fill_buckets(t, (__u32 *)t->bucket);
	sys_call4(__NR_mprotect, (long)t, (long)size, PROT_READ, 0);
	*ret_table = t;
	return 0;
}

static int build(struct builder *b, struct cfi_table **ret_table)
{
	static const struct cfi_rule first[] = { { .kind = CFI_NONE }, { .kind = CFI_UNSUPPORTED } };

	intern_rule(b, &first[0]);
	intern_rule(b, &first[1]);
	if (b->error == 0)
		add_functions(b);
	if (b->error == 0 && b->pc.count > 0)
		add_row(b, b->covered, 0);
	if (b->error == 0 && b->pc.count > 0 && b->source->gaps != NULL)
		fill_gaps(b);
	if (b->error != 0)
		return b->error;
	return b->pc.count == 0 ? -ENODATA : assemble(b, ret_table);
}

int cfi_compile(const struct cfi_source *source, struct cfi_table **ret_table)
{
	struct builder b = {
		.source = source,
		.pc.size = sizeof(__u32),
		.rule_of.size = sizeof(__u16),
		.rule.size = sizeof(struct cfi_rule),
		.functions.size = sizeof(struct function),
		.derived.size = sizeof(struct derived),
		.covered = source->lo,
	};
	int r;

	if (source->hi - source->bias > 0xffffffff || source->lo < source->bias)
		return -EFBIG;
	b.hash = pages_map(HASH_SIZE * sizeof(*b.hash));
	if (b.hash == NULL)
		return -ENOMEM;
	r = build(&b, ret_table);
	pages_unmap(b.hash, HASH_SIZE * sizeof(*b.hash));
	array_release(&b.pc);
	array_release(&b.rule_of);
	array_release(&b.rule);
	array_release(&b.functions);
	array_release(&b.derived);
	return r;
}

void cfi_free(struct cfi_table *table)
{
	pages_unmap(table, table->size);
}

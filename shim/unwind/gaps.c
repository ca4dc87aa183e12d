/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/unwind/gaps.h"

#include <emmintrin.h>
#include <errno.h>
#include <link.h>
#include <string.h>

#include "shim/unwind/flow.h"
#include "shim/unwind/pages.h"

/*
 * Between functions there is padding, up to 15 bytes; the text of a Go program,
 * which is no business of ours, is half a megabyte at least.
 */
enum { GAP_MIN = 16, GAP_MAX = 1 << 16, WORTH_A_SEARCH = 64 };

enum { RANGES_MAX = 1024, BYTES_MAX = 1 << 19, ENTRIES_MAX = 2048, RULES_MAX = 512 };

enum { PAGES = 4096 };		/* bits that say where gaps may be */

/* Of a byte in a gap. Other values are indices in `rule`, plus FIRST_RULE. */
enum { NOT_REACHED = 0, NOT_KNOWN = 1, FIRST_RULE = 2 };

/* How sure are we that a function begins there? */
enum trust { CERTAIN, PROBABLE, FOREIGN };

struct entry {
	__u64 pc;
	enum trust trust;
};

struct gaps {
	const struct gaps_module *module;
	const struct gaps_rows *rows;
	struct flow flow;
	struct flow_range range[RANGES_MAX];
	unsigned ranges;
	__u64 bytes;			/* of them all */
	__u64 text;			/* [text, text_end): around all gaps */
	__u64 text_end;
	unsigned shift;			/* from a distance in it to a bit of page */
	__u64 page[PAGES / 64];
	struct entry entry[ENTRIES_MAX];
	unsigned entries;
	unsigned followed;
	bool has_symbols;		/* some entries were dynamic symbols */
	struct cfi_rule rule[RULES_MAX];
	unsigned rules;
	unsigned last_rule;		/* that was asked for: most instructions change nothing */
	__u16 *rule_at;			/* by byte of the ranges */
};

/* ---------------------------------------------------------------- finding gaps */

static const ElfW(Phdr) *segment_of(const struct gaps *g, __u64 at, __u64 size, unsigned flags)
{
	const ElfW(Phdr) *phdr = g->module->phdr;

	for (unsigned i = 0; i < g->module->phnum; i++) {
		const ElfW(Phdr) *p = &phdr[i];
		__u64 start = g->module->bias + p->p_vaddr;

		if (p->p_type == PT_LOAD && (p->p_flags & flags) == flags && at >= start &&
		    at - start <= p->p_filesz && size <= p->p_filesz - (at - start))
			return p;
	}
	return NULL;
}

/* Behind what functions are padded with: nops, traps, zeros. */
static __u64 skip_padding(__u64 at, __u64 end)
{
	struct insn i;

	while (at < end) {
		const __u8 *byte = (const __u8 *)at;

		if (*byte == 0xcc || *byte == 0)
			at++;
		else if (insn_decode(byte, end - at, at, &i) && i.act == INSN_NOP)
			at += i.length;
		else
			break;
	}
	return at;
}

static void add_gap(struct gaps *g, __u64 start, __u64 end)
{
	if (end - start < GAP_MIN || end - start > GAP_MAX || g->ranges == RANGES_MAX)
		return;
	/* Segments that overlap: no linker makes them. */
	if (g->ranges > 0 && start < g->range[g->ranges - 1].end)
		return;
	start = skip_padding(start, end);
	if (start == end || g->bytes + (end - start) > BYTES_MAX)
		return;
	g->bytes += end - start;
	g->range[g->ranges++] = (struct flow_range){ .start = start, .end = end };
}

/* As much of it as is in an executable segment. */
static void add_gap_in_text(struct gaps *g, __u64 start, __u64 end)
{
	const ElfW(Phdr) *phdr = g->module->phdr;

	for (unsigned i = 0; i < g->module->phnum; i++) {
		__u64 segment = g->module->bias + phdr[i].p_vaddr;
		__u64 segment_end = segment + phdr[i].p_filesz;
		__u64 lo = start > segment ? start : segment;
		__u64 hi = end < segment_end ? end : segment_end;

		if (phdr[i].p_type == PT_LOAD && phdr[i].p_flags & PF_R &&
		    phdr[i].p_flags & PF_X && lo < hi)
			add_gap(g, lo, hi);
	}
}

static __u64 row_start(const struct gaps *g, size_t row)
{
	return g->module->bias + g->rows->pc[row];
}

static void find_gaps(struct gaps *g)
{
	const struct gaps_rows *rows = g->rows;

	for (size_t i = 0; i < rows->count; i++) {
		bool last = i + 1 == rows->count;

		/* Nearly all of them are padding. */
		if (rows->rule_of[i] == 0 && (last || rows->pc[i + 1] - rows->pc[i] >= GAP_MIN))
			add_gap_in_text(g, row_start(g, i), last ? ~0ull : row_start(g, i + 1));
	}
}

/* So that most targets of calls can be dismissed at a glance. */
static void fill_pages(struct gaps *g)
{
	g->text = g->range[0].start;
	g->text_end = g->range[g->ranges - 1].end;
	while ((g->text_end - g->text) >> g->shift >= PAGES)
		g->shift++;
	for (unsigned i = 0; i < g->ranges; i++) {
		__u64 last = (g->range[i].end - 1 - g->text) >> g->shift;

		for (__u64 bit = (g->range[i].start - g->text) >> g->shift; bit <= last; bit++)
			g->page[bit / 64] |= 1ull << bit % 64;
	}
}

static bool is_in_gap(const struct gaps *g, __u64 pc)
{
	__u64 bit = (pc - g->text) >> g->shift;

	return pc >= g->text && pc < g->text_end && g->page[bit / 64] >> bit % 64 & 1 &&
	       flow_find(&g->flow, pc) != NULL;
}

/* --------------------------------------------------------------------- entries */

/* Is it as certain already that a function begins there? */
static bool has_entry(const struct gaps *g, __u64 pc, enum trust trust)
{
	for (unsigned i = 0; i < g->entries; i++)
		if (g->entry[i].pc == pc && g->entry[i].trust <= trust &&
		    (g->entry[i].trust == FOREIGN) == (trust == FOREIGN))
			return true;
	return false;
}

static void add_entry(struct gaps *g, __u64 pc, enum trust trust)
{
	if (is_in_gap(g, pc) && !has_entry(g, pc, trust) && g->entries < ENTRIES_MAX)
		g->entry[g->entries++] = (struct entry){ .pc = pc, .trust = trust };
}

/* What the dynamic section says, by its tags. */
struct dynamic {
	__u64 value[DT_FINI_ARRAYSZ + 1];
	__u64 gnu_hash;
};

/* The dynamic linker has added the bias to some of these, to others not. */
static __u64 biased(const struct gaps *g, __u64 address)
{
	return address < g->module->bias ? address + g->module->bias : address;
}

static void read_dynamic(const struct gaps *g, struct dynamic *ret)
{
	const ElfW(Phdr) *phdr = g->module->phdr;
	const ElfW(Dyn) *d;

	memset(ret, 0, sizeof(*ret));
	for (unsigned i = 0; i < g->module->phnum; i++) {
		__u64 at = g->module->bias + phdr[i].p_vaddr;

		if (phdr[i].p_type != PT_DYNAMIC ||
		    segment_of(g, at, phdr[i].p_filesz, PF_R) == NULL)
			continue;
		d = (const ElfW(Dyn) *)at;
		for (const ElfW(Dyn) *end = d + phdr[i].p_filesz / sizeof(*d);
		     d < end && d->d_tag != DT_NULL; d++) {
			if (d->d_tag > DT_NULL && d->d_tag <= DT_FINI_ARRAYSZ)
				ret->value[d->d_tag] = d->d_un.d_val;
			else if (d->d_tag == DT_GNU_HASH)
				ret->gnu_hash = d->d_un.d_ptr;
		}
	}
}

static void add_array(struct gaps *g, __u64 at, __u64 size)
{
	at = biased(g, at);
	if (at % 8 != 0 || segment_of(g, at, size, PF_R) == NULL)
		return;
	for (__u64 i = 0; i + 8 <= size; i += 8)
		add_entry(g, *(const __u64 *)(at + i), CERTAIN);
}

/* A hash table ends with the chain of the last symbol in any bucket. */
static __u64 count_symbols(const struct gaps *g, __u64 at)
{
	const __u32 *header = (const __u32 *)at;
	const __u32 *bucket, *chain;
	__u32 last = 0;

	if (at % 4 != 0 || segment_of(g, at, 16, PF_R) == NULL)
		return 0;
	bucket = (const __u32 *)(at + 16 + 8ull * header[2]);
	chain = bucket + header[0];
	if (segment_of(g, at, 16 + 8ull * header[2] + 4ull * header[0], PF_R) == NULL)
		return 0;
	for (__u32 i = 0; i < header[0]; i++)
		if (bucket[i] > last)
			last = bucket[i];
	if (last < header[1])
		return 0;
	while (segment_of(g, (__u64)&chain[last - header[1]], 4, PF_R) != NULL)
		if (chain[last++ - header[1]] & 1)
			return last;
	return 0;
}

static void add_symbols(struct gaps *g, const struct dynamic *d)
{
	const ElfW(Sym) *symbol = (const ElfW(Sym) *)biased(g, d->value[DT_SYMTAB]);
	__u64 count = count_symbols(g, biased(g, d->gnu_hash));
	unsigned before = g->entries;

	if ((__u64)symbol % 8 != 0 ||
	    segment_of(g, (__u64)symbol, count * sizeof(*symbol), PF_R) == NULL)
		return;
	for (__u64 i = 0; i < count; i++)
		if (ELF64_ST_TYPE(symbol[i].st_info) == STT_FUNC && symbol[i].st_shndx != SHN_UNDEF)
			add_entry(g, g->module->bias + symbol[i].st_value, CERTAIN);
	g->has_symbols = g->entries > before;
}

static void add_relocations(struct gaps *g, const struct dynamic *d)
{
	__u64 at = biased(g, d->value[DT_RELA]);
	__u64 size = d->value[DT_RELASZ];
	const ElfW(Rela) *rela = (const ElfW(Rela) *)at;

	if (at % 8 != 0 || segment_of(g, at, size, PF_R) == NULL)
		return;
	for (__u64 i = 0; i < size / sizeof(*rela); i++)
		if (ELF64_R_TYPE(rela[i].r_info) == R_X86_64_RELATIVE)
			add_entry(g, g->module->bias + (__u64)rela[i].r_addend, PROBABLE);
}

/* ------------------------------------------- what covered code says about the gaps */

/* The row that holds a covered address. */
static size_t find_row(const struct gaps *g, __u64 pc)
{
	__u64 relative = pc - g->module->bias;
	size_t low = 0;
	size_t high = g->rows->count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (g->rows->pc[middle] <= relative)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* The return address is on top: nothing has been pushed yet, or no more. */
static bool is_entry_rule(const struct cfi_rule *rule)
{
	return rule->kind == CFI_OFFSET && rule->cfa_register == CFI_RSP && rule->cfa_offset == 8 &&
	       rule->saved[CFI_SLOT_PC] == -1;
}

/*
 * The bytes at `at` look like a part of an instruction that leads to `target`. It
 * is one if decoding from a place that certainly begins an instruction comes to it.
 */
static void confirm(struct gaps *g, __u64 at, __u64 end, __u64 target)
{
	size_t row = find_row(g, at);
	__u64 pc = row_start(g, row);
	const struct cfi_rule *rule = &g->rows->rule[g->rows->rule_of[row]];
	struct insn i;

	do {
		if (g->module->budget->steps-- <= 0 ||
		    !insn_decode((const __u8 *)pc, end - pc, pc, &i))
			return;
		pc += i.length;
	} while (pc <= at);
	if (i.target != target)
		return;
	if (i.flow == INSN_CALL)
		add_entry(g, target, CERTAIN);
	else if (i.flow == INSN_NEXT)
		add_entry(g, target, PROBABLE);
	else
		add_entry(g, target, is_entry_rule(rule) ? CERTAIN : FOREIGN);
}

static __s32 signed_at(const __u8 *at)
{
	__s32 value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* Where an instruction at `at`, before `end`, leads by 32 bits of distance; or 0. */
static __u64 far_target(const __u8 *at, const __u8 *end)
{
	bool is_call_or_jump = (at[0] & 0xfe) == 0xe8;
	bool is_branch = at[0] == 0x0f && (at[1] & 0xf0) == 0x80;
	bool is_lea = at[0] == 0x8d && (at[1] & 0xc7) == 0x05;	/* from rip */
	unsigned length = is_call_or_jump ? 5 : 6;

	if ((!is_call_or_jump && !is_branch && !is_lea) || end - at < length)
		return 0;
	return (__u64)at + length + (__u64)(__s64)signed_at(at + length - 4);
}

static __m128i load(const __u8 *at)
{
	return _mm_loadu_si128((const __m128i *)at);
}

static __m128i has_bits(__m128i bytes, __u8 mask, __u8 bits)
{
	return _mm_cmpeq_epi8(_mm_and_si128(bytes, _mm_set1_epi8((char)mask)),
			      _mm_set1_epi8((char)bits));
}

/* The last byte of a distance of less than 16 MiB; more code than that is not searched. */
static __m128i ends_distance(const __u8 *at)
{
	return _mm_or_si128(has_bits(load(at), 0xff, 0), has_bits(load(at), 0xff, 0xff));
}

/* Bit for each of sixteen bytes that may begin such an instruction. */
static unsigned far_beginnings(const __u8 *at)
{
	__m128i calls = _mm_and_si128(has_bits(load(at), 0xfe, 0xe8), ends_distance(at + 4));
	__m128i branches = _mm_and_si128(has_bits(load(at), 0xff, 0x0f),
					 has_bits(load(at + 1), 0xf0, 0x80));
	__m128i leas = _mm_and_si128(has_bits(load(at), 0xff, 0x8d),
				     has_bits(load(at + 1), 0xc7, 0x05));
	__m128i longer = _mm_and_si128(_mm_or_si128(branches, leas), ends_distance(at + 5));

	return (unsigned)_mm_movemask_epi8(_mm_or_si128(calls, longer));
}

/* What looks like such an instruction need not be one. */
static void look_far(struct gaps *g, const __u8 *at, const __u8 *end)
{
	__u64 target = far_target(at, end);

	if (!is_in_gap(g, target))
		return;
	/* The same is called, and the same table is used, in many places. */
	if ((*at == 0xe8 && has_entry(g, target, CERTAIN)) ||
	    (*at == 0x8d && has_entry(g, target, PROBABLE)))
		return;
	confirm(g, (__u64)at, (__u64)end, target);
}

static void search_far(struct gaps *g, __u64 start, __u64 end)
{
	enum { LOOKED_AT = 21 };
	const __u8 *at = (const __u8 *)start;
	const __u8 *last = (const __u8 *)end;

	for (; last - at >= LOOKED_AT; at += 16)
		for (unsigned bits = far_beginnings(at); bits != 0; bits &= bits - 1)
			look_far(g, at + __builtin_ctz(bits), last);
	for (; last - at >= 5; at++)
		look_far(g, at, last);
}

/* Jumps that can reach 128 bytes. */
static void search_near(struct gaps *g, __u64 start, __u64 end, __u64 function_end)
{
	for (__u64 at = start; at + 2 <= end; at++) {
		const __u8 *byte = (const __u8 *)at;
		__u64 target = at + 2 + (__u64)(__s64)(__s8)byte[1];

		if (((byte[0] & 0xf0) == 0x70 || (byte[0] & 0xfc) == 0xe0 || byte[0] == 0xeb) &&
		    is_in_gap(g, target))
			confirm(g, at, function_end, target);
	}
}

static void search(struct gaps *g, __u64 start, __u64 end)
{
	enum { REACH = 130 };
	__u64 head = end - start > REACH ? start + REACH : end;
	__u64 tail = end - start > REACH ? end - REACH : start;

	search_far(g, start, end);
	if (flow_find(&g->flow, start - 1) != NULL)
		search_near(g, start, head, end);
	if (flow_find(&g->flow, end) != NULL)
		search_near(g, tail, end, end);
}

/* False: that would be more than there is in the budget. */
static bool search_covered_code(struct gaps *g)
{
	const struct gaps_rows *rows = g->rows;
	size_t first = 0;

	for (size_t i = 0; i < rows->count; i++) {
		__u64 start = row_start(g, first);
		__u64 end = row_start(g, i);

		if (rows->rule_of[i] != 0)
			continue;
		first = i + 1;
		if (end - start < 2 || segment_of(g, start, end - start, PF_R | PF_X) == NULL)
			continue;
		g->module->budget->bytes -= (long)(end - start);
		if (g->module->budget->bytes < 0)
			return false;
		search(g, start, end);
	}
	return true;
}

/* -------------------------------------------------------------------- following */

static __u16 intern_rule(struct gaps *g, const struct cfi_rule *rule)
{
	if (rule->kind == CFI_NONE)
		return NOT_KNOWN;
	if (memcmp(&g->rule[g->last_rule], rule, sizeof(*rule)) == 0)
		return (__u16)(FIRST_RULE + g->last_rule);
	for (unsigned i = 0; i < g->rules; i++) {
		if (memcmp(&g->rule[i], rule, sizeof(*rule)) != 0)
			continue;
		g->last_rule = i;
		return (__u16)(FIRST_RULE + i);
	}
	if (g->rules == RULES_MAX)
		return NOT_KNOWN;
	g->last_rule = g->rules;
	g->rule[g->rules] = *rule;
	return (__u16)(FIRST_RULE + g->rules++);
}

/* Two functions that share code must agree about it. */
static void keep_node(struct gaps *g, const struct flow_node *n)
{
	__u16 *at = &g->rule_at[n->range->before + (n->pc - n->range->start)];
	struct cfi_rule rule;
	__u16 index;

	flow_rule(&n->state, &rule);
	index = intern_rule(g, &rule);
	for (unsigned i = 0; i < n->length; i++)
		at[i] = at[i] == NOT_REACHED || at[i] == index ? index : NOT_KNOWN;
}

static void follow_entry(struct gaps *g, const struct entry *e)
{
	struct flow *f = &g->flow;

	f->steps = g->module->budget->steps;
	f->strict = e->trust == PROBABLE;
	flow_follow(f, e->pc, e->trust != FOREIGN);
	g->module->budget->steps = f->steps;
	if (f->exhausted || (f->strict && (f->faults > 0 || f->returns == 0)))
		return;
	for (__u32 i = 0; i < f->nodes; i++) {
		keep_node(g, &f->node[i]);
		if (f->node[i].callee != 0 && e->trust != FOREIGN)
			add_entry(g, f->node[i].callee, CERTAIN);
	}
}

static void follow_entries(struct gaps *g)
{
	for (; g->followed < g->entries; g->followed++)
		follow_entry(g, &g->entry[g->followed]);
}

/*
 * Some linkers write no call-frame information for the procedure linkage table:
 *	jmp *slot(%rip); push $n; jmp	lld's, where the slot leads to the push at first
 *	endbr64; push $n; jmp; nop	and the same in two halves, against forged
 *	endbr64; jmp *slot(%rip); nop	indirect jumps
 */
static void follow_plt_entry(struct gaps *g, __u64 pc)
{
	static const __u8 endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	const __u8 *byte = (const __u8 *)pc;
	bool is_jump = byte[0] == 0xff && byte[1] == 0x25 && byte[6] == 0x68 && byte[11] == 0xe9;
	bool is_half = memcmp(byte, endbr64, sizeof(endbr64)) == 0 &&
		       ((byte[4] == 0x68 && byte[9] == 0xe9) ||
			(byte[4] == 0xff && byte[5] == 0x25 && byte[10] == 0x66));

	if (is_jump || is_half)
		follow_entry(g, &(struct entry){ .pc = pc, .trust = CERTAIN });
	if (is_jump)
		follow_entry(g, &(struct entry){ .pc = pc + 6, .trust = CERTAIN });
}

static void follow_plt(struct gaps *g)
{
	enum { SIZE = 16 };

	for (unsigned i = 0; i < g->ranges; i++)
		for (__u64 pc = (g->range[i].start + SIZE - 1) & -(__u64)SIZE;
		     pc + SIZE <= g->range[i].end; pc += SIZE)
			follow_plt_entry(g, pc);
}

/* Where a stretch of code that nothing has led to so far ends; `at` if it is reached. */
static __u64 stretch_end(const struct gaps *g, const struct flow_range *r, __u64 at)
{
	while (at < r->end && g->rule_at[r->before + (at - r->start)] == NOT_REACHED)
		at++;
	return at;
}

/* Is there anything that is worth a search for what leads to it? */
static bool is_incomplete(const struct gaps *g)
{
	for (unsigned i = 0; i < g->ranges; i++) {
		const struct flow_range *r = &g->range[i];
		__u64 at, end;

		for (at = r->start; at < r->end; at = end + 1) {
			end = stretch_end(g, r, at);
			if (end - skip_padding(at, end) >= WORTH_A_SEARCH)
				return true;
		}
	}
	return false;
}

static void derive(struct gaps *g)
{
	struct dynamic dynamic;

	follow_plt(g);
	read_dynamic(g, &dynamic);
	add_entry(g, biased(g, dynamic.value[DT_INIT]), CERTAIN);
	add_entry(g, biased(g, dynamic.value[DT_FINI]), CERTAIN);
	add_array(g, dynamic.value[DT_INIT_ARRAY], dynamic.value[DT_INIT_ARRAYSZ]);
	add_array(g, dynamic.value[DT_FINI_ARRAY], dynamic.value[DT_FINI_ARRAYSZ]);
	add_symbols(g, &dynamic);
	follow_entries(g);
	/* What programs and libraries begin and end with is all there is in most. */
	if (!g->has_symbols && !is_incomplete(g))
		return;
	if (!search_covered_code(g))
		return;
	add_relocations(g, &dynamic);
	follow_entries(g);
}

/* -------------------------------------------------------------------- the result */

static void report(const struct gaps *g, const struct flow_range *range,
		   void (*found)(void *arg, __u64 start, __u64 end, const struct cfi_rule *rule),
		   void *arg)
{
	const __u16 *rule_at = &g->rule_at[range->before];
	__u64 size = range->end - range->start;

	for (__u64 start = 0, end; start < size; start = end) {
		for (end = start + 1; end < size && rule_at[end] == rule_at[start]; end++)
			;
		if (rule_at[start] >= FIRST_RULE)
			found(arg, range->start + start, range->start + end,
			      &g->rule[rule_at[start] - FIRST_RULE]);
	}
}

int gaps_derive(const struct gaps_module *module, const struct gaps_rows *rows,
		void (*found)(void *arg, __u64 start, __u64 end, const struct cfi_rule *rule),
		void *arg)
{
	const size_t size = sizeof(struct gaps) + BYTES_MAX * sizeof(__u16);
	struct gaps *g = pages_map(size);
	int r = 0;

	if (g == NULL)
		return -ENOMEM;
	g->module = module;
	g->rows = rows;
	g->rule_at = (__u16 *)(g + 1);
	find_gaps(g);
	if (g->ranges == 0)
		goto out_unmap;
	r = flow_open(&g->flow, g->range, g->ranges, 0);
	if (r != 0)
		goto out_unmap;
	fill_pages(g);
	derive(g);
	for (unsigned i = 0; i < g->ranges; i++)
		report(g, &g->range[i], found, arg);
	flow_close(&g->flow);
out_unmap:
	pages_unmap(g, size);
	return r;
}

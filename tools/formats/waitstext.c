/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/formats/waitstext.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/formats/textparts.h"
#include "tools/formats/titles.h"
#include "tools/formats/whereabouts.h"
#include "tools/print/printable.h"
#include "tools/profile/callsites.h"

enum {
	FIGURES_WIDTH = 33,	/* of a row: total, count and longest, with the blanks */
	NOTE_WIDTH = TEXTPARTS_WIDTH - FIGURES_WIDTH,
	HOLDERS_SHOWN = 3,
	CALLS_SHOWN = 5,
};

/* ---- lines ---- */

static void put_total(const struct export_context *c, const char *label, const char *what,
		      __u64 min_ns, const struct waits_sums *sums)
{
	char total[32], count[32], least[32], longest[32];

	if (sums->count == 0)
		textparts_fact(c, label, "no %s took %s or longer", what,
			       textparts_duration(least, min_ns));
	else
		textparts_fact(c, label, "%s in %s %s of at least %s; the longest took %s",
			       textparts_duration(total, sums->total_ns),
			       textparts_grouped(count, sums->count), what,
			       textparts_duration(least, min_ns),
			       textparts_duration(longest, sums->longest_ns));
}

static void put_columns(const struct export_context *c, const char *title, const char *total,
			const char *count, const char *rest)
{
	textparts_heading(c, title);
	textparts_style(c, "2");
	fprintf(c->out, "%10s %9s %10s  %s\n", total, count, "longest", rest);
	textparts_style(c, "0");
}

static void put_figures(const struct export_context *c, const struct waits_sums *sums)
{
	char total[32], count[32], longest[32];

	fprintf(c->out, "%10s %9s %10s  ", textparts_duration(total, sums->total_ns),
		textparts_grouped(count, sums->count),
		textparts_duration(longest, sums->longest_ns));
}

/* A line below a row's names. What is too long for it loses its beginning. */
static void put_note(const struct export_context *c, const char *text)
{
	char shown[TEXTPARTS_WIDTH + 4];

	textparts_shorten(shown, sizeof(shown), text, NOTE_WIDTH);
	fprintf(c->out, "%*s%s\n", FIGURES_WIDTH, "", shown);
}

static void put_rest(const struct export_context *c, size_t shown, size_t count)
{
	if (shown < count)
		fprintf(c->out, "%10s and %zu more (--limit=0 lists all)\n", "...", count - shown);
}

static size_t limit_of(const struct export_context *c, size_t count)
{
	return c->limit && c->limit < count ? c->limit : count;
}

/* Appends to a list in words, as far as there is room. */
static void append(char *list, size_t size, const char *words)
{
	size_t used = strlen(list);

	snprintf(list + used, size - used, "%s%s", used ? ", " : "", words);
}

/* "     21  main.store"; or the reason why there is no goroutine. */
static void put_waiter(const struct export_context *c, const struct series *series)
{
	char title[TITLES_SIZE], goid[24] = "-";
	const char *name = title;

	if (series->goid) {
		snprintf(goid, sizeof(goid), "%llu", (unsigned long long)series->goid);
		titles_start(c, series, title);
		name = textparts_after_slashes(title, 0);
	} else {
		titles_goroutine(c, series, title);
	}
	fprintf(c->out, "%9s  %.*s\n", goid, NOTE_WIDTH - 11, name);
}

/* ---- locks ---- */

/* "goroutine 24: main.reader" */
static void name_holder(const struct export_context *c, const struct tally *tally,
			const struct series *series, char ret[static TITLES_SIZE])
{
	titles_holder(c, &tally->threads, stacks_wait_of(&tally->lock.stacks, series), ret);
	if (!*ret)
		snprintf(ret, TITLES_SIZE, "nobody who is known");
}

/* Who held what these waits were for, with each one's part of the waiting. */
static int put_holders(const struct export_context *c, const struct tally *tally,
		       const struct waits_group *group)
{
	const struct waits *waits = &tally->lock;
	char words[TITLES_SIZE + 32], title[TITLES_SIZE];
	struct waits_groups holders;
	int err = waits_group(waits, WAITS_BY_HOLDER, group, &holders);

	for (size_t i = 0; !err && i < holders.count && i < HOLDERS_SHOWN; i++) {
		const struct waits_group *h = &holders.groups[i];
		double share = group->sums.total_ns ? 100.0 * (double)h->sums.total_ns /
							      (double)group->sums.total_ns : 0;

		name_holder(c, tally, &waits->stacks.series[h->series], title);
		snprintf(words, sizeof(words), "%s %s (%.0f %%)", i ? "and by" : "held by", title,
			 share);
		put_note(c, words);
	}
	waits_groups_free(&holders);
	return err;
}

static void put_meanwhile(const struct export_context *c, const struct tally *tally,
			  const struct waits_group *group)
{
	uint32_t stack = holders_meanwhile(&tally->holders, group->members, group->member_count);
	char place[WHEREABOUTS_SIZE], words[WHEREABOUTS_SIZE + 16];

	if (stack == HOLDERS_NONE)
		return;
	whereabouts_of(&tally->holders.stacks, stack, c->symbolizer, place);
	snprintf(words, sizeof(words), "meanwhile in %s", place);
	put_note(c, words);
}

static int put_lock_waiters(const struct export_context *c, const struct tally *tally)
{
	struct waits_groups waiters;
	int err = waits_group(&tally->lock, WAITS_BY_GOROUTINE, NULL, &waiters);
	size_t limit = err ? 0 : limit_of(c, waiters.count);

	if (!err)
		put_columns(c, "Lock waits by goroutine", "waited", "waits",
			    "     goid  start function");
	for (size_t i = 0; i < limit && !err; i++) {
		put_figures(c, &waiters.groups[i].sums);
		put_waiter(c, &tally->lock.stacks.series[waiters.groups[i].series]);
		err = put_holders(c, tally, &waiters.groups[i]);
	}
	if (!err)
		put_rest(c, limit, waiters.count);
	waits_groups_free(&waiters);
	return err;
}

/* "wanted by goroutine 21: main.store (80 %), in main.put  store.go:41" */
static int put_wanted(const struct export_context *c, const struct tally *tally,
		      const struct waits_group *lock)
{
	const struct waits *waits = &tally->lock;
	char title[TITLES_SIZE], place[WHEREABOUTS_SIZE], words[TITLES_SIZE + 64];
	const struct series *heaviest = &waits->stacks.series[lock->series];
	struct waits_groups waiters;
	int err = waits_group(waits, WAITS_BY_GOROUTINE, lock, &waiters);

	if (!err) {
		titles_goroutine(c, &waits->stacks.series[waiters.groups[0].series], title);
		snprintf(words, sizeof(words), "wanted by %s", title);
		if (waiters.count > 1)
			snprintf(words + strlen(words), sizeof(words) - strlen(words),
				 " and %zu more", waiters.count - 1);
		put_note(c, words);
		whereabouts_site(&waits->stacks, heaviest->stack, c->symbolizer, place);
		snprintf(words, sizeof(words), "in %.500s", place);
		put_note(c, words);
	}
	waits_groups_free(&waiters);
	return err;
}

static int put_locks(const struct export_context *c, const struct tally *tally)
{
	struct waits_groups locks;
	int err = waits_group(&tally->lock, WAITS_BY_LOCK, NULL, &locks);
	size_t limit = err ? 0 : limit_of(c, locks.count);

	if (!err)
		put_columns(c, "Lock waits by lock", "waited", "waits", "lock");
	for (size_t i = 0; i < limit && !err; i++) {
		const struct waits_group *lock = &locks.groups[i];
		const struct stacks_wait *wait =
			stacks_wait_of(&tally->lock.stacks, &tally->lock.stacks.series[lock->series]);

		put_figures(c, &lock->sums);
		fprintf(c->out, "%s 0x%llx\n", events_lock.kind_name(wait->kind),
			(unsigned long long)wait->address);
		err = put_wanted(c, tally, lock);
		if (!err)
			err = put_holders(c, tally, lock);
		put_meanwhile(c, tally, lock);
	}
	if (!err)
		put_rest(c, limit, locks.count);
	waits_groups_free(&locks);
	return err;
}

int waitstext_put_locks(const struct export_context *c, const struct tally *tally)
{
	int err;

	textparts_heading(c, "Lock waits");
	put_total(c, "waited", "waits", reader_header(c->reader)->lock_min_ns, &tally->lock.total);
	if (tally->lock.total.count == 0)
		return 0;
	err = put_lock_waiters(c, tally);
	return err ? err : put_locks(c, tally);
}

/* ---- calls ---- */

/* "in read 1.20 s (40), poll 300 ms (2)" */
static int put_names(const struct export_context *c, const struct waits *waits,
		     const struct waits_group *group)
{
	char list[400] = "in ", words[96], total[32], count[32];
	struct waits_groups calls;
	int err = waits_group(waits, WAITS_BY_KIND, group, &calls);

	for (size_t i = 0; !err && i < calls.count && i < CALLS_SHOWN; i++) {
		const struct waits_group *call = &calls.groups[i];
		const struct stacks_wait *wait =
			stacks_wait_of(&waits->stacks, &waits->stacks.series[call->series]);

		snprintf(words, sizeof(words), "%s %s (%s)", events_block.kind_name(wait->kind),
			 textparts_duration(total, call->sums.total_ns),
			 textparts_grouped(count, call->sums.count));
		append(list + 3, sizeof(list) - 3, words);
	}
	if (!err)
		put_note(c, list);
	waits_groups_free(&calls);
	return err;
}

static int put_callers(const struct export_context *c, const struct waits *waits)
{
	struct waits_groups callers;
	int err = waits_group(waits, WAITS_BY_GOROUTINE, NULL, &callers);
	size_t limit = err ? 0 : limit_of(c, callers.count);

	if (!err)
		put_columns(c, "Blocked in the kernel by goroutine", "blocked", "calls",
			    "     goid  start function");
	for (size_t i = 0; i < limit && !err; i++) {
		put_figures(c, &callers.groups[i].sums);
		put_waiter(c, &waits->stacks.series[callers.groups[i].series]);
		err = put_names(c, waits, &callers.groups[i]);
	}
	if (!err)
		put_rest(c, limit, callers.count);
	waits_groups_free(&callers);
	return err;
}

/* A call and the place that made it, in words: stacks of one place are one line. */
struct site {
	char words[WHEREABOUTS_SIZE];
	struct waits_sums sums;
};

static int compare_words(const void *va, const void *vb)
{
	return strcmp(((const struct site *)va)->words, ((const struct site *)vb)->words);
}

static int compare_totals(const void *va, const void *vb)
{
	const struct site *a = va, *b = vb;

	if (a->sums.total_ns != b->sums.total_ns)
		return a->sums.total_ns < b->sums.total_ns ? 1 : -1;
	return compare_words(va, vb);
}

static size_t merge_sites(struct site *sites, size_t count)
{
	size_t kept = 0;

	qsort(sites, count, sizeof(*sites), compare_words);
	for (size_t i = 0; i < count; i++) {
		if (kept > 0 && compare_words(&sites[kept - 1], &sites[i]) == 0)
			waits_add_sums(&sites[kept - 1].sums, &sites[i].sums);
		else
			sites[kept++] = sites[i];
	}
	qsort(sites, kept, sizeof(*sites), compare_totals);
	return kept;
}

static void fill_site(const struct export_context *c, const struct waits *waits,
		      const struct waits_group *group, struct site *ret)
{
	const struct series *series = &waits->stacks.series[group->series];
	char place[WHEREABOUTS_SIZE];

	whereabouts_site(&waits->stacks, series->stack, c->symbolizer, place);
	snprintf(ret->words, sizeof(ret->words), "%-13s %.400s",
		 events_block.kind_name(stacks_wait_of(&waits->stacks, series)->kind), place);
	ret->sums = group->sums;
}

static int put_sites(const struct export_context *c, const struct waits *waits)
{
	struct waits_groups groups;
	int err = waits_group(waits, WAITS_BY_KIND | WAITS_BY_STACK, NULL, &groups);
	struct site *sites = err ? NULL : calloc(groups.count + 1, sizeof(*sites));
	size_t count, limit;

	if (!sites)
		goto out_free;
	for (size_t i = 0; i < groups.count; i++)
		fill_site(c, waits, &groups.groups[i], &sites[i]);
	count = merge_sites(sites, groups.count);
	limit = limit_of(c, count);
	put_columns(c, "Blocked in the kernel by call site", "blocked", "calls",
		    "call          function, file and line");
	for (size_t i = 0; i < limit; i++) {
		put_figures(c, &sites[i].sums);
		fprintf(c->out, "%s\n", sites[i].words);
	}
	put_rest(c, limit, count);
	free(sites);
out_free:
	waits_groups_free(&groups);
	return sites ? 0 : -ENOMEM;
}

int waitstext_put_calls(const struct export_context *c, const struct tally *tally)
{
	int err;

	textparts_heading(c, "Blocked in the kernel");
	put_total(c, "blocked", "calls", reader_header(c->reader)->block_min_ns,
		  &tally->block.total);
	if (tally->block.total.count == 0)
		return 0;
	err = put_callers(c, &tally->block);
	return err ? err : put_sites(c, &tally->block);
}

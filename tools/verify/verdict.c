/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/verify/verdict.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "probe/fsbase.h"
#include "tools/ring/names.h"

static const char *const outcome_names[EVIDENCE_VERDICT_MAX] = {
	[EVIDENCE_AGREED] = "agreed",
	[EVIDENCE_SHIM_WRONG] = "shim_wrong",
	[EVIDENCE_STALE_FSBASE] = "stale_fsbase",
	[EVIDENCE_UNREADABLE] = "unreadable",
	[EVIDENCE_CHANGED] = "changed",
	[EVIDENCE_NO_LAYOUT] = "no_layout",
};

static const char *const outcome_words[EVIDENCE_VERDICT_MAX] = {
	[EVIDENCE_AGREED] = "agreed",
	[EVIDENCE_SHIM_WRONG] = "the shim is wrong",
	[EVIDENCE_STALE_FSBASE] = "the kernel's FS base lags behind WRFSBASE; the shim is right",
	[EVIDENCE_UNREADABLE] = "the kernel could not read the memory",
	[EVIDENCE_CHANGED] = "the goroutine changed between two readings",
	[EVIDENCE_NO_LAYOUT] = "no layout was known yet",
};

static const char *const field_names[EVIDENCE_FIELD_MAX] = {
	[EVIDENCE_FS_BASE] = "fs_base", [EVIDENCE_G] = "g",	      [EVIDENCE_GOID] = "goid",
	[EVIDENCE_CLASS] = "class",	[EVIDENCE_REASON] = "reason",
};

static const char *const layouts_names[] = {
	[TRIAL_LAYOUTS_UNCONFIRMED] = "unconfirmed",
	[TRIAL_LAYOUTS_CONFIRMED] = "confirmed",
	[TRIAL_LAYOUTS_DIFFER] = "differ",
	[TRIAL_LAYOUTS_TRUSTED] = "trusted",
	[TRIAL_LAYOUTS_SAME] = "same",
};

static const char *const verdict_names[] = {
	[VERDICT_AGREED] = "agreed",
	[VERDICT_DISPUTED] = "disputed",
	[VERDICT_FAILED] = "failed",
};

static const char *method_of(const struct trial_process *p)
{
	return fsbase_method_name(p->has_ring ? p->ring.header.fsbase_method
					      : GOIDSHIM_FSBASE_NONE);
}

enum verdict verdict_reach(const struct trial_sums *sums)
{
	if (sums->readings == 0)
		return VERDICT_FAILED;
	return trial_is_clean(sums) ? VERDICT_AGREED : VERDICT_DISPUTED;
}

static void print_process(FILE *out, const struct trial_process *p)
{
	const struct goidshim_header *h = &p->ring.header;
	const char *difference = p->difference;

	fprintf(out, "target     %d %s", (int)p->pid, p->exe[0] ? p->exe : "(ended)");
	if (p->has_ring && h->object_count)
		fprintf(out, ", %.31s", h->objects[0].go_version);
	fprintf(out, "\n  offsets  %s%s%s\n", layouts_names[p->layouts], difference[0] ? ": " : "",
		difference);
	if (p->has_ring)
		fprintf(out, "  FS base  %s (%.95s)\n", method_of(p), h->fsbase_note);
}

static void print_share(FILE *out, const char *what, __u64 part, __u64 whole)
{
	if (part)
		fprintf(out, "  %-58s %12" PRIu64 "  %8.4f %%\n", what, (uint64_t)part,
			100.0 * (double)part / (double)whole);
}

static void print_outcomes(FILE *out, const struct trial_sums *s)
{
	fprintf(out, "readings   %" PRIu64 "\n", (uint64_t)s->readings);
	for (int v = 0; v < EVIDENCE_VERDICT_MAX; v++)
		print_share(out, outcome_words[v], s->outcomes[v], s->readings);
	print_share(out, "agreed, but by offsets that are wrong", s->wrong_layout, s->readings);
	print_share(out, "agreed, but by the shim's own offsets only", s->unconfirmed, s->readings);
}

static void print_fields(FILE *out, const struct evidence_counts *n)
{
	for (int f = 0; f < EVIDENCE_FIELD_MAX; f++)
		for (int v = 1; v < EVIDENCE_VERDICT_MAX; v++)
			if (n->fields[f][v])
				fprintf(out, "differs    %-8s %12" PRIu64 "  (%s)\n",
					field_names[f], (uint64_t)n->fields[f][v],
					outcome_words[v]);
}

static __u64 class_total(const struct evidence_counts *n, int class_)
{
	__u64 total = 0;

	for (int v = 0; v < EVIDENCE_VERDICT_MAX; v++)
		total += n->classes[class_][v];
	return total;
}

static void print_classes(FILE *out, const struct evidence_counts *n)
{
	fprintf(out, "class      %12s %12s\n", "readings", "as read");
	for (int c = 0; c < GOIDSHIM_CLASS_MAX; c++)
		if (class_total(n, c))
			fprintf(out, "  %-10s %10" PRIu64 " %12" PRIu64 "\n",
				names_class((unsigned)c), (uint64_t)class_total(n, c),
				(uint64_t)n->classes[c][EVIDENCE_AGREED]);
}

static void print_coverage(FILE *out, const struct trial_sums *s)
{
	fprintf(out, "coverage   %" PRIu64 " of %" PRIu64 " samples between the first and the last "
		"of each lane", (uint64_t)s->coverage.hits, (uint64_t)s->coverage.fired);
	if (s->ring_samples)
		fprintf(out, "; %" PRIu64 " of %" PRIu64 " in the ring", (uint64_t)s->ring_hits,
			(uint64_t)s->ring_samples);
	fputc('\n', out);
	if (s->events_lost)
		fprintf(out, "           %" PRIu64 " disputes counted, but their details lost\n",
			(uint64_t)s->events_lost);
}

void verdict_print_text(FILE *out, const struct trial *trial, const struct trial_sums *sums,
			const char *cause)
{
	/* A thousand short processes need no thousand paragraphs. */
	for (size_t i = 0; i < trial->count && i < 8; i++)
		print_process(out, &trial->processes[i]);
	if (trial->count > 8)
		fprintf(out, "target     and %zu processes more\n", trial->count - 8);
	print_outcomes(out, sums);
	print_fields(out, &sums->counts);
	if (sums->readings) {
		print_classes(out, &sums->counts);
		print_coverage(out, sums);
	}
	switch (verdict_reach(sums)) {
	case VERDICT_AGREED:
		fprintf(out, "verdict    agreed: the kernel confirms every reading\n");
		break;
	case VERDICT_DISPUTED:
		fprintf(out, "verdict    DISPUTED: not every reading was confirmed\n");
		break;
	case VERDICT_FAILED:
		fprintf(out, "verdict    FAILED: no reading to judge: %s\n", cause);
	}
}

static json_t *json_number(__u64 n)
{
	return json_integer((json_int_t)n);
}

static json_t *json_outcomes(const __u64 outcomes[EVIDENCE_VERDICT_MAX])
{
	json_t *object = json_object();

	for (int v = 0; v < EVIDENCE_VERDICT_MAX; v++)
		json_object_set_new(object, outcome_names[v], json_number(outcomes[v]));
	return object;
}

static json_t *json_process(const struct trial_process *p)
{
	json_t *object = json_pack("{s:i, s:s, s:s, s:s, s:s}", "pid", (int)p->pid, "exe", p->exe,
				   "layouts", layouts_names[p->layouts], "difference",
				   p->difference, "fs_base_method", method_of(p));

	if (!object || !p->has_ring)
		return object;
	json_object_set_new(object, "ring", json_string(p->ring.path));
	json_object_set_new(object, "ring_samples", json_number(trial_ring_samples(p)));
	return object;
}

static json_t *json_processes(const struct trial *trial)
{
	json_t *array = json_array();

	for (size_t i = 0; i < trial->count; i++)
		json_array_append_new(array, json_process(&trial->processes[i]));
	return array;
}

static json_t *json_counts(const struct trial_sums *sums)
{
	const struct evidence_counts *n = &sums->counts;
	json_t *classes = json_object(), *fields = json_object();

	for (int c = 0; c < GOIDSHIM_CLASS_MAX; c++)
		if (class_total(n, c))
			json_object_set_new(classes, names_class((unsigned)c),
					    json_outcomes(n->classes[c]));
	for (int f = 0; f < EVIDENCE_FIELD_MAX; f++)
		json_object_set_new(fields, field_names[f], json_outcomes(n->fields[f]));
	return json_pack("{s:o, s:o, s:o, s:o}", "classes", classes, "fields", fields, "threads",
			 json_number(sums->threads), "events_lost",
			 json_number(sums->events_lost));
}

static int json_print(FILE *out, json_t *object, size_t flags)
{
	int r = -ENOMEM;

	if (object) {
		r = json_dumpf(object, out, flags) < 0 ? -EIO : 0;
		fputc('\n', out);
	}
	json_decref(object);
	return r;
}

int verdict_print_json(FILE *out, const struct trial *trial, const struct trial_sums *sums,
		       const char *cause)
{
	json_t *outcomes = json_outcomes(sums->outcomes);
	json_t *coverage = json_pack(
		"{s:o, s:o, s:o, s:o}", "hits", json_number(sums->coverage.hits), "fired",
		json_number(sums->coverage.fired), "ring_hits", json_number(sums->ring_hits),
		"ring_samples", json_number(sums->ring_samples));

	json_object_set_new(outcomes, "wrong_layout", json_number(sums->wrong_layout));
	json_object_set_new(outcomes, "unconfirmed", json_number(sums->unconfirmed));
	return json_print(out,
			  json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "verdict",
				    verdict_names[verdict_reach(sums)], "cause", cause ? cause : "",
				    "readings", json_number(sums->readings), "outcomes", outcomes,
				    "coverage", coverage, "counts", json_counts(sums),
				    "processes", json_processes(trial)),
			  JSON_INDENT(2));
}

static json_t *json_account(const struct evidence_account *a)
{
	return json_pack("{s:o, s:o, s:o, s:s, s:s}", "fs_base", json_number(a->fs_base), "g",
			 json_number(a->g), "goid", json_number(a->goid), "class",
			 names_class(a->class_), "reason", names_reason(a->reason));
}

static const char *outcome_name(const struct evidence_event *e)
{
	return e->verdict < EVIDENCE_VERDICT_MAX ? outcome_names[e->verdict] : "unknown";
}

static json_t *json_fields(const struct evidence_event *e)
{
	json_t *fields = json_array();

	for (int f = 0; f < EVIDENCE_FIELD_MAX; f++)
		if (e->fields & (1 << f))
			json_array_append_new(fields, json_string(field_names[f]));
	return fields;
}

int verdict_print_event(FILE *out, const struct evidence_event *e)
{
	const char *offsets = e->layout == EVIDENCE_LAYOUT_OWN ? "own" : "shim";
	json_t *object = json_pack("{s:i, s:i, s:i, s:s, s:s}", "pid", (int)e->tgid, "tid",
				   (int)e->tid, "lane", (int)e->lane, "offsets", offsets, "outcome",
				   outcome_name(e));

	json_object_set_new(object, "time_ns", json_number(e->time_ns));
	json_object_set_new(object, "sequence", json_number(e->sequence));
	json_object_set_new(object, "differs", json_fields(e));
	json_object_set_new(object, "pc", json_number(e->pc));
	json_object_set_new(object, "sp", json_number(e->sp));
	json_object_set_new(object, "tcb", json_number(e->tcb));
	json_object_set_new(object, "shim", json_account(&e->shim));
	json_object_set_new(object, "witness", json_account(&e->witness));
	return json_print(out, object, JSON_COMPACT);
}

static void print_account(FILE *out, const char *who, const struct evidence_account *a)
{
	fprintf(out, "  %-8s goid %" PRIu64 ", %s, g %#" PRIx64 ", FS base %#" PRIx64 "\n", who,
		(uint64_t)a->goid, names_class(a->class_), (uint64_t)a->g, (uint64_t)a->fs_base);
}

void verdict_print_dispute(FILE *out, const struct evidence_event *e)
{
	fprintf(out, "thread %u, sample %" PRIu64 ", pc %#" PRIx64 ": %s\n", e->tid,
		(uint64_t)e->sequence, (uint64_t)e->pc,
		e->verdict < EVIDENCE_VERDICT_MAX ? outcome_words[e->verdict] : "?");
	print_account(out, "shim", &e->shim);
	print_account(out, "witness", &e->witness);
	if (e->tcb)
		fprintf(out, "  %-8s %#" PRIx64 "\n", "TCB", (uint64_t)e->tcb);
}

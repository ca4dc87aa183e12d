/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/verify/trial.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probe/golayout.h"
#include "tools/process/goprocess.h"

static struct trial_process *process_find(struct trial *trial, pid_t pid)
{
	for (size_t i = 0; i < trial->count; i++)
		if (trial->processes[i].pid == pid)
			return &trial->processes[i];
	return NULL;
}

static void read_exe(pid_t pid, char *ret, size_t size)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	n = readlink(path, ret, size - 1);
	ret[n > 0 ? n : 0] = '\0';
}

static struct trial_process *process_add(struct trial *trial, pid_t pid)
{
	struct trial_process *p = process_find(trial, pid);

	if (p)
		return p;
	p = reallocarray(trial->processes, trial->count + 1, sizeof(*p));
	if (!p)
		return NULL;
	trial->processes = p;
	p += trial->count++;
	*p = (struct trial_process){ .pid = pid };
	read_exe(pid, p->exe, sizeof(p->exe));
	return p;
}

/* The offsets that follow tls_offset in enum golayout_field, as an array. */
static const __u16 *offsets_of(const struct goidshim_golayout *l)
{
	return (const __u16 *)((const char *)l + offsetof(struct goidshim_golayout, g_stack_lo));
}

static bool layout_differs(const struct goidshim_golayout *shim,
			   const struct goidshim_golayout *own, char *ret, size_t size)
{
	if (shim->text != own->text || shim->etext != own->etext) {
		snprintf(ret, size, "text: the shim says %#llx-%#llx, the process %#llx-%#llx",
			 shim->text, shim->etext, own->text, own->etext);
		return true;
	}
	if (shim->tls_offset != own->tls_offset) {
		snprintf(ret, size, "tls_offset: the shim says %lld, the process %lld",
			 shim->tls_offset, own->tls_offset);
		return true;
	}
	for (int field = GOLAYOUT_TLS_OFFSET + 1; field < GOLAYOUT_FIELD_COUNT; field++) {
		__u16 a = offsets_of(shim)[field - 1], b = offsets_of(own)[field - 1];

		if (a == b)
			continue;
		snprintf(ret, size, "%s: the shim says %u, the process %u",
			 golayout_field_name(field), a, b);
		return true;
	}
	return false;
}

static const struct goprocess_object *object_find(const struct goprocess *process, __u64 text)
{
	for (size_t i = 0; i < process->count; i++)
		if (process->objects[i].layout.text == text)
			return &process->objects[i];
	return NULL;
}

/* Our layouts, in the shim's order. An object that it misplaced is taken by position. */
static bool layouts_derive(struct trial_process *p, const struct goprocess *process,
			   const struct evidence_layouts *published, struct evidence_layouts *ret)
{
	*ret = (struct evidence_layouts){ .count = published->count };
	for (__u32 i = 0; i < published->count; i++) {
		const struct goprocess_object *o = object_find(process, published->layouts[i].text);

		if (!o && i < process->count)
			o = &process->objects[i];
		if (!o) {
			snprintf(p->difference, sizeof(p->difference), "%s",
				 process->refusal[0] ? process->refusal
						     : "no Go runtime in its memory");
			return false;
		}
		ret->layouts[i] = o->layout;
	}
	return true;
}

static void layouts_judge(struct trial_process *p, const struct evidence_layouts *published,
			  const struct evidence_layouts *own)
{
	if (p->layouts == TRIAL_LAYOUTS_DIFFER)
		return;
	p->layouts = TRIAL_LAYOUTS_CONFIRMED;
	p->difference[0] = '\0';
	for (__u32 i = 0; i < published->count; i++)
		if (layout_differs(&published->layouts[i], &own->layouts[i], p->difference,
				   sizeof(p->difference)))
			p->layouts = TRIAL_LAYOUTS_DIFFER;
}

/* By the probe if the witness saw it happen, else by the ring's header. */
static void published_by(struct trial *trial, const struct trial_process *p,
			 struct evidence_layouts *ret)
{
	const struct goidshim_header *h = &p->ring.header;

	if (witness_get_published(trial->witness, p->pid, ret) == 0 && ret->count)
		return;
	*ret = (struct evidence_layouts){ 0 };
	if (!p->has_ring)
		return;
	for (; ret->count < h->object_count && ret->count < GOIDSHIM_MAX_OBJECTS; ret->count++)
		ret->layouts[ret->count] = h->objects[ret->count].layout;
}

static int observe_layouts(struct trial *trial, struct trial_process *p,
			   const struct goprocess *process)
{
	struct evidence_layouts published, own;

	published_by(trial, p, &published);
	if (published.count == 0)
		return 0;
	if (trial->trusts_layouts) {
		p->layouts = TRIAL_LAYOUTS_TRUSTED;
		return witness_set_layouts(trial->witness, p->pid, &published);
	}
	if (!layouts_derive(p, process, &published, &own))
		return 0;
	layouts_judge(p, &published, &own);
	return witness_set_layouts(trial->witness, p->pid, &own);
}

/* Takes the process's ring, unless it is the one that we have. */
static void watch_ring(const struct trial *trial, struct trial_process *p,
		       const struct procmaps *maps)
{
	struct ringwatch ring;

	if (ringwatch_open(maps, &ring) < 0)
		return;
	if (p->has_ring && ring.header.start_ns == p->ring.header.start_ns) {
		ringwatch_close(&ring);
		return;
	}
	if (p->has_ring) {
		ringwatch_update(&p->ring);
		p->samples_ended = trial_ring_samples(p);
		ringwatch_close(&p->ring);
	}
	p->samples_before = trial->came_late && !p->has_ring ? ring.samples : 0;
	p->has_ring = true;
	p->ring = ring;
}

int trial_observe(struct trial *trial, pid_t pid)
{
	struct trial_process *p;
	struct goprocess process;
	int r;

	r = goprocess_read(pid, &process);
	if (r < 0)
		return r;
	p = process_add(trial, pid);
	if (!p) {
		r = -ENOMEM;
		goto out_free;
	}
	watch_ring(trial, p, &process.maps);
	r = observe_layouts(trial, p, &process);
out_free:
	goprocess_free(&process);
	return r;
}

static void collect_process(void *context, pid_t pid, const struct evidence_process *seen)
{
	struct trial_process *p = process_add(context, pid);

	if (!p)
		return;
	p->threads = seen->threads;
	p->events_lost = seen->events_lost;
	memset(p->counts, 0, sizeof(p->counts));
	p->coverage = (struct trial_coverage){ .fired = seen->readings_lost };
}

static void collect_lane(void *context, pid_t pid, const struct evidence_lane *lane)
{
	struct trial_process *p = process_find(context, pid);

	if (!p)
		return;
	for (int whose = 0; whose < EVIDENCE_LAYOUT_MAX; whose++)
		witness_add_counts(&p->counts[whose], &lane->counts[whose]);
	p->coverage.hits += lane->hits;
	p->coverage.fired += lane->ended + lane->last - lane->first + 1;
}

/* The same program, as far as a layout can tell: it may be loaded elsewhere. */
static bool is_same_layout(const struct goidshim_golayout *a, const struct goidshim_golayout *b)
{
	struct goidshim_golayout moved = *b;

	if (a->etext - a->text != b->etext - b->text || (a->text ^ b->text) & 4095)
		return false;
	moved.text = a->text;
	moved.etext = a->etext;
	return memcmp(a, &moved, sizeof(moved)) == 0;
}

static bool is_like(struct trial *trial, const struct trial_process *known,
		    const struct evidence_layouts *published)
{
	struct evidence_layouts other;

	published_by(trial, known, &other);
	if (known->layouts != TRIAL_LAYOUTS_CONFIRMED || other.count != published->count)
		return false;
	for (__u32 i = 0; i < other.count; i++)
		if (!is_same_layout(&published->layouts[i], &other.layouts[i]))
			return false;
	return other.count > 0;
}

/*
 * A process that ended before its memory could be read: what it published is as
 * good as the same from a process of the same program that we could read.
 */
static void infer_layouts(struct trial *trial, struct trial_process *p)
{
	struct evidence_layouts published;

	published_by(trial, p, &published);
	for (size_t i = 0; i < trial->count && p->layouts == TRIAL_LAYOUTS_UNCONFIRMED; i++)
		if (is_like(trial, &trial->processes[i], &published))
			p->layouts = TRIAL_LAYOUTS_SAME;
}

void trial_collect(struct trial *trial)
{
	witness_each_process(trial->witness, collect_process, trial);
	witness_each_lane(trial->witness, collect_lane, trial);
	for (size_t i = 0; i < trial->count; i++) {
		struct trial_process *p = &trial->processes[i];

		if (p->has_ring)
			ringwatch_update(&p->ring);
		if (p->layouts == TRIAL_LAYOUTS_UNCONFIRMED)
			infer_layouts(trial, p);
	}
}

static __u64 agreed_by(const struct trial_process *p, enum evidence_layout whose)
{
	__u64 agreed = 0;

	for (int c = 0; c < GOIDSHIM_CLASS_MAX; c++)
		agreed += p->counts[whose].classes[c][EVIDENCE_AGREED];
	return agreed;
}

static void sum_process(struct trial_sums *s, const struct trial_process *p)
{
	for (int whose = 0; whose < EVIDENCE_LAYOUT_MAX; whose++)
		witness_add_counts(&s->counts, &p->counts[whose]);
	s->threads += p->threads;
	s->events_lost += p->events_lost;
	s->coverage.hits += p->coverage.hits;
	s->coverage.fired += p->coverage.fired;
	if (p->has_ring) {
		s->ring_samples += trial_ring_samples(p);
		s->ring_hits += p->coverage.hits;
	}
	if (p->layouts == TRIAL_LAYOUTS_DIFFER)
		s->wrong_layout += agreed_by(p, EVIDENCE_LAYOUT_SHIM);
	else if (p->layouts == TRIAL_LAYOUTS_UNCONFIRMED)
		s->unconfirmed += agreed_by(p, EVIDENCE_LAYOUT_SHIM);
}

void trial_sum(const struct trial *trial, struct trial_sums *ret)
{
	*ret = (struct trial_sums){ 0 };
	for (size_t i = 0; i < trial->count; i++)
		sum_process(ret, &trial->processes[i]);
	for (int c = 0; c < GOIDSHIM_CLASS_MAX; c++)
		for (int v = 0; v < EVIDENCE_VERDICT_MAX; v++) {
			ret->outcomes[v] += ret->counts.classes[c][v];
			ret->readings += ret->counts.classes[c][v];
		}
	ret->outcomes[EVIDENCE_AGREED] -= ret->unconfirmed + ret->wrong_layout;
}

__u64 trial_ring_samples(const struct trial_process *process)
{
	if (!process->has_ring)
		return 0;
	return process->samples_ended + process->ring.samples - process->samples_before;
}

bool trial_is_clean(const struct trial_sums *sums)
{
	return sums->readings ==
	       sums->outcomes[EVIDENCE_AGREED] + sums->outcomes[EVIDENCE_STALE_FSBASE];
}

void trial_free(struct trial *trial)
{
	for (size_t i = 0; i < trial->count; i++)
		if (trial->processes[i].has_ring)
			ringwatch_close(&trial->processes[i].ring);
	free(trial->processes);
	*trial = (struct trial){ 0 };
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/profile/profile.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

struct profile *profile_new(void)
{
	return calloc(1, sizeof(struct profile));
}

void profile_free(struct profile *profile)
{
	if (!profile)
		return;
	free(profile->goroutines);
	free(profile->slots);
	free(profile);
}

static size_t slot_of(const struct profile *profile, __u64 goid, __u8 object)
{
	__u64 hash = (goid * GOIDSHIM_MAX_OBJECTS + object) * 0x9e3779b97f4a7c15ull;

	return (size_t)(hash >> 32) & (profile->slot_count - 1);
}

/* The slot of this goroutine, or the empty one where it belongs. */
static __u32 *find_slot(const struct profile *profile, __u64 goid, __u8 object)
{
	size_t i = slot_of(profile, goid, object);

	for (;; i = (i + 1) & (profile->slot_count - 1)) {
		const struct profile_goroutine *g;

		if (profile->slots[i] == 0)
			return &profile->slots[i];
		g = &profile->goroutines[profile->slots[i] - 1];
		if (g->goid == goid && g->object == object)
			return &profile->slots[i];
	}
}

/* Room for one goroutine more, with at least half of the slots empty. */
static int make_room(struct profile *profile)
{
	size_t count = profile->slot_count ? 2 * profile->slot_count : 256;
	struct profile_goroutine *grown;
	__u32 *slots;

	if (2 * (profile->goroutine_count + 1) <= profile->slot_count)
		return 0;
	if (count > UINT32_MAX)
		return -ENOMEM;
	grown = reallocarray(profile->goroutines, count / 2, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	profile->goroutines = grown;
	slots = calloc(count, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(profile->slots);
	profile->slots = slots;
	profile->slot_count = count;
	for (size_t i = 0; i < profile->goroutine_count; i++)
		*find_slot(profile, grown[i].goid, grown[i].object) = (__u32)i + 1;
	return 0;
}

static int find_goroutine(struct profile *profile, const struct goidshim_sample *sample,
			  struct profile_goroutine **ret)
{
	int err = make_room(profile);
	__u32 *slot;

	if (err)
		return err;
	slot = find_slot(profile, sample->goid, sample->object);
	if (*slot == 0) {
		profile->goroutines[profile->goroutine_count] = (struct profile_goroutine){
			.goid = sample->goid,
			.object = sample->object,
		};
		*slot = (__u32)++profile->goroutine_count;
	}
	*ret = &profile->goroutines[*slot - 1];
	return 0;
}

/* What is known of a goroutine is known in each sample, except where a read failed. */
static void learn(__u64 *fact, __u64 seen)
{
	if (*fact == 0)
		*fact = seen;
}

static int add_attributed(struct profile *profile, const struct goidshim_sample *sample)
{
	struct profile_goroutine *g;
	int err = find_goroutine(profile, sample, &g);

	if (err)
		return err;
	learn(&g->start_pc, sample->start_pc);
	learn(&g->go_pc, sample->go_pc);
	learn(&g->parent_goid, sample->parent_goid);
	g->samples++;
	g->periods += sample->periods;
	if (sample->class_ == GOIDSHIM_CLASS_GO)
		g->periods_go += sample->periods;
	else if (sample->class_ == GOIDSHIM_CLASS_C)
		g->periods_c += sample->periods;
	else
		g->periods_runtime += sample->periods;
	return 0;
}

static unsigned at_most(unsigned value, unsigned limit)
{
	return value < limit ? value : limit;
}

static void add_unattributed(struct profile *profile, const struct goidshim_sample *sample)
{
	struct profile_unattributed *u =
		&profile->unattributed[at_most(sample->class_, GOIDSHIM_CLASS_MAX)]
				      [at_most(sample->reason, GOIDSHIM_REASON_MAX)];

	u->samples++;
	u->periods += sample->periods;
	profile->unattributed_periods += sample->periods;
}

int profile_add(struct profile *profile, const struct goidshim_sample *sample)
{
	if (goidshim_class_has_goid(sample->class_)) {
		int err = add_attributed(profile, sample);

		if (err)
			return err;
	} else {
		add_unattributed(profile, sample);
	}
	if (profile->samples == 0 || sample->time_ns < profile->first_ns)
		profile->first_ns = sample->time_ns;
	if (sample->time_ns > profile->last_ns)
		profile->last_ns = sample->time_ns;
	profile->samples++;
	profile->periods += sample->periods;
	return 0;
}

/* Most CPU time first; equal ones by goid, so that a report is reproducible. */
static int compare(const void *va, const void *vb)
{
	const struct profile_goroutine *a = va, *b = vb;

	if (a->periods != b->periods)
		return a->periods < b->periods ? 1 : -1;
	if (a->goid != b->goid)
		return a->goid > b->goid ? 1 : -1;
	return a->object - b->object;
}

void profile_sort(struct profile *profile)
{
	if (profile->goroutine_count > 0)
		qsort(profile->goroutines, profile->goroutine_count, sizeof(*profile->goroutines),
		      compare);
}

__u64 profile_cpu_ns(__u64 periods, __u64 period_ns)
{
	__u64 ns;

	if (__builtin_mul_overflow(periods, period_ns, &ns) || ns > INT64_MAX)
		return INT64_MAX;
	return ns;
}

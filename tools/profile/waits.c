/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/profile/waits.h"

#include <errno.h>
#include <stdlib.h>

#include "tools/tables/array.h"

static __u64 add(__u64 a, __u64 b)
{
	__u64 sum;

	return __builtin_add_overflow(a, b, &sum) || sum > INT64_MAX ? INT64_MAX : sum;
}

void waits_add_sums(struct waits_sums *to, const struct waits_sums *more)
{
	to->count += more->count;
	to->total_ns = add(to->total_ns, more->total_ns);
	if (more->longest_ns > to->longest_ns)
		to->longest_ns = more->longest_ns;
}

int waits_add(struct waits *waits, const struct goidshim_wait *wait, uint32_t era,
	      uint32_t *ret_series)
{
	struct waits_sums sums = { 1, wait->duration_ns, wait->duration_ns };
	struct series *series;
	int err = stacks_find(&waits->stacks, &wait->sample, era, ret_series);

	if (!err)
		err = array_reserve(&waits->longest_ns, *ret_series, 1, &waits->longest_room,
				    sizeof(*waits->longest_ns));
	if (err)
		return err;
	series = &waits->stacks.series[*ret_series];
	series->samples++;
	series->weight = add(series->weight, wait->duration_ns);
	if (wait->duration_ns > waits->longest_ns[*ret_series])
		waits->longest_ns[*ret_series] = wait->duration_ns;
	waits_add_sums(&waits->total, &sums);
	return 0;
}

void waits_free(struct waits *waits)
{
	stacks_free(&waits->stacks);
	free(waits->longest_ns);
}

/* ---- groups ---- */

struct order {
	const struct waits *waits;
	unsigned fields;
};

static int compare_numbers(__u64 a, __u64 b)
{
	return (a > b) - (a < b);
}

static int compare_owners(const struct series *a, const struct series *b)
{
	int order = compare_numbers(a->goid, b->goid);

	if (!order && a->goid)
		order = compare_numbers(a->object, b->object);
	else if (!order)
		order = compare_numbers(a->class_ * 256u + a->reason, b->class_ * 256u + b->reason);
	return order;
}

static int compare_holders(const struct stacks_wait *a, const struct stacks_wait *b)
{
	int order = compare_numbers(a->holder_goid, b->holder_goid);

	if (!order && a->holder_goid)
		order = compare_numbers(a->holder_object, b->holder_object);
	else if (!order)
		order = compare_numbers(a->holder_tid, b->holder_tid);
	return order;
}

/* By the fields that a group has in common. */
static int compare_fields(const struct order *by, uint32_t x, uint32_t y)
{
	const struct series *a = &by->waits->stacks.series[x], *b = &by->waits->stacks.series[y];
	const struct stacks_wait *u = stacks_wait_of(&by->waits->stacks, a);
	const struct stacks_wait *v = stacks_wait_of(&by->waits->stacks, b);
	int order = 0;

	if (by->fields & WAITS_BY_GOROUTINE)
		order = compare_owners(a, b);
	if (!order && (by->fields & WAITS_BY_HOLDER))
		order = compare_holders(u, v);
	if (!order && (by->fields & WAITS_BY_LOCK))
		order = compare_numbers(u->address, v->address);
	if (!order && (by->fields & (WAITS_BY_LOCK | WAITS_BY_KIND)))
		order = compare_numbers(u->kind, v->kind);
	if (!order && (by->fields & WAITS_BY_STACK))
		order = compare_numbers(a->stack, b->stack);
	return order;
}

static int compare_members(const void *va, const void *vb, void *by)
{
	const uint32_t *a = va, *b = vb;
	int order = compare_fields(by, *a, *b);

	return order ? order : compare_numbers(*a, *b);
}

static int compare_groups(const void *va, const void *vb)
{
	const struct waits_group *a = va, *b = vb;

	if (a->sums.total_ns != b->sums.total_ns)
		return a->sums.total_ns < b->sums.total_ns ? 1 : -1;
	return compare_numbers(a->series, b->series);
}

static void add_member(const struct waits *waits, struct waits_group *group, uint32_t id)
{
	const struct series *series = &waits->stacks.series[id];
	struct waits_sums sums = { series->samples, series->weight, waits->longest_ns[id] };

	if (group->member_count++ == 0 || series->weight > waits->stacks.series[group->series].weight)
		group->series = id;
	waits_add_sums(&group->sums, &sums);
}

int waits_group(const struct waits *waits, unsigned fields, const struct waits_group *within,
		struct waits_groups *ret)
{
	size_t count = within ? within->member_count : waits->stacks.series_count;
	struct order by = { waits, fields };

	*ret = (struct waits_groups){
		.groups = calloc(count + 1, sizeof(*ret->groups)),
		.members = calloc(count + 1, sizeof(*ret->members)),
	};
	if (!ret->groups || !ret->members)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		ret->members[i] = within ? within->members[i] : (uint32_t)i;
	qsort_r(ret->members, count, sizeof(*ret->members), compare_members, &by);
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || compare_fields(&by, ret->members[i - 1], ret->members[i]) != 0)
			ret->groups[ret->count++].members = ret->members + i;
		add_member(waits, &ret->groups[ret->count - 1], ret->members[i]);
	}
	qsort(ret->groups, ret->count, sizeof(*ret->groups), compare_groups);
	return 0;
}

void waits_groups_free(struct waits_groups *groups)
{
	free(groups->groups);
	free(groups->members);
}

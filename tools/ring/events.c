/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/ring/events.h"

#include <stdio.h>
#include <string.h>

#include "tools/ring/names.h"
#include "tools/ring/syscalls.h"

static __u64 weigh_sample(const struct goidshim_record *record)
{
	return ((const struct goidshim_sample *)record)->periods;
}

static __u64 weigh_wait(const struct goidshim_record *record)
{
	return ((const struct goidshim_wait *)record)->duration_ns;
}

static __u64 step_cpu(const struct goidshim_header *header)
{
	return header->period_ns;
}

static __u64 step_wall(const struct goidshim_header *header)
{
	return header->wall_period_ns;
}

static __u64 step_one(const struct goidshim_header *header)
{
	return 1;
}

static __u64 heap_interval(const struct goidshim_header *header)
{
	return header->heap_interval;
}

const struct event events_cpu = {
	.bit = GOIDSHIM_EVENT_CPU,
	.record = GOIDSHIM_RECORD_SAMPLE,
	.name = "cpu",
	.title = "CPU time",
	.records = "samples",
	.types = { { "samples", "count" }, { "cpu", "nanoseconds" } },
	.type_count = 2,
	.weight = weigh_sample,
	.step = step_cpu,
	.period = step_cpu,
};

/* The types are those of Go's own heap profiles, in their order. */
const struct event events_heap = {
	.bit = GOIDSHIM_EVENT_HEAP,
	.record = GOIDSHIM_RECORD_ALLOC,
	.name = "heap",
	.title = "C memory",
	.records = "allocations",
	.types = { { "alloc_objects", "count" },
		   { "alloc_space", "bytes" },
		   { "inuse_objects", "count" },
		   { "inuse_space", "bytes" } },
	.type_count = 4,
	.step = step_one,
	.period = heap_interval,
	.kind_key = "kind",
	.kind_name = names_alloc_kind,
};

/* As in Go's mutex and block profiles. */
const struct event events_lock = {
	.bit = GOIDSHIM_EVENT_LOCK,
	.record = GOIDSHIM_RECORD_LOCK,
	.name = "lock",
	.title = "lock waits",
	.records = "waits",
	.types = { { "contentions", "count" }, { "delay", "nanoseconds" } },
	.type_count = 2,
	.weight = weigh_wait,
	.step = step_one,
	.period = step_one,
	.is_wait = true,
	.kind_key = "kind",
	.kind_name = names_lock_kind,
};

const struct event events_block = {
	.bit = GOIDSHIM_EVENT_BLOCK,
	.record = GOIDSHIM_RECORD_BLOCK,
	.name = "block",
	.title = "time blocked in the kernel",
	.records = "calls",
	.types = { { "contentions", "count" }, { "delay", "nanoseconds" } },
	.type_count = 2,
	.weight = weigh_wait,
	.step = step_one,
	.period = step_one,
	.is_wait = true,
	.kind_key = "call",
	.kind_name = syscalls_name,
};

const struct event events_wall = {
	.bit = GOIDSHIM_EVENT_WALL,
	.record = GOIDSHIM_RECORD_WALL,
	.name = "wall",
	.title = "wall time",
	.records = "samples",
	.types = { { "samples", "count" }, { "wall", "nanoseconds" } },
	.type_count = 2,
	.weight = weigh_sample,
	.step = step_wall,
	.period = step_wall,
};

const struct event *const events_all[] = {
	&events_cpu, &events_heap, &events_lock, &events_block, &events_wall, NULL,
};

const struct event *events_find(const char *name)
{
	for (const struct event *const *e = events_all; *e; e++)
		if (strcmp((*e)->name, name) == 0)
			return *e;
	return NULL;
}

const struct event *events_of(const struct goidshim_record *record)
{
	for (const struct event *const *e = events_all; *e; e++)
		if ((*e)->record == record->type)
			return *e;
	return NULL;
}

bool events_is_recorded(const struct event *event, const struct goidshim_header *header)
{
	/* An old writer, which had no choice, says nothing. */
	return header->events ? (header->events & event->bit) != 0 : event == &events_cpu;
}

const struct event *events_default(const struct goidshim_header *header)
{
	for (const struct event *const *e = events_all; *e; e++)
		if (events_is_recorded(*e, header))
			return *e;
	return &events_cpu;
}

const char *events_unit(const struct event *event)
{
	return event->types[event->type_count - 1].unit;
}

bool events_is_of_bytes(const struct event *event)
{
	return strcmp(events_unit(event), "bytes") == 0;
}

void events_list_with(const struct event *event, const struct goidshim_header *header,
		      char ret[static 64])
{
	size_t used = 0;

	ret[0] = '\0';
	for (const struct event *const *e = events_all; *e; e++)
		if (*e == event || events_is_recorded(*e, header))
			used += (size_t)snprintf(ret + used, 64 - used, "%s%s", used ? "," : "",
						 (*e)->name);
}

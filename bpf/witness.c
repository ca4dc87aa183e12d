/* SPDX-License-Identifier: BSD-2-Clause */
#include "bpf/witness.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/kernel.h"
#include "bpf/witness.skel.h"

struct witness {
	const struct witness_options *options;
	struct witness_bpf *skeleton;
	struct ring_buffer *events;
	witness_event_fn *event_fn;
	void *event_context;
};

static int deliver(void *context, void *data, size_t size)
{
	struct witness *w = context;

	if (w->event_fn && size >= sizeof(struct evidence_event))
		w->event_fn(w->event_context, data);
	return 0;
}

/* The link lives in the skeleton and is destroyed with it. */
static int attach(const struct bpf_program *program, struct bpf_link **ret_link,
		  const struct witness_options *options, const char *probe)
{
	struct bpf_link *link;

	link = bpf_program__attach_usdt(program, options->pid ? options->pid : -1,
					options->library, "goidshim", probe, NULL);
	if (!link)
		return -errno;
	*ret_link = link;
	return 0;
}

/* `objects` first and `sample` last: no reading of a process without its layouts. */
int witness_attach(struct witness *w)
{
	const struct witness_options *options = w->options;
	struct witness_bpf *s = w->skeleton;
	int r = attach(s->progs.on_objects, &s->links.on_objects, options, "objects");

	if (r == 0)
		r = attach(s->progs.on_thread, &s->links.on_thread, options, "thread");
	if (r == 0)
		r = attach(s->progs.on_sample, &s->links.on_sample, options, "sample");
	return r;
}

int witness_open(const struct witness_options *options, struct witness **ret)
{
	struct witness *w;
	int r;

	r = kernel_can_bpf();
	if (r < 0)
		return r;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->options = options;
	w->skeleton = witness_bpf__open();
	if (!w->skeleton) {
		r = -errno;
		goto out_free;
	}
	w->skeleton->rodata->root_tgid = options->pid ? options->pid : options->root;
	w->skeleton->rodata->report_all = options->report_all;
	r = witness_bpf__load(w->skeleton);
	if (r < 0)
		goto out_destroy;
	w->events = ring_buffer__new(bpf_map__fd(w->skeleton->maps.events), deliver, w, NULL);
	if (!w->events) {
		r = -errno;
		goto out_destroy;
	}
	*ret = w;
	return 0;
out_destroy:
	witness_bpf__destroy(w->skeleton);
out_free:
	free(w);
	return r;
}

void witness_close(struct witness *w)
{
	if (!w)
		return;
	ring_buffer__free(w->events);
	witness_bpf__destroy(w->skeleton);
	free(w);
}

const char *witness_explain(int error)
{
	if (error == -ENOENT)
		return "the library has no goidshim probes; give the one that the target loads "
		       "with --library";
	return kernel_explain(error);
}

void witness_on_event(struct witness *w, witness_event_fn *fn, void *context)
{
	w->event_fn = fn;
	w->event_context = context;
}

int witness_poll(struct witness *w, int timeout_ms)
{
	return ring_buffer__poll(w->events, timeout_ms);
}

int witness_set_layouts(struct witness *w, pid_t pid, const struct evidence_layouts *layouts)
{
	__u32 key = (__u32)pid;
	int r;

	r = bpf_map__update_elem(w->skeleton->maps.own_layouts, &key, sizeof(key), layouts,
				 sizeof(*layouts), BPF_ANY);
	if (r == 0)
		__atomic_fetch_add(&w->skeleton->data->generation, 1, __ATOMIC_RELEASE);
	return r;
}

int witness_get_published(struct witness *w, pid_t pid, struct evidence_layouts *ret)
{
	struct evidence_process process;
	__u32 key = (__u32)pid;
	int r;

	r = bpf_map__lookup_elem(w->skeleton->maps.processes, &key, sizeof(key), &process,
				 sizeof(process), 0);
	if (r == 0)
		*ret = process.published;
	return r;
}

/* struct evidence_counts is an array of __u64 in all but name. */
_Static_assert(sizeof(struct evidence_counts) % sizeof(__u64) == 0, "summed word by word");

void witness_add_counts(struct evidence_counts *sum, const struct evidence_counts *term)
{
	const __u64 *from = (const __u64 *)term;
	__u64 *to = (__u64 *)sum;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] += from[i];
}

void witness_each_lane(struct witness *w, witness_lane_fn *fn, void *context)
{
	const struct bpf_map *lanes = w->skeleton->maps.lanes;
	struct evidence_lane_key key, *previous = NULL;
	struct evidence_lane lane;

	while (bpf_map__get_next_key(lanes, previous, &key, sizeof(key)) == 0) {
		previous = &key;
		if (bpf_map__lookup_elem(lanes, &key, sizeof(key), &lane, sizeof(lane), 0) == 0)
			fn(context, (pid_t)key.tgid, &lane);
	}
}

void witness_each_process(struct witness *w, witness_process_fn *fn, void *context)
{
	const struct bpf_map *processes = w->skeleton->maps.processes;
	struct evidence_process process;
	__u32 key, *previous = NULL;

	while (bpf_map__get_next_key(processes, previous, &key, sizeof(key)) == 0) {
		previous = &key;
		if (bpf_map__lookup_elem(processes, &key, sizeof(key), &process, sizeof(process),
					 0) == 0)
			fn(context, (pid_t)key, &process);
	}
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "bpf/sampler.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bpf/kernel.h"
#include "bpf/sampler.skel.h"

struct sampler {
	struct sampler_bpf *skeleton;
	struct ring_buffer *samples;
	struct sampler_options options;
	int cpus;
	struct bpf_link **links;	/* one for each CPU; NULL: offline */
};

static int deliver(void *context, void *data, size_t size)
{
	struct sampler *s = context;

	if (size >= sizeof(struct evidence_sample))
		s->options.fn(s->options.context, data);
	return 0;
}

/* A fixed period: in frequency mode the kernel would first have to find it. */
static int open_event(int cpu, unsigned rate_hz)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = 1000000000u / rate_hz,
	};

	return (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

/* A CPU that is offline has no event; that is no failure. The link owns the event. */
static int attach_cpu(struct sampler *s, int cpu)
{
	int fd = open_event(cpu, s->options.rate_hz);

	if (fd < 0)
		return errno == ENODEV || errno == ENXIO ? 0 : -errno;
	s->links[cpu] = bpf_program__attach_perf_event(s->skeleton->progs.on_tick, fd);
	if (!s->links[cpu]) {
		int r = -errno;

		close(fd);
		return r;
	}
	return 0;
}

static int attach(struct sampler *s)
{
	for (int cpu = 0; cpu < s->cpus; cpu++) {
		int r = attach_cpu(s, cpu);

		if (r < 0)
			return r;
	}
	return 0;
}

static int load(struct sampler *s)
{
	int r;

	s->skeleton->rodata->target_tgid = (__u32)s->options.pid;
	r = sampler_bpf__load(s->skeleton);
	if (r < 0)
		return r;
	s->samples = ring_buffer__new(bpf_map__fd(s->skeleton->maps.samples), deliver, s, NULL);
	return s->samples ? 0 : -errno;
}

int sampler_open(const struct sampler_options *options, struct sampler **ret)
{
	struct sampler *s;
	int r;

	r = kernel_can_bpf();
	if (r < 0)
		return r;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->options = *options;
	s->cpus = libbpf_num_possible_cpus();
	s->links = calloc(s->cpus > 0 ? (size_t)s->cpus : 1, sizeof(*s->links));
	s->skeleton = sampler_bpf__open();
	r = !s->links ? -ENOMEM : s->cpus < 0 ? s->cpus : !s->skeleton ? -errno : 0;
	if (r == 0)
		r = load(s);
	if (r == 0)
		r = attach(s);
	if (r < 0) {
		sampler_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

void sampler_stop(struct sampler *sampler)
{
	for (int cpu = 0; sampler->links && cpu < sampler->cpus; cpu++) {
		bpf_link__destroy(sampler->links[cpu]);
		sampler->links[cpu] = NULL;
	}
}

void sampler_close(struct sampler *sampler)
{
	if (!sampler)
		return;
	sampler_stop(sampler);
	free(sampler->links);
	ring_buffer__free(sampler->samples);
	sampler_bpf__destroy(sampler->skeleton);
	free(sampler);
}

const char *sampler_explain(int error)
{
	return kernel_explain(error);
}

int sampler_set_layouts(struct sampler *sampler, const struct evidence_layouts *layouts)
{
	const __u32 zero = 0;

	return bpf_map__update_elem(sampler->skeleton->maps.layouts, &zero, sizeof(zero), layouts,
				    sizeof(*layouts), BPF_ANY);
}

int sampler_poll(struct sampler *sampler, int timeout_ms)
{
	return ring_buffer__poll(sampler->samples, timeout_ms);
}

int sampler_get_counts(struct sampler *sampler, struct evidence_sampler_counts *ret)
{
	struct evidence_sampler_counts *per_cpu;
	const __u32 zero = 0;
	int r;

	per_cpu = calloc((size_t)sampler->cpus, sizeof(*per_cpu));
	if (!per_cpu)
		return -ENOMEM;
	*ret = (struct evidence_sampler_counts){ 0 };
	r = bpf_map__lookup_elem(sampler->skeleton->maps.counts, &zero, sizeof(zero), per_cpu,
				 (size_t)sampler->cpus * sizeof(*per_cpu), 0);
	for (int cpu = 0; r == 0 && cpu < sampler->cpus; cpu++) {
		ret->samples += per_cpu[cpu].samples;
		ret->kernel_mode += per_cpu[cpu].kernel_mode;
		ret->lost += per_cpu[cpu].lost;
	}
	free(per_cpu);
	return r;
}

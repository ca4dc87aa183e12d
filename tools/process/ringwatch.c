/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/process/ringwatch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* More lanes than this no shim has made; a larger count is damage. */
#define LANES_MAX (1u << 20)

/* The shim writes the magic number last: 0 is a ring that is about to be published. */
static bool is_readable(const struct goidshim_header *h)
{
	return (h->magic == GOIDSHIM_MAGIC || h->magic == 0) &&
	       h->abi_version == GOIDSHIM_ABI_VERSION &&
	       h->header_size >= sizeof(*h) && h->lane_size >= sizeof(struct goidshim_lane) &&
	       h->lane_count <= LANES_MAX;
}

static int sum_samples(const struct ringwatch *w, __u64 *ret)
{
	__u32 used = w->header.lane_used;
	struct goidshim_lane lane;
	__u64 sum = 0;

	if (used > w->header.lane_count)
		used = w->header.lane_count;
	for (__u32 i = 0; i < used; i++) {
		__u64 at = w->header.lanes_offset + (__u64)i * w->header.lane_size;

		if (pread(w->fd, &lane, sizeof(lane), (off_t)at) != sizeof(lane))
			return -EBADMSG;
		sum += lane.samples;
	}
	*ret = sum;
	return 0;
}

int ringwatch_update(struct ringwatch *watch)
{
	struct goidshim_header header;

	if (pread(watch->fd, &header, sizeof(header), 0) != sizeof(header) || !is_readable(&header))
		return -EBADMSG;
	watch->header = header;
	return sum_samples(watch, &watch->samples);
}

static int open_module(const struct procmaps *maps, const struct procmaps_module *m,
		       struct ringwatch *ret)
{
	char link[96];
	int r = procmaps_link(maps, m, link, sizeof(link));

	if (r < 0)
		return r;
	ret->fd = open(link, O_RDONLY | O_CLOEXEC);
	if (ret->fd < 0)
		ret->fd = open(m->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (ret->fd < 0)
		return -errno;
	snprintf(ret->path, sizeof(ret->path), "%s", m->path);
	r = ringwatch_update(ret);
	if (r < 0)
		close(ret->fd);
	return r;
}

int ringwatch_open(const struct procmaps *maps, struct ringwatch *ret)
{
	for (size_t i = 0; i < maps->count; i++) {
		const struct procmaps_module *m = &maps->modules[i];

		if (m->is_shared && m->end - m->start >= sizeof(ret->header) &&
		    open_module(maps, m, ret) == 0)
			return 0;
	}
	return -ENOENT;
}

void ringwatch_close(struct ringwatch *watch)
{
	close(watch->fd);
}

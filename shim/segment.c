/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shim/log.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define LANE_COUNT 4096u
#define NOTES_SIZE (1u << 20)
#define BLOCK_SIZE 8192u
#define LIVE_COUNT 65536u
#define PAGE 4096u
#define DEFAULT_PATH "/dev/shm/goidshim.%p"

static char path[PATH_MAX];

static __u64 round_up(__u64 n, __u64 to)
{
	return (n + to - 1) / to * to;
}

static __u64 clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (__u64)t.tv_sec * 1000000000u + (__u64)t.tv_nsec;
}

/* Expands %p to the pid. -ENAMETOOLONG if it does not fit. */
static int expand_path(const char *pattern)
{
	size_t n = 0;

	for (; *pattern; pattern++) {
		if (pattern[0] == '%' && pattern[1] == 'p') {
			n += (size_t)snprintf(path + n, sizeof(path) - n, "%d", getpid());
			pattern++;
		} else {
			path[n++] = *pattern;
		}
		if (n + 16 > sizeof(path))
			return -ENAMETOOLONG;
	}
	path[n] = 0;
	return 0;
}

/* Reads a small file of /proc; the number of bytes, 0 if it cannot be read. */
static size_t read_proc(const char *name, char *buffer, size_t size)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, buffer, size - 1);
	close(fd);
	buffer[n > 0 ? n : 0] = 0;
	return n > 0 ? (size_t)n : 0;
}

/* Field 22 of /proc/<pid>/stat; the command's name may hold spaces and brackets. */
static __u64 start_ticks(pid_t pid)
{
	char name[32], line[1024], *field;

	snprintf(name, sizeof(name), "/proc/%d/stat", pid);
	if (!read_proc(name, line, sizeof(line)))
		return 0;
	field = strrchr(line, ')');
	for (int i = 2; field && i < 22; i++)
		field = strchr(field + 1, ' ');
	return field ? strtoull(field, NULL, 10) : 0;
}

static void read_boot_id(__u8 *ret)
{
	char text[64];
	unsigned n = 0, byte;

	if (!read_proc("/proc/sys/kernel/random/boot_id", text, sizeof(text)))
		return;
	for (const char *c = text; *c && n < 16; c += 2) {
		c += *c == '-';
		if (sscanf(c, "%2x", &byte) != 1)
			return;
		ret[n++] = (__u8)byte;
	}
}

/*
 * Is there a ring at the path that no running process owns any more? Then it
 * may be replaced. A file that is not a ring, or not ours, is never touched.
 */
static bool is_stale_ring(void)
{
	struct goidshim_header h;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool stale;

	if (fd < 0)
		return false;
	stale = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
		pread(fd, &h, sizeof(h), 0) == sizeof(h) && h.magic == GOIDSHIM_MAGIC &&
		start_ticks((pid_t)h.pid) != h.pid_start_ticks;
	close(fd);
	return stale;
}

static int open_new(void)
{
	const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = open(path, flags, 0600);

	if (fd < 0 && errno == EEXIST && is_stale_ring()) {
		unlink(path);
		fd = open(path, flags, 0600);
	}
	return fd < 0 ? -errno : fd;
}

/* Slots for the memory in use: each has room for the deepest stack there will be. */
static void add_live(const struct config *config, struct goidshim_header *h)
{
	h->live_offset = round_up(h->file_size, PAGE);
	h->live_count = LIVE_COUNT;
	h->live_size = (__u32)round_up(sizeof(struct goidshim_live) +
					       config->stack_depth * sizeof(__u64), 64);
	h->file_size = h->live_offset + (__u64)h->live_count * h->live_size;
}

/* One slot for each lane: a wait that has not ended, with its stack. */
static void add_inside(const struct config *config, struct goidshim_header *h)
{
	h->inside_offset = round_up(h->file_size, PAGE);
	h->inside_size = (__u32)round_up(sizeof(struct goidshim_inside) +
						 config->stack_depth * sizeof(__u64), 64);
	h->file_size = h->inside_offset + (__u64)h->lane_count * h->inside_size;
}

static void fill_geometry(const struct config *config, struct goidshim_header *h)
{
	h->header_size = sizeof(*h);
	h->lanes_offset = round_up(sizeof(*h), PAGE);
	h->lane_size = sizeof(struct goidshim_lane);
	h->lane_count = LANE_COUNT;
	h->notes_offset = round_up(h->lanes_offset + (__u64)LANE_COUNT * h->lane_size, PAGE);
	h->notes_size = NOTES_SIZE;
	h->blocks_offset = h->notes_offset + NOTES_SIZE;
	h->block_size = BLOCK_SIZE;
	h->block_count = (__u32)(round_up(config->ring_size, BLOCK_SIZE) / BLOCK_SIZE);
	h->block_limit = h->block_count;
	h->file_size = h->blocks_offset + (__u64)h->block_count * BLOCK_SIZE;
	if (config->events & GOIDSHIM_EVENT_HEAP)
		add_live(config, h);
	if (config->events & (GOIDSHIM_EVENT_LOCK | GOIDSHIM_EVENT_BLOCK))
		add_inside(config, h);
}

static void fill_identity(const struct config *config, struct goidshim_header *h)
{
	h->abi_version = GOIDSHIM_ABI_VERSION;
	h->source = GOIDSHIM_SOURCE_SHIM;
	h->pid = (__u32)getpid();
	h->uid = (__u32)getuid();
	h->pid_start_ticks = start_ticks(getpid());
	read_boot_id(h->boot_id);
	h->start_ns = clock_ns(CLOCK_MONOTONIC);
	h->start_realtime_ns = clock_ns(CLOCK_REALTIME);
	h->events = config->events;
	h->heap_interval = config->events & GOIDSHIM_EVENT_HEAP ? config->heap_interval : 0;
	h->lock_min_ns = config->events & GOIDSHIM_EVENT_LOCK ? config->lock_min_ns : 0;
	h->block_min_ns = config->events & GOIDSHIM_EVENT_BLOCK ? config->block_min_ns : 0;
	h->rate_hz = config->rate_hz;
	h->period_ns = 1000000000u / config->rate_hz;
	h->wall_period_ns = config->events & GOIDSHIM_EVENT_WALL ? h->period_ns : 0;
	h->ring_mode = config->ring_mode;
}

/*
 * What every ring needs must be there now; lanes and blocks follow on demand.
 * A kernel before 5.14 cannot do that: there the whole file is reserved here.
 */
static int back_start(int fd, unsigned char *map, const struct goidshim_header *h)
{
	int err = madvise(map, PAGE, MADV_POPULATE_WRITE) ? -errno : 0;

	if (err == -EINVAL)
		return -posix_fallocate(fd, 0, (off_t)h->file_size);
	if (!err)
		err = ring_back(map, sizeof(*h));
	if (!err)
		err = ring_back(map + h->notes_offset, PAGE);
	/* The kernel says -EFAULT where a store would have raised SIGBUS. */
	return err == -EFAULT ? -ENOSPC : err;
}

static int map_file(int fd, const struct goidshim_header *h, struct ring *ret)
{
	struct rlimit limit;
	unsigned char *map;
	int err;

	/* Over the limit ftruncate would not only fail: it would raise SIGXFSZ. */
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < h->file_size)
		return -EFBIG;
	if (ftruncate(fd, (off_t)h->file_size))
		return -errno;
	map = mmap(NULL, h->file_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	err = back_start(fd, map, h);
	if (err) {
		munmap(map, h->file_size);
		return err;
	}
	*(struct goidshim_header *)map = *h;
	*ret = (struct ring){
		.header = (struct goidshim_header *)map,
		.lanes = map + h->lanes_offset,
		.blocks = map + h->blocks_offset,
		.map_size = h->file_size,
		.pid = h->pid,
		.mode = h->ring_mode,
	};
	return 0;
}

static const char *advice(int err)
{
	switch (-err) {
	case EEXIST:
		return "remove that file, or put %p in GOIDSHIM_RING";
	case ELOOP:
		return "it is a symbolic link: remove it, or set GOIDSHIM_RING";
	case EFBIG:
		return "raise ulimit -f, or lower GOIDSHIM_RING_SIZE";
	case ENOSPC:
		return "free some space there, or set GOIDSHIM_RING to a path elsewhere";
	case EACCES:
	case EPERM:
	case ENOENT:
	case EROFS:
		return "set GOIDSHIM_RING to a path that can be written";
	}
	return "see GOIDSHIM_RING in goidshim(7)";
}

int segment_create(const struct config *config, struct ring *ret)
{
	struct goidshim_header h = { 0 };
	int fd, err = expand_path(config->ring_path ? config->ring_path : DEFAULT_PATH);

	if (err)
		goto out;
	err = fd = open_new();
	if (fd < 0)
		goto out;
	fill_geometry(config, &h);
	fill_identity(config, &h);
	err = map_file(fd, &h, ret);
	close(fd);
	if (err)
		unlink(path);
out:
	if (err)
		log_line(LOG_WARN, "not recording: cannot create %s: %s; %s", path, strerror(-err),
			 advice(err));
	else
		log_line(LOG_INFO, "recording to %s", path);
	return err;
}

void segment_publish(const struct ring *ring)
{
	ring->header->state = GOIDSHIM_STATE_RECORDING;
	__atomic_store_n(&ring->header->magic, GOIDSHIM_MAGIC, __ATOMIC_RELEASE);
}

void segment_remove(const struct ring *ring)
{
	ring->header->state = GOIDSHIM_STATE_STOPPED;
	unlink(path);
}

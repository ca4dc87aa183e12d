/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/ring/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * What version 1 of the format began with; later writers only add to it. The
 * upper bounds are goidshim-format(5)'s: they keep a hostile file from making
 * us allocate or loop for as long as it pleases.
 */
enum {
	HEADER_MIN = offsetof(struct goidshim_header, live_used) + sizeof(__u32),
	LANE_MIN = 256,
	LANES_MAX = 1 << 20,
	NOTES_MAX = 64 << 20,
	BLOCK_MIN = 256,
	BLOCK_MAX = 16 << 20,
	BLOCKS_MAX = 4 << 20,
	LIVE_MAX = 1 << 20,
	SLOT_SIZE_MAX = 64 << 10,
};
static const __u64 PERIOD_MAX_NS = 3600ull * 1000 * 1000 * 1000;

size_t image_read(const struct image *image, __u64 offset, void *buffer, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = pread(image->fd, (char *)buffer + done, size - done,
				  (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return done;
}

/* May [offset, offset + count * size) stand before `limit`? */
static bool fits(__u64 offset, __u32 count, __u64 size, __u64 limit)
{
	__u64 bytes, end;

	return offset % GOIDSHIM_RECORD_ALIGN == 0 &&
	       !__builtin_mul_overflow((__u64)count, size, &bytes) &&
	       !__builtin_add_overflow(offset, bytes, &end) && end <= limit;
}

static const char *check_version(const struct goidshim_header *h)
{
	if (h->magic != GOIDSHIM_MAGIC)
		return "is not a goidshim ring: give a file that libgoidshim.so wrote";
	if (h->abi_version != GOIDSHIM_ABI_VERSION)
		return "is a ring of another format version: use the goidshim-dump that came with "
		       "its libgoidshim.so";
	return NULL;
}

static bool is_slot_size(__u32 size, __u32 least)
{
	return size >= least && size <= SLOT_SIZE_MAX && size % GOIDSHIM_RECORD_ALIGN == 0;
}

static const char *check_sizes(const struct goidshim_header *h)
{
	if (h->header_size < HEADER_MIN)
		return "is a damaged ring: its header is too small";
	if (h->lane_size < LANE_MIN || h->lane_size % GOIDSHIM_RECORD_ALIGN != 0 ||
	    h->lane_count > LANES_MAX)
		return "is a damaged ring: its lanes make no sense";
	if (h->notes_size > NOTES_MAX || h->notes_size % GOIDSHIM_RECORD_ALIGN != 0)
		return "is a damaged ring: its notes make no sense";
	if (h->block_size < BLOCK_MIN || h->block_size > BLOCK_MAX ||
	    h->block_size % GOIDSHIM_RECORD_ALIGN != 0 || h->block_count > BLOCKS_MAX)
		return "is a damaged ring: its blocks make no sense";
	if (h->live_count > 0 &&
	    (!is_slot_size(h->live_size, sizeof(struct goidshim_live)) ||
	     h->live_count > LIVE_MAX))
		return "is a damaged ring: its live slots make no sense";
	if (h->inside_offset > 0 && !is_slot_size(h->inside_size, sizeof(struct goidshim_inside)))
		return "is a damaged ring: its inside slots make no sense";
	return NULL;
}

/* The regions stand in the order of format.h's picture. */
static const char *check_regions(const struct goidshim_header *h)
{
	__u64 live_end = h->inside_offset ? h->inside_offset : h->file_size;

	if (h->file_size > INT64_MAX || h->header_size > h->lanes_offset ||
	    !fits(h->lanes_offset, h->lane_count, h->lane_size, h->notes_offset) ||
	    !fits(h->notes_offset, 1, h->notes_size, h->blocks_offset) ||
	    !fits(h->blocks_offset, h->block_count, h->block_size,
		  h->live_count ? h->live_offset : live_end) ||
	    (h->live_count && !fits(h->live_offset, h->live_count, h->live_size, live_end)) ||
	    (h->inside_offset &&
	     !fits(h->inside_offset, h->lane_count, h->inside_size, h->file_size)))
		return "is a damaged ring: its parts overlap or lie outside it";
	return NULL;
}

static const char *check_facts(const struct goidshim_header *h)
{
	if (h->object_count > GOIDSHIM_MAX_OBJECTS)
		return "is a damaged ring: it names too many Go runtimes";
	if (h->period_ns > PERIOD_MAX_NS)
		return "is a damaged ring: its sampling period makes no sense";
	return NULL;
}

static const char *check_header(const struct goidshim_header *h)
{
	const char *why = check_sizes(h);

	if (!why)
		why = check_regions(h);
	return why ? why : check_facts(h);
}

static void terminate_texts(struct goidshim_header *h)
{
	h->fsbase_note[sizeof(h->fsbase_note) - 1] = '\0';
	h->trigger_note[sizeof(h->trigger_note) - 1] = '\0';
	for (unsigned i = 0; i < GOIDSHIM_MAX_OBJECTS; i++)
		h->objects[i].go_version[sizeof(h->objects[i].go_version) - 1] = '\0';
}

static const char *read_header(struct image *image, struct goidshim_header *ret)
{
	const char *why;
	size_t have;

	memset(ret, 0, sizeof(*ret));
	have = image_read(image, 0, ret, sizeof(*ret));
	if (have < sizeof(__u64))
		return "is not a goidshim ring: it is too short";
	why = check_version(ret);
	if (why)
		return why;
	if (have < HEADER_MIN)
		return "is a damaged ring: it ends inside its header";
	/* A writer with a smaller header than ours: the rest is not header. */
	if (ret->header_size >= HEADER_MIN && ret->header_size < sizeof(*ret))
		memset((char *)ret + ret->header_size, 0, sizeof(*ret) - ret->header_size);
	terminate_texts(ret);
	return check_header(ret);
}

int image_refresh(struct image *image)
{
	struct goidshim_header fresh;
	struct stat st;

	if (fstat(image->fd, &st) < 0)
		return -errno;
	if (read_header(image, &fresh))
		return -EBADMSG;
	/* What was checked and is relied upon must not change under us. */
	if (memcmp(&fresh.lanes_offset, &image->header.lanes_offset,
		   offsetof(struct goidshim_header, objects) -
			   offsetof(struct goidshim_header, lanes_offset)) != 0)
		return -EBADMSG;
	image->header = fresh;
	image->file_size = (__u64)st.st_size;
	return 0;
}

/* O_NONBLOCK: a FIFO of that name must not keep us waiting for a writer. */
static int open_file(const char *path, struct image *ret, const char **ret_why)
{
	struct stat st;

	ret->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (ret->fd < 0) {
		*ret_why = errno == ENOENT ? "does not exist: try --list"
			   : errno == EACCES ? "belongs to somebody else: run as its owner or root"
					     : strerror(errno);
		return -errno;
	}
	if (fstat(ret->fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		*ret_why = "is not a regular file";
		image_close(ret);
		return -EINVAL;
	}
	ret->file_size = (__u64)st.st_size;
	return 0;
}

int image_open(const char *path, struct image *ret, const char **ret_why)
{
	int err = open_file(path, ret, ret_why);

	if (err)
		return err;
	*ret_why = read_header(ret, &ret->header);
	if (*ret_why) {
		image_close(ret);
		return -EBADMSG;
	}
	return 0;
}

void image_close(struct image *image)
{
	close(image->fd);
	image->fd = -1;
}

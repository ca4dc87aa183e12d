/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/record/ringwriter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096u
#define NOTES_SIZE (1u << 20)
#define BLOCK_SIZE 8192u
#define BLOCK_COUNT 4096u	/* 32 MiB of records */

struct ringwriter {
	unsigned char *bytes;
	struct goidshim_header *header;
	struct goidshim_lane *lane;
	struct goidshim_block *block;	/* being written; NULL: none yet */
};

static __u64 round_up(__u64 n)
{
	return (n + PAGE - 1) / PAGE * PAGE;
}

static void fill_geometry(struct goidshim_header *h)
{
	h->magic = 0;
	h->abi_version = GOIDSHIM_ABI_VERSION;
	h->header_size = sizeof(*h);
	h->lanes_offset = round_up(sizeof(*h));
	h->lane_size = sizeof(struct goidshim_lane);
	h->lane_count = 1;
	h->lane_used = 1;
	h->notes_offset = h->lanes_offset + PAGE;
	h->notes_size = NOTES_SIZE;
	h->blocks_offset = h->notes_offset + NOTES_SIZE;
	h->block_size = BLOCK_SIZE;
	h->block_count = BLOCK_COUNT;
	h->block_limit = BLOCK_COUNT;
	h->blocks_reserved = BLOCK_COUNT;
	h->file_size = h->blocks_offset + (__u64)BLOCK_COUNT * BLOCK_SIZE;
}

/* All memory now: a full file system is an error here, and not SIGBUS later. */
static int map_file(const char *path, const struct goidshim_header *h, unsigned char **ret)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	void *map;
	int r;

	if (fd < 0)
		return -errno;
	r = -posix_fallocate(fd, 0, (off_t)h->file_size);
	if (r == 0) {
		map = mmap(NULL, h->file_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		r = map == MAP_FAILED ? -errno : 0;
	}
	close(fd);
	if (r < 0)
		unlink(path);
	else
		*ret = map;
	return r;
}

int ringwriter_create(const char *path, const struct goidshim_header *facts,
		      struct ringwriter **ret)
{
	struct goidshim_header header = *facts;
	struct ringwriter *w;
	int r;

	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	fill_geometry(&header);
	r = map_file(path, &header, &w->bytes);
	if (r < 0) {
		free(w);
		return r;
	}
	w->header = (struct goidshim_header *)w->bytes;
	w->lane = (struct goidshim_lane *)(w->bytes + header.lanes_offset);
	*w->header = header;
	w->lane->kind = GOIDSHIM_LANE_SAMPLES;
	*ret = w;
	return 0;
}

void ringwriter_publish(struct ringwriter *writer)
{
	writer->header->state = GOIDSHIM_STATE_RECORDING;
	__atomic_store_n(&writer->header->magic, GOIDSHIM_MAGIC, __ATOMIC_RELEASE);
}

void ringwriter_close(struct ringwriter *writer)
{
	munmap(writer->bytes, writer->header->file_size);
	free(writer);
}

struct goidshim_header *ringwriter_header(struct ringwriter *writer)
{
	return writer->header;
}

struct goidshim_lane *ringwriter_lane(struct ringwriter *writer)
{
	return writer->lane;
}

/* In file order, round and round; a block taken again is odd while it is emptied. */
static void next_block(struct ringwriter *w)
{
	__u64 sequence = w->header->block_next++;
	__u32 index = (__u32)(sequence % BLOCK_COUNT);
	struct goidshim_block *b;

	if (w->block)
		w->block->state = GOIDSHIM_BLOCK_FULL;
	b = (struct goidshim_block *)(w->bytes + w->header->blocks_offset +
				      (__u64)index * BLOCK_SIZE);
	__atomic_store_n(&b->generation, b->generation | 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	if (b->state == GOIDSHIM_BLOCK_FULL)
		w->lane->lost[GOIDSHIM_LOST_OVERWRITTEN] += b->records;
	b->committed = 0;
	b->records = 0;
	b->lane = 0;
	b->sequence = sequence;
	b->state = GOIDSHIM_BLOCK_ACTIVE;
	__atomic_store_n(&b->generation, b->generation + 1, __ATOMIC_RELEASE);
	w->lane->block = index + 1;
	w->block = b;
}

void *ringwriter_reserve(struct ringwriter *writer, __u32 size)
{
	if (!writer->block || writer->block->committed + size > BLOCK_SIZE - sizeof(*writer->block))
		next_block(writer);
	return (unsigned char *)(writer->block + 1) + writer->block->committed;
}

void ringwriter_commit(struct ringwriter *writer, __u32 size)
{
	struct goidshim_block *b = writer->block;

	b->records++;
	writer->lane->records++;
	__atomic_store_n(&b->committed, b->committed + size, __ATOMIC_RELEASE);
}

int ringwriter_note(struct ringwriter *writer, const struct goidshim_record *note)
{
	struct goidshim_header *h = writer->header;

	if (h->notes_committed + note->size > h->notes_size)
		return -ENOSPC;
	memcpy(writer->bytes + h->notes_offset + h->notes_committed, note, note->size);
	__atomic_store_n(&h->notes_committed, h->notes_committed + note->size, __ATOMIC_RELEASE);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/golabels.sig.h"

#include <stdbool.h>

#include "probe/peek.sig.h"

/* Go 1.24 and later: a slice of {key, value}, sorted by key. */
enum { SLICE_SINCE = 24, PAIR_SIZE = 32 };

/* Go 1.23 and earlier: a map[string]string; its hmap and its buckets of eight. */
enum {
	MAP_B = 9,
	MAP_BUCKETS = 16,
	BUCKET_KEYS = 8,
	BUCKET_VALUES = 136,
	BUCKET_OVERFLOW = 264,
	BUCKET_SIZE = 272,
	SLOTS = 8,
	TOPHASH_USED = 5,	/* lesser values mark an empty or moved slot */
	STRING_SIZE = 16,
};

/* Bounds on what is walked: a map may be anything. */
enum { PAIRS_MAX = 64, BUCKETS_MAX = 16, OVERFLOW_MAX = 4 };

struct packer {
	__u8 *to;
	__u32 size;
};

/* A Go string's header: where its bytes are, and how many. */
struct text {
	__u64 bytes;
	__u64 size;
};

static bool read_text(__u64 at, struct text *ret)
{
	if (!peek_u64(at, &ret->bytes) || !peek_u64(at + 8, &ret->size))
		return false;
	if (ret->size > GOLABELS_TEXT_MAX)
		ret->size = GOLABELS_TEXT_MAX;
	return true;
}

static bool copy_text(const struct text *text, __u8 *to)
{
	for (__u64 i = 0; i < text->size; i++)
		if (!peek_u8(text->bytes + i, &to[i]))
			return false;
	return true;
}

static void put_size(__u8 *to, __u64 size)
{
	to[0] = (__u8)size;
	to[1] = (__u8)(size >> 8);
}

/* Adds one label, or leaves it out whole. */
static void pack(struct packer *p, __u64 key_at, __u64 value_at)
{
	__u8 *to = p->to + p->size;
	struct text key, value;

	if (!read_text(key_at, &key) || !read_text(value_at, &value) || key.size == 0 ||
	    p->size + 4 + key.size + value.size > GOLABELS_MAX)
		return;
	put_size(to, key.size);
	put_size(to + 2, value.size);
	if (copy_text(&key, to + 4) && copy_text(&value, to + 4 + key.size))
		p->size += 4 + (__u32)(key.size + value.size);
}

static void pack_slice(struct packer *p, __u64 labels)
{
	struct text slice;	/* begins like a string: pointer, length */

	if (!peek_u64(labels, &slice.bytes) || !peek_u64(labels + 8, &slice.size))
		return;
	for (__u64 i = 0; i < slice.size && i < PAIRS_MAX; i++)
		pack(p, slice.bytes + i * PAIR_SIZE, slice.bytes + i * PAIR_SIZE + STRING_SIZE);
}

static void pack_bucket(struct packer *p, __u64 bucket)
{
	__u8 tophash;

	for (__u64 i = 0; i < SLOTS; i++)
		if (peek_u8(bucket + i, &tophash) && tophash >= TOPHASH_USED)
			pack(p, bucket + BUCKET_KEYS + i * STRING_SIZE,
			     bucket + BUCKET_VALUES + i * STRING_SIZE);
}

static void pack_map(struct packer *p, __u64 labels)
{
	__u64 map, buckets, bucket;
	__u8 b;

	if (!peek_u64(labels, &map) || map == 0 || !peek_u8(map + MAP_B, &b) ||
	    !peek_u64(map + MAP_BUCKETS, &buckets) || b > 16)
		return;
	for (__u64 i = 0; i < 1u << b && i < BUCKETS_MAX; i++) {
		bucket = buckets + i * BUCKET_SIZE;
		for (int n = 0; bucket && n < OVERFLOW_MAX; n++) {
			pack_bucket(p, bucket);
			if (!peek_u64(bucket + BUCKET_OVERFLOW, &bucket))
				break;
		}
	}
}

__u32 golabels_read(const struct goidshim_golayout *layout, __u64 curg, __u8 ret[GOLABELS_MAX])
{
	struct packer p = { .to = ret };
	__u64 labels;

	if (layout->g_labels == GOIDSHIM_NO_OFFSET || layout->go_minor == 0 ||
	    !peek_u64(curg + layout->g_labels, &labels) || labels == 0)
		return 0;
	if (layout->go_minor >= SLICE_SINCE)
		pack_slice(&p, labels);
	else
		pack_map(&p, labels);
	return p.size;
}

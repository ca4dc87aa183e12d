/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ring of which somebody has changed any one thing: cut at every 64th byte,
 * and every word of every structure set to extremes. The reader and the
 * exporters, compiled here with sanitizers of their own whatever the build has,
 * must give an error in words, or read everything that was not touched.
 */
#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/rendering.h"
#include "tests/ringfile.h"
#include "tools/formats/stuck.h"

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define HAVE_ASAN
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define HAVE_ASAN
#endif

enum { SAMPLES_MAX = 64, BLOCKS = 8 };

/* A sample of the untouched ring: its time is unique. */
struct expected {
	__u64 time_ns;
	size_t end;		/* file offset of the first byte after it */
	__u32 block;
};

static struct expected expected[SAMPLES_MAX];
static unsigned expected_count;
static unsigned cases, refusals;

/* One of everything, waits that have not ended among it. */
static void open_full(struct ringfile *ret)
{
	const struct ringfile_shape shape = {
		.blocks = BLOCKS,
		.inside_size = sizeof(struct goidshim_inside) + 4 * sizeof(__u64),
	};

	ringfile_open(ret, &shape);
	ringfile_fill(ret);
	ringfile_inside(ret, 0, 5000000, 7, 4)->wait.sample.class_ = GOIDSHIM_CLASS_C;
	ringfile_inside(ret, 1, 6000000, 0, 2);
}

/* Finds the samples by walking the ring as it was written, without the reader. */
static void expect_samples(const struct ringfile *ring)
{
	for (__u32 i = 0; i < BLOCKS; i++) {
		const struct goidshim_block *b = ringfile_block(ring, i);
		const unsigned char *at = (const unsigned char *)(b + 1);
		const unsigned char *end = at + b->committed;

		if (b->generation % 2)
			continue;
		for (; at < end; at += ((const struct goidshim_record *)at)->size) {
			const struct goidshim_sample *s = (const void *)at;

			if (s->record.type != GOIDSHIM_RECORD_SAMPLE)
				continue;
			expected[expected_count++] = (struct expected){
				.time_ns = s->time_ns,
				.end = (size_t)(at + s->record.size - ring->bytes),
				.block = i,
			};
		}
	}
}

static bool was_read(const struct expected *e, const char *ndjson)
{
	char line[64];

	snprintf(line, sizeof(line), "\"sample\",\"time_ns\":%llu,", e->time_ns);
	return strstr(ndjson, line) != NULL;
}

/* Everything before `cut` and outside of block `spoilt` must have been read. */
static void check_samples(const char *ndjson, size_t cut, __u32 spoilt, const char *what,
			  size_t where)
{
	for (unsigned i = 0; i < expected_count; i++)
		if (expected[i].end <= cut && expected[i].block != spoilt &&
		    !was_read(&expected[i], ndjson))
			errx(1, "%s at %zu: the sample of time %llu is gone", what, where,
			     expected[i].time_ns);
}

/* What --stuck says of the ring, which can be read. */
static void report_stuck(const struct ringfile *ring, const char *what, size_t where)
{
	const struct modulefile_paths paths = { 0 };
	struct stuck_request request = { .is_alive = where % 2, .as_json = where % 3 == 0 };
	struct filter filter = { 0 };
	struct symbolizer *symbolizer;
	struct reader *reader;
	const char *why;
	char *text = NULL;
	size_t size;
	int err;

	if (reader_open(ring->path, &why, &reader))
		errx(1, "%s at %zu: refused by --stuck alone", what, where);
	if (symbolizer_open(reader, &paths, &symbolizer))
		errx(99, "out of memory");
	request.out = open_memstream(&text, &size);
	err = stuck_report(reader, &filter, symbolizer, &request);
	fclose(request.out);
	if (err || !size)
		errx(1, "%s at %zu: --stuck: error %d", what, where, err);
	free(text);
	filter_free(&filter);
	symbolizer_close(symbolizer);
	reader_close(reader);
}

/*
 * Reads the ring in every format. Returns false if it was refused, which must
 * be with words and in every format.
 */
static bool read_ring(const struct ringfile *ring, size_t cut, __u32 spoilt, const char *what,
		      size_t where)
{
	unsigned refused = 0, formats = 0;

	cases++;
	for (const struct exporter *const *e = export_all; *e; e++, formats++) {
		const char *why = NULL;
		bool damaged;
		char *text;
		int err = rendering_make(ring->path, *e, &text, &damaged, &why);

		if (err) {
			if (err != -EBADMSG || !why || !*why)
				errx(1, "%s at %zu: %s: error %d without words", what, where,
				     (*e)->name, err);
			refused++;
			continue;
		}
		if (*e == &export_ndjson)
			check_samples(text, cut, spoilt, what, where);
		free(text);
	}
	if (refused == 0)
		report_stuck(ring, what, where);
	if (refused != 0 && refused != formats)
		errx(1, "%s at %zu: refused in %u formats of %u", what, where, refused, formats);
	refusals += refused != 0;
	return refused == 0;
}

/* The file from its whole length down: what is cut off cannot come back. */
static void cut_everywhere(void)
{
	struct ringfile ring;

	open_full(&ring);
	for (size_t size = ring.size & ~(size_t)63; size > 0; size -= 64) {
		if (ftruncate(ring.fd, (off_t)size) < 0)
			err(99, "ftruncate");
		if (!read_ring(&ring, size, BLOCKS, "cut", size) &&
		    size >= sizeof(struct goidshim_header))
			errx(1, "cut at %zu: refused, though the header is whole", size);
	}
	ringfile_close(&ring);
}

/* Puts `value` over `width` bytes, reads, and puts the old bytes back. */
static void spoil(const struct ringfile *ring, size_t at, __u64 value, size_t width, __u32 block,
		  bool may_refuse, const char *what)
{
	__u64 old;

	memcpy(&old, ring->bytes + at, width);
	memcpy(ring->bytes + at, &value, width);
	if (!read_ring(ring, may_refuse ? 0 : ring->size, block, what, at) && !may_refuse)
		errx(1, "%s at %zu: refused, though the header is untouched", what, at);
	memcpy(ring->bytes + at, &old, width);
}

/* Extremes for each word of [from, to): as one 64-bit word, and as its two halves. */
static void spoil_words(const struct ringfile *ring, size_t from, size_t to, __u32 block,
			bool may_refuse, const char *what)
{
	for (size_t at = from; at + 8 <= to; at += 8) {
		__u64 old;

		memcpy(&old, ring->bytes + at, sizeof(old));
		spoil(ring, at, ~old, 8, block, may_refuse, what);
		spoil(ring, at, ~0ull, 8, block, may_refuse, what);
		spoil(ring, at, 1ull << 63, 8, block, may_refuse, what);
		spoil(ring, at, old + 8, 8, block, may_refuse, what);
		for (size_t half = at; half < at + 8; half += 4) {
			spoil(ring, half, ~0u, 4, block, may_refuse, what);
			spoil(ring, half, 0x7ffffff8, 4, block, may_refuse, what);
			spoil(ring, half, 0, 4, block, may_refuse, what);
		}
	}
}

static void spoil_everywhere(void)
{
	const struct goidshim_header *h;
	struct ringfile ring;

	open_full(&ring);
	h = ringfile_header(&ring);
	spoil_words(&ring, 0, sizeof(*h), BLOCKS, true, "header");
	spoil_words(&ring, h->lanes_offset, h->notes_offset, BLOCKS, false, "lane");
	spoil_words(&ring, h->notes_offset, h->notes_offset + h->notes_committed, BLOCKS, false,
		    "note");
	spoil_words(&ring, h->inside_offset, h->inside_offset + 2 * h->inside_size, BLOCKS, false,
		    "inside slot");
	for (__u32 i = 0; i < 4; i++) {
		size_t at = (size_t)((unsigned char *)ringfile_block(&ring, i) - ring.bytes);

		spoil_words(&ring, at,
			    at + sizeof(struct goidshim_block) + ringfile_block(&ring, i)->committed,
			    i, false, "block");
	}
	ringfile_close(&ring);
}

/* The records and the slots of the other events: nothing is expected but an answer. */
static void spoil_events(void)
{
	const struct ringfile_shape shape = { .block_size = 2048, .live_slots = 1,
					      .inside_size = 512 };
	const struct goidshim_header *h;
	struct ringfile ring;
	size_t at;

	ringfile_open(&ring, &shape);
	ringfile_fill_events(&ring, 0);
	h = ringfile_header(&ring);
	at = h->blocks_offset + sizeof(struct goidshim_block);
	spoil_words(&ring, at, at + ringfile_block(&ring, 0)->committed, BLOCKS, true, "event");
	spoil_words(&ring, h->live_offset, h->live_offset + h->live_size, BLOCKS, true, "live");
	spoil_words(&ring, h->inside_offset, h->inside_offset + h->inside_size, BLOCKS, true,
		    "inside");
	ringfile_close(&ring);
}

/* Two at once: a file that claims to be endless shields nothing any more. */
static void spoil_endless(void)
{
	struct ringfile ring;

	open_full(&ring);
	ringfile_header(&ring)->file_size = INT64_MAX;
	spoil_words(&ring, offsetof(struct goidshim_header, lanes_offset),
		    offsetof(struct goidshim_header, objects), BLOCKS, true, "endless");
	ringfile_close(&ring);
}

int main(void)
{
	struct ringfile ring;

#ifndef HAVE_ASAN
	puts("SKIP: this compiler has no address sanitizer");
	return 77;
#endif
	alarm(600);	/* a reader that hangs is a failure too */
	open_full(&ring);
	expect_samples(&ring);
	if (expected_count != 12)
		errx(99, "the fixture has %u samples", expected_count);
	if (!read_ring(&ring, ring.size, BLOCKS, "whole", 0))
		errx(1, "the untouched ring is refused");
	ringfile_close(&ring);
	cut_everywhere();
	spoil_everywhere();
	spoil_events();
	spoil_endless();
	printf("%u rings: %u refused, %u read as far as they were sound\n", cases, refusals,
	       cases - refusals);
	return 0;
}

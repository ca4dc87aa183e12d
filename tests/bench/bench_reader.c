/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Samples per second through the reader and through each format, from a ring of
 * a million samples: 64 threads, 1000 goroutines, no stacks. Its floor is
 * reading the same bytes.
 */
#include <err.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/rendering.h"
#include "tests/ringfile.h"

enum { LANES = 64, GOROUTINES = 1000, BLOCK_SIZE = 8192 };

static unsigned fill(const struct ringfile *ring, unsigned blocks)
{
	const unsigned in_block = (BLOCK_SIZE - sizeof(struct goidshim_block)) /
				  sizeof(struct goidshim_sample);
	unsigned n = 0;

	for (__u32 block = 0; block < blocks; block++) {
		__u32 lane = block % LANES;

		ringfile_claim(ring, block, lane);
		for (unsigned i = 0; i < in_block; i++, n++)
			ringfile_sample(ring, block,
					1 + (__u64)block / LANES * in_block * 1000 + i * 1000 + lane,
					1 + n % GOROUTINES, 0);
	}
	return n;
}

static void read_bytes(const struct ringfile *ring)
{
	static char buffer[65536];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(ring->fd, buffer, sizeof(buffer), at)) > 0)
		at += n;
}

static void read_records(const struct ringfile *ring, enum reader_order order)
{
	struct reader *reader;
	struct reader_item item;
	const char *why;
	__u64 sum = 0;

	if (reader_open(ring->path, &why, &reader) || reader_poll(reader, order))
		errx(1, "the ring cannot be read: %s", why);
	while (reader_next(reader, &item) > 0)
		sum += item.sample->goid;
	BENCH_USE(sum);
	reader_close(reader);
}

static void render(const struct ringfile *ring, const struct exporter *exporter)
{
	FILE *nowhere = fopen("/dev/null", "w");
	const char *why;
	bool damaged;

	if (rendering_write(ring->path, exporter, nowhere, &damaged, &why) || damaged)
		errx(1, "the ring cannot be rendered: %s", why);
	fclose(nowhere);
}

static void report(const char *name, unsigned samples, unsigned long long start_ns)
{
	bench_figure("reader", name, samples * 1e9 / (double)(bench_now_ns() - start_ns),
		     "samples/s");
}

int main(void)
{
	const unsigned blocks = bench_is_quick() ? 128 : 14000;
	const struct ringfile_shape shape = { .lanes = LANES, .blocks = blocks,
					      .block_size = BLOCK_SIZE };
	struct ringfile ring;
	unsigned samples;
	unsigned long long start;

	ringfile_open(&ring, &shape);
	samples = fill(&ring, blocks);
	start = bench_now_ns();
	read_bytes(&ring);
	report("bare pread of all bytes", samples, start);
	start = bench_now_ns();
	read_records(&ring, READER_BY_CLAIM);
	report("records, block by block", samples, start);
	start = bench_now_ns();
	read_records(&ring, READER_BY_TIME);
	report("records, by time", samples, start);
	for (const struct exporter *const *e = export_all; *e; e++) {
		start = bench_now_ns();
		render(&ring, *e);
		report((*e)->name, samples, start);
	}
	ringfile_close(&ring);
	return 0;
}

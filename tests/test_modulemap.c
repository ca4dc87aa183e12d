/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tools/symbols/modulemap: which module an address means, where modules have taken each
 * other's places: nested, overlapping, and in any order of their notes' times.
 */
#include "tools/symbols/modulemap.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "tests/ringfile.h"

TestSuite(modulemap, .timeout = 20);

static struct ringfile ring;
static struct reader *reader;
static struct modulemap *map;
static const struct modulefile_paths no_paths;
static __u32 notes;

static void note(__u64 time_ns, __u64 start, __u64 end)
{
	ringfile_module(&ring, notes++, "/lib", start, end)->time_ns = time_ns;
}

static void open_map(void)
{
	const char *why;

	cr_assert(zero(int, reader_open(ring.path, &why, &reader)), "%s", why);
	cr_assert(zero(int, reader_poll(reader, READER_BY_TIME)));
	cr_assert(zero(int, modulemap_open(reader, &no_paths, &map)));
}

static void make_ring(void)
{
	struct ringfile_shape shape = { .notes_size = 65536 };

	ringfile_open(&ring, &shape);
}

/* What an address means in a stack of that address alone, taken then. */
static uint32_t find(__u64 time_ns, __u64 address)
{
	return modulemap_find(map, address, modulemap_era(map, time_ns, &address, 1));
}

Test(modulemap, without_takeovers_time_does_not_matter, .init = make_ring)
{
	note(10, 0x1000, 0x2000);
	note(90, 0x2000, 0x3000);
	open_map();
	cr_expect(eq(u32, find(0, 0x1fff), 0));
	cr_expect(eq(u32, find(0, 0x2000), 1), "its note was late");
	cr_expect(eq(u32, find(99, 0x1000), 0));
	cr_expect(eq(u32, find(99, 0x3000), MODULEMAP_NONE));
	cr_expect(eq(u32, modulemap_era(map, 99, (__u64[]){ 0x1000, 0x2001 }, 2), 0));
}

Test(modulemap, the_time_decides_who_was_there, .init = make_ring)
{
	note(10, 0x1000, 0x5000);	/* large */
	note(10, 0x8000, 0x9000);	/* has nothing to do with it */
	note(20, 0x2000, 0x3000);	/* small, inside */
	note(30, 0x1000, 0x5000);	/* large again */
	note(40, 0x4000, 0x7000);	/* overlaps its end */
	open_map();
	cr_expect(eq(u32, find(5, 0x2000), 0));
	cr_expect(eq(u32, find(10, 0x2000), 0));
	cr_expect(eq(u32, find(19, 0x2fff), 0));
	cr_expect(eq(u32, find(20, 0x2fff), 2));
	cr_expect(eq(u32, find(29, 0x2000), 2));
	cr_expect(eq(u32, find(30, 0x2000), 3));
	cr_expect(eq(u32, find(39, 0x4000), 3));
	cr_expect(eq(u32, find(40, 0x4000), 4));
	cr_expect(eq(u32, find(40, 0x6fff), 4));
	cr_expect(eq(u32, find(40, 0x7000), MODULEMAP_NONE));
	cr_expect(eq(u32, find(99, 0x8000), 1));
	cr_expect(eq(u32, modulemap_find(map, 0x2000, MODULEMAP_LATEST), 3));
	cr_expect(eq(u32, modulemap_era(map, 99, (__u64[]){ 0x8000 }, 1), 0));
	cr_expect(eq(u32, modulemap_era(map, 99, (__u64[]){ 0x8000, 0x5000 }, 2), 3),
		  "one past the end is a return address of a call at the end");
}

Test(modulemap, notes_that_come_while_it_is_open_count, .init = make_ring)
{
	note(10, 0x1000, 0x2000);
	open_map();
	cr_expect(eq(u32, find(50, 0x1000), 0));
	note(20, 0x1800, 0x2800);
	cr_assert(zero(int, reader_poll(reader, READER_BY_TIME)));
	cr_expect(eq(u32, find(50, 0x1800), 1));
	cr_expect(eq(u32, find(19, 0x1800), 0));
	cr_expect(eq(u32, find(50, 0x1000), 0), "what is left of the old one");
}

/* Times that go backwards are a hostile ring's: order counts, and nothing breaks. */
Test(modulemap, times_that_go_backwards_are_harmless, .init = make_ring)
{
	for (__u32 i = 0; i < 100; i++)
		note(1000 - i, 0x1000 + i * 16 % 64, 0x2000 + i);
	note(5, ~0ull - 4096, ~0ull);
	note(5, 0, ~0ull);
	open_map();
	for (__u64 address = 0; address < 0x3000; address += 7)
		cr_assert(find(address, address) < notes);
	cr_expect(eq(u32, find(2000, 0x1050), notes - 1));
	cr_expect(eq(u32, find(0, ~0ull), MODULEMAP_NONE));
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probe/segment.sig: what is at FS base + n is what segment_fs_*(n) sees. This
 * file is built once per compiler and flavour (compilers.tap); TEST_FLAVOUR, if
 * given, is the flavour that it ought to be.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <string.h>
#include <sys/auxv.h>

#include "probe/fsbase.sig.h"
#include "probe/segment.sig.h"

TestSuite(segment, .timeout = 10);

static __thread unsigned char tls_bytes[24];

static void fill(unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = 0x80 + i;
}

/* The offset of a thread-local object from the FS base. */
static __s64 fs_offset(const void *object)
{
	__u64 base = 0;

	cr_assert(zero(int, fsbase_read(GOIDSHIM_FSBASE_ARCH_PRCTL, &base)));
	return (__s64)((__u64)object - base);
}

/* Makes GS base point to `bytes`, by the method that this machine allows. */
static void set_gs(const void *bytes)
{
	if (!gsbase_write(GOIDSHIM_FSBASE_ARCH_PRCTL, (__u64)bytes))
		return;
	fsbase_permit(getauxval(AT_HWCAP2));
	if (gsbase_write(GOIDSHIM_FSBASE_RDFSBASE, (__u64)bytes))
		cr_skip("this machine lets nobody set GS base");
}

#ifdef TEST_FLAVOUR
Test(segment, is_the_flavour_asked_for)
{
	cr_expect(eq(str, SEGMENT_FLAVOUR, TEST_FLAVOUR));
}
#endif

Test(segment, fs_at_zero_is_the_thread_block)
{
	__u64 base = 0;

	cr_assert(zero(int, fsbase_read(GOIDSHIM_FSBASE_ARCH_PRCTL, &base)));
	cr_expect(eq(u64, segment_fs_load_u64(0), base));
}

Test(segment, fs_loads_every_width_at_any_alignment)
{
	__s64 at = fs_offset(tls_bytes);

	fill(tls_bytes, sizeof(tls_bytes));
	cr_assert(at < 0);
	cr_expect(eq(u8, segment_fs_load_u8(at + 1), 0x81));
	cr_expect(eq(u16, segment_fs_load_u16(at + 1), 0x8281));
	cr_expect(eq(u32, segment_fs_load_u32(at + 1), 0x84838281));
	cr_expect(eq(u64, segment_fs_load_u64(at + 1), 0x8887868584838281));
}

Test(segment, fs_stores_every_width_and_no_more)
{
	static const unsigned char expected[24] = {
		0x80, 0x11, 0x82, 0x22, 0x22, 0x85, 0x33, 0x33, 0x33, 0x33, 0x8a, 0x44,
		0x44, 0x44, 0x44, 0x44, 0x44, 0x44, 0x44, 0x93, 0x94, 0x95, 0x96, 0x97,
	};
	__s64 at = fs_offset(tls_bytes);

	fill(tls_bytes, sizeof(tls_bytes));
	segment_fs_store_u8(at + 1, 0x11);
	segment_fs_store_u16(at + 3, 0x2222);
	segment_fs_store_u32(at + 6, 0x33333333);
	segment_fs_store_u64(at + 11, 0x4444444444444444);
	cr_expect(zero(int, memcmp(tls_bytes, expected, sizeof(expected))));
}

Test(segment, gs_loads_every_width_on_both_sides_of_its_base)
{
	unsigned char bytes[24];

	fill(bytes, sizeof(bytes));
	set_gs(bytes + 8);
	cr_expect(eq(u8, segment_gs_load_u8(0), 0x88));
	cr_expect(eq(u16, segment_gs_load_u16(3), 0x8c8b));
	cr_expect(eq(u32, segment_gs_load_u32(-3), 0x88878685));
	cr_expect(eq(u64, segment_gs_load_u64(-8), 0x8786858483828180));
	cr_expect(eq(u64, segment_gs_load_u64(7), 0x969594939291908f));
}

Test(segment, gs_stores_every_width_and_no_more)
{
	static const unsigned char expected[16] = {
		0x11, 0x81, 0x22, 0x22, 0x33, 0x33, 0x33, 0x33,
		0x44, 0x44, 0x44, 0x44, 0x44, 0x44, 0x44, 0x44,
	};
	unsigned char bytes[16];

	fill(bytes, sizeof(bytes));
	set_gs(bytes + 8);
	segment_gs_store_u8(-8, 0x11);
	segment_gs_store_u16(-6, 0x2222);
	segment_gs_store_u32(-4, 0x33333333);
	segment_gs_store_u64(0, 0x4444444444444444);
	cr_expect(zero(int, memcmp(bytes, expected, sizeof(expected))));
}

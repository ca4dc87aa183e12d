/* SPDX-License-Identifier: BSD-2-Clause */
/* probe/peek.sig: what can be read is read, and what cannot does no harm. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probe/peek.sig.h"

#define PAGE 4096ul

/* A fault that is not peek's ends the worker, which Criterion reports as a crash. */
static void on_fault(int sig, siginfo_t *info, void *ucontext)
{
	if (info->si_code > 0 && peek_recover(ucontext))
		return;
	signal(sig, SIG_DFL);
}

static void catch_faults(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
}

TestSuite(peek, .init = catch_faults, .timeout = 10);

static char *map_pages(size_t pages, int protection)
{
	char *map = mmap(NULL, pages * PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert(map != MAP_FAILED);
	return map;
}

/* None of the three widths can read there, and none leaves a trace. */
static void refuses(const char *what, __u64 addr)
{
	__u64 word = 0x5a5a5a5a5a5a5a5a;
	__u32 half = 0x5a5a5a5a;
	__u8 byte = 0x5a;

	cr_expect(not(peek_u64(addr, &word)), "u64 %s", what);
	cr_expect(not(peek_u32(addr, &half)), "u32 %s", what);
	cr_expect(not(peek_u8(addr, &byte)), "u8 %s", what);
	cr_expect(eq(u64, word, 0x5a5a5a5a5a5a5a5a), "u64 %s", what);
	cr_expect(eq(u32, half, 0x5a5a5a5a), "u32 %s", what);
	cr_expect(eq(u8, byte, 0x5a), "u8 %s", what);
}

Test(peek, reads_each_width)
{
	static const unsigned char bytes[] = { 0x81, 0x92, 0xa3, 0xb4, 0xc5, 0xd6, 0xe7, 0xf8, 9 };
	__u64 word;
	__u32 half;
	__u8 byte;

	cr_assert(peek_u64((__u64)bytes, &word));
	cr_assert(peek_u32((__u64)bytes, &half));
	cr_assert(peek_u8((__u64)bytes, &byte));
	cr_expect(eq(u64, word, 0xf8e7d6c5b4a39281));
	cr_expect(eq(u32, half, 0xb4a39281));
	cr_expect(eq(u8, byte, 0x81));
	cr_assert(peek_u64((__u64)bytes + 1, &word));
	cr_expect(eq(u64, word, 0x09f8e7d6c5b4a392), "unaligned");
}

Test(peek, refuses_null_and_small_addresses)
{
	refuses("NULL", 0);
	refuses("a field of NULL", 152);
}

Test(peek, refuses_unmapped_and_protected_memory)
{
	char *map = map_pages(2, PROT_READ | PROT_WRITE);

	munmap(map + PAGE, PAGE);
	refuses("unmapped", (__u64)map + PAGE);
	mprotect(map, PAGE, PROT_NONE);
	refuses("PROT_NONE", (__u64)map);
	mprotect(map, PAGE, PROT_READ);
	cr_expect(peek_u64((__u64)map, &(__u64){ 0 }), "readable again");
}

Test(peek, refuses_non_canonical_and_kernel_addresses)
{
	refuses("just beyond the user's half", 1ull << 47);
	refuses("deep in the hole", 0x1234567812345678);
	refuses("with five-level paging the user's last", (1ull << 56) - 8);
	refuses("the kernel's first", 0xffff800000000000);
	refuses("the kernel's first with five-level paging", 0xff00000000000000);
	refuses("the last", ~0ull);
}

Test(peek, refuses_a_word_that_leaves_its_mapping)
{
	char *map = map_pages(2, PROT_READ | PROT_WRITE);
	__u64 word = 1;
	__u32 half;
	__u8 byte;

	munmap(map + PAGE, PAGE);
	memset(map, 0x77, PAGE);
	cr_expect(peek_u64((__u64)map + PAGE - 8, &word));
	cr_expect(eq(u64, word, 0x7777777777777777));
	cr_expect(not(peek_u64((__u64)map + PAGE - 7, &word)));
	cr_expect(not(peek_u64((__u64)map + PAGE - 1, &word)));
	cr_expect(peek_u32((__u64)map + PAGE - 4, &half));
	cr_expect(not(peek_u32((__u64)map + PAGE - 3, &half)));
	cr_expect(peek_u8((__u64)map + PAGE - 1, &byte));
	cr_expect(not(peek_u8((__u64)map + PAGE, &byte)));
}

Test(peek, survives_the_bus_error_of_a_truncated_file)
{
	int fd = memfd_create("peek", 0);
	char *map;

	cr_assert(ne(int, fd, -1));
	cr_assert(zero(int, ftruncate(fd, 2 * PAGE)));
	map = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	cr_assert(map != MAP_FAILED);
	cr_assert(peek_u64((__u64)map + PAGE, &(__u64){ 0 }));
	cr_assert(zero(int, ftruncate(fd, PAGE)));
	refuses("beyond the end of the file", (__u64)map + PAGE);
	cr_expect(peek_u64((__u64)map + PAGE - 8, &(__u64){ 0 }));
}

static volatile sig_atomic_t good_reads, bad_reads;

static void peek_in_handler(int sig)
{
	static const __u64 word = 42;
	__u64 value = 0;

	if (peek_u64((__u64)&word, &value) && value == word)
		good_reads++;
	if (!peek_u64(8, &value) && value == word)
		bad_reads++;
}

Test(peek, works_inside_a_signal_handler)
{
	struct sigaction sa = { .sa_handler = peek_in_handler };

	sigfillset(&sa.sa_mask);
	sigdelset(&sa.sa_mask, SIGSEGV);
	sigdelset(&sa.sa_mask, SIGBUS);
	sigaction(SIGRTMIN, &sa, NULL);
	for (int i = 0; i < 1000; i++)
		raise(SIGRTMIN);
	cr_expect(eq(int, good_reads, 1000));
	cr_expect(eq(int, bad_reads, 1000));
}

Test(peek, leaves_other_faults_alone, .signal = SIGSEGV)
{
	*(volatile char *)map_pages(1, PROT_NONE) = 1;
}

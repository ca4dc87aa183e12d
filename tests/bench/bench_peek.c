/* SPDX-License-Identifier: BSD-2-Clause */
/* Following a pointer that may be bad, beside a plain load and a bare fault. */
#include "probe/peek.sig.h"
#include "tests/bench/bench.h"
#include "tests/bench/faults.h"

static __u64 word = 42;

/* A chain of loads, as in g, m, curg: each address comes from the last load. */
static void *ring_of_pointers = &ring_of_pointers;

static void bare_load(unsigned long n, void *addr)
{
	for (unsigned long i = 0; i < n; i++)
		BENCH_USE(*(volatile __u64 *)addr);
}

static void peek(unsigned long n, void *addr)
{
	for (unsigned long i = 0; i < n; i++) {
		__u64 value = 0;

		peek_u64((__u64)addr, &value);
		BENCH_USE(value);
	}
}

static void bare_chain(unsigned long n, void *addr)
{
	for (unsigned long i = 0; i < n; i++)
		addr = *(void *volatile *)addr;
	BENCH_USE(addr);
}

static void peek_chain(unsigned long n, void *start)
{
	__u64 addr = (__u64)start;

	for (unsigned long i = 0; i < n; i++)
		if (!peek_u64(addr, &addr))
			return;
	BENCH_USE(addr);
}

static const struct bench_row rows[] = {
	{ .name = "bare load", .repeat = bare_load, .arg = &word },
	{ .name = "peek_u64", .repeat = peek, .arg = &word, .floor = "bare load" },
	{ .name = "bare chain of loads", .repeat = bare_chain, .arg = &ring_of_pointers },
	{ .name = "chain of peek_u64", .repeat = peek_chain, .arg = &ring_of_pointers,
	  .floor = "bare chain of loads" },
	{ .name = "bare fault and return", .repeat = faults_bare },
	{ .name = "peek_u64 of a bad address", .repeat = peek, .arg = (void *)8,
	  .floor = "bare fault and return" },
};

int main(void)
{
	faults_catch();
	return bench_run("peek", rows, BENCH_ROWS(rows));
}

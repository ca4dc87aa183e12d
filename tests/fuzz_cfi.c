/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libFuzzer over a module's call-frame information: .eh_frame_hdr and what
 * follows it, compiled, and read in place.
 *
 *	./configure CC=clang --enable-sanitizers && make tests/fuzz_cfi
 *	mkdir seeds && objcopy -O binary -j .eh_frame_hdr -j .eh_frame \
 *		/lib/x86_64-linux-gnu/libzstd.so.1 seeds/zstd && tests/fuzz_cfi seeds
 *
 * The bytes end where a page ends and nothing is mapped behind it. Peeks would
 * survive that; here a fault is a finding.
 */
#include <err.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "shim/cfi.h"
#include "shim/ehrows.sig.h"

enum { ROOM = 1 << 20, CODE = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Sections at the end of a mapping, functions before it: their addresses only. */
static uint8_t *place(const uint8_t *data, size_t size)
{
	static uint8_t *room;

	if (room == NULL) {
		room = mmap(NULL, ROOM + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
		if (room == MAP_FAILED || munmap(room + ROOM, 4096) != 0)
			err(99, "mmap");
	}
	return memcpy(room + ROOM - size, data, size);
}

static void check_table(const struct cfi_source *s, const struct cfi_table *t)
{
	for (__u32 i = 0; i < t->rows; i++)
		if ((i > 0 && t->pc[i] <= t->pc[i - 1]) || t->pc[i] > s->hi - s->bias ||
		    t->rule_of[i] >= t->rules)
			abort();
	for (__u64 pc = s->lo; pc < s->hi; pc += 997) {
		const struct cfi_rule *rule = cfi_table_find(t, pc - s->bias);

		if (rule != NULL && (rule < t->rule || rule >= t->rule + t->rules))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cfi_source s = { 0 };
	struct cfi_table *table;
	struct cfi_rule rule;

	if (size > ROOM / 2)
		return 0;
	s.section.hdr = s.section.lo = (__u64)place(data, size);
	s.section.hi = s.section.lo + size;
	s.bias = s.lo = s.section.lo - CODE;
	s.hi = s.section.hi;
	if (cfi_compile(&s, &table) == 0) {
		check_table(&s, table);
		cfi_free(table);
	}
	for (__u64 pc = s.lo; pc < s.hi; pc += 9973)
		ehrows_rule(&s.section, pc, &rule);
	return 0;
}

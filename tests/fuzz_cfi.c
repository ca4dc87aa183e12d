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
#include <stdint.h>
#include <stdlib.h>

#include "shim/unwind/cfi.h"
#include "shim/unwind/ehrows.sig.h"
#include "tests/fuzz-place.h"

/* Functions are before the sections: their addresses only. */
enum { CODE = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

	if (size > FUZZ_ROOM / 2)
		return 0;
	s.section.hdr = s.section.lo = (__u64)fuzz_place(data, size);
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

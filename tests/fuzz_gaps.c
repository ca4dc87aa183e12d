/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libFuzzer over machine code without call-frame information: the input is a
 * module, half of it covered, with a dynamic section at its end.
 *
 *	./configure CC=clang --enable-sanitizers && make tests/fuzz_gaps
 *	mkdir seeds && objcopy -O binary -j .text /lib/x86_64-linux-gnu/libm.so.6 \
 *		seeds/libm && tests/fuzz_gaps seeds
 *
 * What is read beyond the bytes faults, and is a finding.
 */
#include <link.h>
#include <stdint.h>
#include <stdlib.h>

#include "shim/unwind/gaps.h"
#include "tests/fuzz-place.h"

enum { DYNAMIC = 16 * sizeof(ElfW(Dyn)), GAP = 1 << 15 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where rules may be found: [start, end), and nothing below `found` any more. */
struct expected {
	__u64 start;
	__u64 end;
};

static void check_found(void *arg, __u64 start, __u64 end, const struct cfi_rule *rule)
{
	struct expected *expected = arg;

	if (start < expected->start || start >= end || end > expected->end)
		abort();
	expected->start = end;
	if (rule->kind != CFI_OFFSET || !rule->derived || rule->cfa_register >= CFI_PC ||
	    rule->saved[CFI_SLOT_PC] != -1)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct cfi_rule rules[] = {
		{ .kind = CFI_NONE },
		{ .kind = CFI_UNSUPPORTED },
		{ .kind = CFI_OFFSET, .cfa_register = CFI_RSP, .cfa_offset = 8,
		  .saved = { CFI_SAME, CFI_SAME, CFI_SAME, CFI_SAME, CFI_SAME, CFI_SAME, -1 } },
	};
	struct gaps_budget budget = { .bytes = 1 << 20, .steps = 20000 };
	__u32 gap = (__u32)size / 2;
	__u32 gap_end = gap + ((__u32)size / 4 < GAP ? (__u32)size / 4 : GAP);
	const __u32 pc[] = { 0, gap, gap_end, (__u32)size };
	const __u16 rule_of[] = { 2, 0, 2, 0 };
	struct gaps_rows rows = { .pc = pc, .rule_of = rule_of, .rule = rules, .count = 4 };
	struct gaps_module module = { .phnum = 2, .budget = &budget };
	struct expected expected;
	ElfW(Phdr) phdr[2] = { { .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_filesz = size },
			       { .p_type = PT_DYNAMIC, .p_filesz = DYNAMIC } };

	if (size < 2 * DYNAMIC || size > FUZZ_ROOM)
		return 0;
	size &= ~(size_t)15;	/* the dynamic linker would not take it otherwise */
	phdr[0].p_filesz = size;
	phdr[1].p_vaddr = size - DYNAMIC;
	module.bias = (__u64)fuzz_place(data, size);
	module.phdr = phdr;
	expected.start = module.bias + gap;
	expected.end = module.bias + gap_end;
	gaps_derive(&module, &rows, check_found, &expected);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shim/unwind/unwind where there is no way on: code made at run time, code without
 * tables, a stack of one's own, a stack that is broken. It must stop there, say
 * why, and not have invented a frame. (What it does where there is a way,
 * unwind-steps and check-stacks show.)
 */
#include "shim/unwind/unwind.sig.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "shim/unwind/modules.h"
#include "tests/bench/faults.h"
#include "tests/fixtures/uncovered.h"

static void prepare(void)
{
	faults_catch();
	modules_refresh(true);
}

TestSuite(unwind, .init = prepare, .timeout = 20);

static struct unwind_result result;
static __u64 frames[64];

static void unwind_context(const ucontext_t *uc, unsigned max)
{
	struct goid_reading nobody = { .class_ = GOIDSHIM_CLASS_C_THREAD, .object = 0xff };

	unwind_stack(NULL, NULL, &nobody, (const struct sigcontext *)&uc->uc_mcontext, frames, max,
		     &result);
}

__attribute__((noinline)) static void unwind_here(void)
{
	ucontext_t uc;

	getcontext(&uc);
	unwind_context(&uc, 64);
}

Test(unwind, reaches_where_the_thread_began)
{
	unwind_here();
	cr_assert(eq(int, result.end, GOIDSHIM_STACK_THREAD));
	cr_assert(eq(int, result.gap, 0));
	cr_assert(result.depth > 3);
}

Test(unwind, stores_no_more_than_asked)
{
	ucontext_t uc;
	unsigned depth;

	getcontext(&uc);
	unwind_context(&uc, 64);
	depth = result.depth;
	frames[2] = 42;
	unwind_context(&uc, 2);
	cr_assert(eq(int, result.end, GOIDSHIM_STACK_DEPTH));
	cr_assert(eq(int, result.depth, 2));
	cr_assert(eq(u64, frames[2], 42));
	/* Just enough is enough. */
	unwind_context(&uc, depth);
	cr_assert(eq(int, result.end, GOIDSHIM_STACK_THREAD));
}

/* sub $8, %rsp; call *%rdi; add $8, %rsp; ret */
static const unsigned char made_code[] = { 0x48, 0x83, 0xec, 0x08, 0xff, 0xd7,
					   0x48, 0x83, 0xc4, 0x08, 0xc3 };

Test(unwind, stops_at_code_made_at_run_time)
{
	unsigned char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memcpy(page, made_code, sizeof(made_code));
	((void (*)(void (*)(void)))page)(unwind_here);
	cr_assert(eq(int, result.end, GOIDSHIM_STACK_NO_MODULE));
	cr_assert(eq(u64, frames[result.depth - 1], (__u64)page + 6));
}

/*
 * The same, in the program, of which no table knows, and for which none can be
 * derived: where the frame is, is in a register that calls do not keep.
 */
__asm__(".text\n"
	".globl test_unwind_untold\n"
	".hidden test_unwind_untold\n"
	"test_unwind_untold:\n"
	"mov %rsp, %r10\n"
	"and $-16, %rsp\n"
	"push %r10\n"
	"push %r10\n"
	"call *%rdi\n"
	".globl test_unwind_after_call\n"
	".hidden test_unwind_after_call\n"
	"test_unwind_after_call:\n"
	"pop %r10\n"
	"mov %r10, %rsp\n"
	"ret\n");

void test_unwind_untold(void (*call)(void));
extern const char test_unwind_after_call[];

Test(unwind, stops_at_code_without_tables)
{
	test_unwind_untold(unwind_here);
	cr_assert(eq(int, result.end, GOIDSHIM_STACK_NO_CFI));
	cr_assert(eq(u64, frames[result.depth - 1], (__u64)test_unwind_after_call));
}

/* Interrupted in assembly for which rules were derived, 72 bytes below its return address. */
static void unwind_derived(__u64 return_address)
{
	static __u64 words[64];
	ucontext_t uc;

	words[9] = return_address;
	getcontext(&uc);
	uc.uc_mcontext.gregs[REG_RIP] = (greg_t)uncovered_pushes_deep;
	uc.uc_mcontext.gregs[REG_RSP] = (greg_t)words;
	unwind_context(&uc, 64);
	cr_assert(eq(u64, frames[0], (__u64)uncovered_pushes_deep));
}

Test(unwind, what_was_derived_must_lead_to_a_call)
{
	unwind_derived((__u64)test_unwind_after_call);
	cr_expect(result.depth > 1);
	cr_expect(eq(u64, frames[1], (__u64)test_unwind_after_call));
	/* Known code, but nothing was called there; no code; nothing at all. */
	unwind_derived((__u64)strtok_r);
	cr_expect(eq(int, result.end, GOIDSHIM_STACK_NO_CFI));
	cr_expect(eq(int, result.depth, 1));
	unwind_derived((__u64)frames);
	cr_expect(eq(int, result.end, GOIDSHIM_STACK_NO_CFI));
	cr_expect(eq(int, result.depth, 1));
	unwind_derived(0);
	cr_expect(eq(int, result.end, GOIDSHIM_STACK_NO_CFI));
	cr_expect(eq(int, result.depth, 1));
}

/* What makecontext() lets a function return to has no tables in glibc. */
Test(unwind, a_stack_of_its_own_ends_where_it_began)
{
	static char stack[1 << 16];
	ucontext_t there, back;

	getcontext(&there);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = sizeof(stack);
	there.uc_link = &back;
	makecontext(&there, unwind_here, 0);
	swapcontext(&back, &there);
	cr_assert(eq(int, result.end, GOIDSHIM_STACK_NO_CFI));
	cr_assert(eq(int, result.depth, 2));
}

/* A frame whose stack is somebody's mistake. */
static void unwind_with_sp(__u64 sp)
{
	ucontext_t uc;

	getcontext(&uc);
	uc.uc_mcontext.gregs[REG_RIP] = (greg_t)strtok_r;
	uc.uc_mcontext.gregs[REG_RSP] = (greg_t)sp;
	unwind_context(&uc, 64);
	cr_assert(eq(u64, frames[0], (__u64)strtok_r));
}

Test(unwind, a_broken_stack_is_not_followed)
{
	static __u64 words[64];

	unwind_with_sp(0x7ffffffff000);
	cr_expect(eq(int, result.end, GOIDSHIM_STACK_FAULT));
	cr_expect(eq(int, result.depth, 1));
	unwind_with_sp((__u64)words + 4);
	cr_expect(eq(int, result.end, GOIDSHIM_STACK_STUCK));
	cr_expect(eq(int, result.depth, 1));
	/* An address that is no code, and does not follow a call. */
	words[0] = (__u64)words;
	unwind_with_sp((__u64)words);
	cr_expect(eq(int, result.end, GOIDSHIM_STACK_NO_MODULE));
	cr_expect(eq(int, result.depth, 1));
	words[0] = 0xdeadbeefdeadbeef;
	unwind_with_sp((__u64)words);
	cr_expect(eq(int, result.end, GOIDSHIM_STACK_NO_MODULE));
	cr_expect(eq(int, result.depth, 1));
}

Test(unwind, is_told_what_to_do)
{
	unwind.backend = UNWIND_NONE;
	unwind_here();
	cr_expect(eq(int, result.depth, 0));
	cr_expect(eq(int, result.end, GOIDSHIM_STACK_NONE));
}

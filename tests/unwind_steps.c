/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unwind-steps: every instruction of real C code, unwound.
 *
 * Runs code under the processor's trap flag. A handler sees each instruction
 * before it is executed, keeps the list of return addresses by watching calls
 * and returns (so it knows the true stack without any unwind information), and
 * compares it with what unwind_stack() says at that instruction: in prologues
 * and epilogues, in the PLT, between a push and the jump after it. libunwind is
 * asked at every 16th, and wherever ours is not the true stack.
 *
 * Prints what it counted. No stack may be wrong, and every one that is cut must be
 * cut where one of three things is true:
 *
 *	its innermost function is assembly without tables, of GMP, which it reaches
 *	by computed jumps, so that no rules are derived (the end says no_cfi):
 *	libunwind must do no better;
 *
 *	its innermost function is longjmp, which tells in an expression where its
 *	caller is going to be;
 *
 *	it passes through one of four functions of libgcc that land exceptions,
 *	while that writes over its own frame (the end says expression). Its tables
 *	are wrong there, and libunwind believes them: nearly always it gives frames
 *	that are not on the stack. It is right as long as the writing has begun
 *	and nothing that it needs has been written yet.
 */
#include <dlfcn.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

/* Opened, not linked: linked, it would take over the exceptions of our fixture. */
#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include "probe/peek.sig.h"
#include "shim/unwind/modules.h"
#include "shim/unwind/unwind.sig.h"

#include "tests/fixtures/steps.h"

static struct {
	int (*init_local2)(unw_cursor_t *, unw_context_t *, int);
	int (*step)(unw_cursor_t *);
	int (*get_reg)(unw_cursor_t *, int, unw_word_t *);
} libunwind;

enum { DEPTH = 256, SITES = 4096, LANDING_SITES = 4 * 32 };

/* A call that has not returned: where its return address is, and what it is. */
struct call {
	__u64 slot;
	__u64 pc;
};

static struct {
	bool active;
	__u64 last_pc;
	__u64 last_sp;
	struct call call[DEPTH];
	unsigned calls;
	__u64 base[DEPTH];	/* the frames below the first instruction */
	unsigned base_depth;
} shadow;

static struct {
	unsigned long steps, right, no_rules, longjmp, landing, unexplained, wrong;
	unsigned long ours;	/* where libunwind did better, other than in landing */
	unsigned long unwind_frames, oracle_frames, oracle_equal, oracle_better, oracle_worse;
	unsigned long ends[GOIDSHIM_STACK_MAX];
} count;

/* Where stacks came out wrong or short: return addresses of functions, for the report. */
static struct {
	__u64 pc;
	unsigned long times;
	const char *what;
} site[SITES];
static unsigned sites;

static void note_site(__u64 pc, const char *what)
{
	for (unsigned i = 0; i < sites; i++) {
		if (site[i].pc == pc && site[i].what == what) {
			site[i].times++;
			return;
		}
	}
	if (sites < SITES) {
		site[sites].pc = pc;
		site[sites].what = what;
		site[sites++].times = 1;
	}
}

/* ------------------------------------------------------------- the true stack */

static bool is_call(__u64 pc)
{
	const unsigned char *p = (const unsigned char *)pc;

	while (*p == 0x67 || *p == 0x3e || *p == 0xf2 || *p == 0x2e || (*p & 0xf0) == 0x40)
		p++;
	return *p == 0xe8 || (*p == 0xff && (p[1] >> 3 & 7) == 2);
}

static void follow(__u64 pc, __u64 sp)
{
	bool called = shadow.last_pc != 0 && sp == shadow.last_sp - 8 && is_call(shadow.last_pc);

	while (shadow.calls > 0 && shadow.call[shadow.calls - 1].slot < sp)
		shadow.calls--;
	if (called && shadow.calls < DEPTH) {
		shadow.call[shadow.calls].slot = sp;
		shadow.call[shadow.calls++].pc = *(__u64 *)sp;
	}
	shadow.last_pc = pc;
	shadow.last_sp = sp;
}

static unsigned true_stack(__u64 pc, __u64 *frames)
{
	unsigned depth = 0;

	frames[depth++] = pc;
	for (unsigned i = shadow.calls; i-- > 0 && depth < DEPTH;)
		frames[depth++] = shadow.call[i].pc;
	for (unsigned i = 0; i < shadow.base_depth && depth < DEPTH; i++)
		frames[depth++] = shadow.base[i];
	return depth;
}

/* ----------------------------------------------------------------- comparing */

static unsigned equal_frames(const __u64 *a, unsigned a_count, const __u64 *b, unsigned b_count)
{
	unsigned i = 0;

	while (i < a_count && i < b_count && a[i] == b[i])
		i++;
	return i;
}

static unsigned ask_libunwind(ucontext_t *uc, __u64 *frames)
{
	unw_cursor_t cursor;
	unsigned depth = 0;
	unw_word_t ip;

	if (libunwind.step == NULL || libunwind.init_local2(&cursor, uc, UNW_INIT_SIGNAL_FRAME) < 0)
		return 0;
	do {
		if (libunwind.get_reg(&cursor, UNW_REG_IP, &ip) < 0 || ip == 0)
			break;
		frames[depth++] = ip;
	} while (depth < DEPTH && libunwind.step(&cursor) > 0);
	return depth;
}

static bool is_one_of(__u64 pc, const char *const *names, size_t total)
{
	Dl_info info;

	if (dladdr((void *)pc, &info) == 0 || info.dli_sname == NULL)
		return false;
	for (size_t i = 0; i < total; i++)
		if (strcmp(info.dli_sname, names[i]) == 0)
			return true;
	return false;
}

/* Is this frame of one that writes over itself? */
static bool is_landing(__u64 pc)
{
	static const char *const names[] = { "_Unwind_RaiseException", "_Unwind_Resume",
					     "_Unwind_ForcedUnwind", "_Unwind_Resume_or_Rethrow" };

	return is_one_of(pc, names, sizeof(names) / sizeof(names[0]));
}

/*
 * Was the innermost function called by one of these? It has no name of its own.
 * Its last instructions have left its stack already: they are told by where it was.
 */
static bool is_longjmp(__u64 pc, __u64 caller)
{
	static __u64 before;
	static const char *const names[] = { "longjmp", "_longjmp", "siglongjmp",
					     "__libc_longjmp", "__libc_siglongjmp",
					     "__longjmp_chk" };

	if (!is_one_of(caller, names, sizeof(names) / sizeof(names[0])))
		return pc - before <= 16;
	before = pc;
	return true;
}

/* Counts a stack of which less than all is right, and says as what. */
static const char *count_cut(const struct unwind_result *result, const __u64 *frames,
			     const __u64 *truth)
{
	if (result->end == GOIDSHIM_STACK_NO_CFI && result->depth == 1) {
		count.no_rules++;
		return "no rules";
	}
	for (unsigned i = 0; result->end == GOIDSHIM_STACK_EXPRESSION && i < result->depth; i++) {
		if (is_landing(frames[i])) {
			count.landing++;
			return "landing";
		}
	}
	if (result->end == GOIDSHIM_STACK_EXPRESSION && result->depth == 1 &&
	    is_longjmp(frames[0], truth[1])) {
		count.longjmp++;
		return "longjmp";
	}
	count.unexplained++;
	return "cut";
}

/* Right frames of libunwind's; also counts how often the two agree. */
static void compare_with_libunwind(ucontext_t *uc, const __u64 *truth, unsigned true_depth,
				   const __u64 *ours, unsigned depth, bool landing)
{
	__u64 theirs[DEPTH];
	unsigned their_depth = ask_libunwind(uc, theirs);
	unsigned our_right = equal_frames(ours, depth, truth, true_depth);
	unsigned their_right = equal_frames(theirs, their_depth, truth, true_depth);

	count.oracle_frames += their_depth;
	count.oracle_equal += equal_frames(ours, depth, theirs, their_depth);
	count.oracle_better += their_right > our_right;
	count.oracle_worse += their_right < our_right;
	count.ours += !landing && their_right > our_right;
}

static void check_step(ucontext_t *uc)
{
	struct goid_reading nobody = { .class_ = GOIDSHIM_CLASS_C_THREAD, .object = 0xff };
	__u64 truth[DEPTH], ours[DEPTH];
	struct unwind_result result;
	unsigned true_depth, right;
	unsigned long landing = count.landing;

	true_depth = true_stack((__u64)uc->uc_mcontext.gregs[REG_RIP], truth);
	unwind_stack(NULL, NULL, &nobody, (const struct sigcontext *)&uc->uc_mcontext, ours, DEPTH,
		     &result);
	right = equal_frames(ours, result.depth, truth, true_depth);
	count.steps++;
	count.unwind_frames += result.depth;
	count.ends[result.end]++;
	if (right < result.depth) {
		count.wrong++;
		note_site(right > 0 ? ours[right - 1] : ours[0], "wrong");
	} else if (right < true_depth) {
		note_site(ours[right - 1], count_cut(&result, ours, truth));
	} else {
		count.right++;
	}
	if (count.steps % 16 == 0 || right < true_depth)
		compare_with_libunwind(uc, truth, true_depth, ours, result.depth,
				       count.landing > landing);
}

/* ------------------------------------------------------------------- stepping */

static void on_trap(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	if (!shadow.active)
		return;
	follow((__u64)uc->uc_mcontext.gregs[REG_RIP], (__u64)uc->uc_mcontext.gregs[REG_RSP]);
	check_step(uc);
}

/* With tables that know of the pushes: a trap comes after each instruction. */
__asm__(".text\n"
	"steps_set_trap_flag:\n"
	".cfi_startproc\n"
	"pushfq\n"
	".cfi_adjust_cfa_offset 8\n"
	"orq $0x100, (%rsp)\n"
	"popfq\n"
	".cfi_adjust_cfa_offset -8\n"
	"ret\n"
	".cfi_endproc\n"
	"steps_clear_trap_flag:\n"
	".cfi_startproc\n"
	"pushfq\n"
	".cfi_adjust_cfa_offset 8\n"
	"andq $~0x100, (%rsp)\n"
	"popfq\n"
	".cfi_adjust_cfa_offset -8\n"
	"ret\n"
	".cfi_endproc\n");

void steps_set_trap_flag(void);
void steps_clear_trap_flag(void);

/* The first trap of a run: whatever is below it now is below all of them. */
static void on_first_trap(int sig, siginfo_t *info, void *context)
{
	struct goid_reading nobody = { .class_ = GOIDSHIM_CLASS_C_THREAD, .object = 0xff };
	struct sigaction act = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	ucontext_t *uc = context;
	struct unwind_result result;
	__u64 frames[DEPTH];
	__u64 pc = (__u64)uc->uc_mcontext.gregs[REG_RIP];

	if (pc >= (__u64)steps_set_trap_flag && pc < (__u64)steps_clear_trap_flag)
		return;
	unwind_stack(NULL, NULL, &nobody, (const struct sigcontext *)&uc->uc_mcontext, frames,
		     DEPTH, &result);
	if (result.end != GOIDSHIM_STACK_THREAD) {
		printf("unwind-steps: the base stack ends with %u after %u frames\n", result.end,
		       result.depth);
		exit(1);
	}
	memset(&shadow, 0, sizeof(shadow));
	/* Frame 0 moves on inside its function: its return address stays in the base. */
	shadow.base_depth = result.depth - 1;
	memcpy(shadow.base, frames + 1, shadow.base_depth * sizeof(*frames));
	shadow.last_pc = pc;
	shadow.last_sp = (__u64)uc->uc_mcontext.gregs[REG_RSP];
	shadow.active = true;
	sigaction(SIGTRAP, &act, NULL);
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	if (info->si_code <= 0 || !peek_recover(context))
		signal(sig, SIG_DFL);
}

/* Not inlined: its frame is the innermost of the base while `run` runs. */
__attribute__((noinline)) static void step_through(void (*run)(void))
{
	struct sigaction act = { .sa_sigaction = on_first_trap, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	sigaction(SIGTRAP, &act, NULL);
	steps_set_trap_flag();
	run();
	steps_clear_trap_flag();
	shadow.active = false;
	signal(SIGTRAP, SIG_DFL);
}

/* ------------------------------------------------------------------ reporting */

static void print_site(unsigned i)
{
	Dl_info info;

	if (dladdr((void *)site[i].pc, &info) == 0)
		printf("  %6lu %s at %#llx\n", site[i].times, site[i].what, site[i].pc);
	else
		printf("  %6lu %s in %s %s+%#llx (%#llx)\n", site[i].times,
		       site[i].what, info.dli_fname,
		       info.dli_sname ? info.dli_sname : "?",
		       info.dli_saddr ? site[i].pc - (__u64)info.dli_saddr : 0,
		       site[i].pc - (__u64)info.dli_fbase);
}

/* So many places, and no more, is the end of all four: some thirty instructions each. */
static unsigned count_landing_sites(void)
{
	unsigned landing = 0;

	for (unsigned i = 0; i < sites; i++)
		landing += strcmp(site[i].what, "landing") == 0;
	return landing;
}

/* `allowed`: stacks of 100 that may end where there are no rules. */
static int measure(const char *name, void (*run)(void), unsigned allowed)
{
	memset(&count, 0, sizeof(count));
	sites = 0;
	modules_refresh(true);
	step_through(run);
	printf("%-10s %8lu stacks: %lu right, %lu without rules, %lu in longjmp, %lu landing, "
	       "%lu unexplained, %lu wrong; %.1f frames each; libunwind: %.3f%% of %lu frames "
	       "equal, better %lu, worse %lu\n", name, count.steps, count.right, count.no_rules,
	       count.longjmp, count.landing, count.unexplained, count.wrong,
	       (double)count.unwind_frames / (double)(count.steps ? count.steps : 1),
	       100.0 * (double)count.oracle_equal /
		       (double)(count.oracle_frames ? count.oracle_frames : 1),
	       count.oracle_frames, count.oracle_better, count.oracle_worse);
	for (unsigned i = 0; i < sites && i < 12; i++)
		print_site(i);
	fflush(stdout);
	if (count.steps == 0)
		return 1;
	return count.no_rules * 100 > allowed * count.steps || count.ours > 0 ||
	       count.wrong > 0 || count.unexplained > 0 ||
	       count_landing_sites() > LANDING_SITES;
}

static void install_handlers(void)
{
	static char stack[1 << 18];
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction fault = {
		.sa_sigaction = on_fault,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER,
	};

	sigaltstack(&alternate, NULL);
	sigaction(SIGSEGV, &fault, NULL);
	sigaction(SIGBUS, &fault, NULL);
}

static void open_libunwind(void)
{
	void *library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);

	if (library == NULL) {
		printf("SKIP libunwind: %s\n", dlerror());
		return;
	}
	*(void **)&libunwind.init_local2 = dlsym(library, "_ULx86_64_init_local2");
	*(void **)&libunwind.get_reg = dlsym(library, "_ULx86_64_get_reg");
	*(void **)&libunwind.step = dlsym(library, "_ULx86_64_step");
}

int main(void)
{
	int failed = 0;

	install_handlers();
	open_libunwind();
	failed |= measure("fixtures", steps_fixtures, 0);
	failed |= measure("uncovered", steps_uncovered, 0);
	failed |= measure("exceptions", steps_exceptions, 0);
	if (steps_open_sqlite())
		failed |= measure("sqlite", steps_sqlite, 0);
	if (steps_open_zstd())
		failed |= measure("zstd", steps_zstd, 0);
	if (steps_open_crypto())
		failed |= measure("openssl", steps_crypto, 0);
	if (steps_open_gmp())
		failed |= measure("gmp", steps_gmp, 30);
	return failed;
}

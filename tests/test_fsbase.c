/* SPDX-License-Identifier: BSD-2-Clause */
/* probe/fsbase: three methods, one answer, and an honest choice between them. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <asm/prctl.h>
#include <asm/unistd.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "probe/fsbase.h"
#include "probe/peek.sig.h"
#include "probe/sys.sig.h"

#define RDFSBASE GOIDSHIM_FSBASE_RDFSBASE
#define ARCH_PRCTL GOIDSHIM_FSBASE_ARCH_PRCTL
#define FAULT GOIDSHIM_FSBASE_FAULT
#define NONE GOIDSHIM_FSBASE_NONE

/* Some of these functions run while FS base is not the C library's. */
#define NO_TLS __attribute__((no_stack_protector, noinline, \
			      no_sanitize("address", "undefined", "thread")))

static bool has_instructions(void)
{
	return getauxval(AT_HWCAP2) & FSBASE_HWCAP2;
}

static NO_TLS void on_fault(int sig, siginfo_t *info, void *ucontext)
{
	if (fsbase_recover(info, ucontext) || (info->si_code > 0 && peek_recover(ucontext)))
		return;
	signal(sig, SIG_DFL);
}

static void set_up(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	fsbase_permit(getauxval(AT_HWCAP2));
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
}

TestSuite(fsbase, .init = set_up, .timeout = 20);

/*
 * Agreement. glibc's pthread_self() is the address of the thread block: a
 * witness that has nothing to do with our methods.
 */
static void *count_disagreements(void *arg)
{
	unsigned long wrong = 0;

	for (int i = 0; i < 200; i++) {
		for (int method = RDFSBASE; method <= FAULT; method++) {
			__u64 base = 1;

			if (method == RDFSBASE && !has_instructions())
				continue;
			wrong += fsbase_read(method, &base) != 0;
			wrong += base != (__u64)pthread_self();
		}
	}
	return (void *)wrong;
}

static unsigned long sum_of_threads(unsigned threads, void *(*body)(void *))
{
	pthread_t thread[64];
	unsigned long sum = 0;

	cr_assert(threads <= 64);
	for (unsigned i = 0; i < threads; i++)
		cr_assert(zero(int, pthread_create(&thread[i], NULL, body, NULL)));
	for (unsigned i = 0; i < threads; i++) {
		void *result;

		cr_assert(zero(int, pthread_join(thread[i], &result)));
		sum += (unsigned long)result;
	}
	return sum;
}

Test(fsbase, methods_agree_in_every_thread)
{
	cr_expect(eq(ulong, sum_of_threads(48, count_disagreements), 0));
	cr_expect(eq(ptr, count_disagreements(NULL), NULL), "in the main thread");
}

static void *count_guarded_disagreements(void *arg)
{
	unsigned long wrong = 0;

	for (int i = 0; i < 100; i++) {
		__u64 base = 1;

		wrong += fsbase_read_guarded(FAULT, &base) != 0;
		wrong += base != (__u64)pthread_self();
	}
	return (void *)wrong;
}

Test(fsbase, guarded_fault_agrees_in_many_threads_at_once)
{
	signal(SIGSEGV, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
	cr_expect(eq(ulong, sum_of_threads(16, count_guarded_disagreements), 0));
}

Test(fsbase, unknown_methods_are_refused)
{
	__u64 base = 7;

	cr_expect(eq(int, fsbase_read(NONE, &base), -EOPNOTSUPP));
	cr_expect(eq(int, fsbase_read(GOIDSHIM_FSBASE_KERNEL, &base), -EOPNOTSUPP));
	cr_expect(eq(int, gsbase_read(FAULT, &base), -EOPNOTSUPP));
	cr_expect(eq(int, fsbase_write(FAULT, base), -EOPNOTSUPP));
	cr_expect(eq(int, gsbase_write(FAULT, base), -EOPNOTSUPP));
	cr_expect(eq(u64, base, 7));
}

/*
 * Writing. Between the change and its undoing nothing may touch libc: so the
 * reading is done by all methods at once, and judged afterwards.
 */
struct excursion {
	int written;
	int restored;
	int err[FAULT + 1];
	__u64 base[FAULT + 1];
};

static NO_TLS void excursion_fs(enum goidshim_fsbase_method writer, __u64 to, bool instructions,
				struct excursion *ret)
{
	__u64 home = 0;

	fsbase_read(ARCH_PRCTL, &home);
	ret->written = fsbase_write(writer, to);
	for (int method = instructions ? RDFSBASE : ARCH_PRCTL; method <= FAULT; method++)
		ret->err[method] = fsbase_read(method, &ret->base[method]);
	ret->restored = fsbase_write(writer, home);
}

static void write_fs_and_read_back(enum goidshim_fsbase_method writer, __u64 to)
{
	struct excursion there = { .written = 1 };

	excursion_fs(writer, to, has_instructions(), &there);
	cr_expect(zero(int, there.written), "write %#llx", to);
	cr_expect(zero(int, there.restored), "restore after %#llx", to);
	for (int method = has_instructions() ? RDFSBASE : ARCH_PRCTL; method <= FAULT; method++) {
		cr_expect(zero(int, there.err[method]), "%s", fsbase_method_name(method));
		cr_expect(eq(u64, there.base[method], to), "%s", fsbase_method_name(method));
	}
}

static void *excursions(void *writer)
{
	static __u64 block[64];
	const __u64 bases[] = { (__u64)block, 0, 1, 0x12345678, (1ull << 47) - 8192 };

	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++)
		write_fs_and_read_back((uintptr_t)writer, bases[i]);
	cr_expect(eq(ptr, count_disagreements(NULL), NULL), "all is as it was");
	return NULL;
}

static void in_own_thread(void *(*body)(void *), uintptr_t arg)
{
	pthread_t thread;

	cr_assert(zero(int, pthread_create(&thread, NULL, body, (void *)arg)));
	cr_assert(zero(int, pthread_join(thread, NULL)));
}

Test(fsbase, what_arch_prctl_writes_every_method_reads)
{
	in_own_thread(excursions, ARCH_PRCTL);
}

Test(fsbase, what_wrfsbase_writes_every_method_reads)
{
	if (!has_instructions())
		cr_skip("AT_HWCAP2 forbids RDFSBASE here");
	in_own_thread(excursions, RDFSBASE);
}

Test(fsbase, a_base_outside_the_users_half_is_not_written)
{
	cr_expect(eq(int, fsbase_write(ARCH_PRCTL, FSBASE_KERNEL_HALF_4), -EPERM));
	if (!has_instructions())
		cr_skip("AT_HWCAP2 forbids RDFSBASE here");
	cr_expect(eq(int, fsbase_write(RDFSBASE, FSBASE_KERNEL_HALF_4), -EPERM));
	cr_expect(eq(int, fsbase_write(RDFSBASE, 0x1234567812345678), -EPERM));
	cr_expect(eq(int, gsbase_write(RDFSBASE, 0x1234567812345678), -EPERM));
}

static void write_gs_and_read_back(enum goidshim_fsbase_method writer)
{
	static __u64 block[2];
	__u64 base = 1;
	int err = gsbase_write(writer, (__u64)block);

	if (err)
		cr_skip("%s may not set GS base here: %s", fsbase_method_name(writer),
			strerror(-err));
	cr_expect(zero(int, gsbase_read(ARCH_PRCTL, &base)));
	cr_expect(eq(u64, base, (__u64)block));
	if (has_instructions()) {
		base = 1;
		cr_expect(zero(int, gsbase_read(RDFSBASE, &base)));
		cr_expect(eq(u64, base, (__u64)block));
	}
	cr_expect(zero(int, gsbase_write(writer, 0)));
	cr_expect(zero(int, gsbase_read(ARCH_PRCTL, &base)));
	cr_expect(zero(u64, base));
}

Test(fsbase, gs_written_by_arch_prctl_is_read_back)
{
	write_gs_and_read_back(ARCH_PRCTL);
}

Test(fsbase, gs_written_by_wrgsbase_is_read_back)
{
	if (!has_instructions())
		cr_skip("AT_HWCAP2 forbids RDFSBASE here");
	write_gs_and_read_back(RDFSBASE);
}

/*
 * Never executed: the trap flag stops after every instruction, and whoever is
 * about to execute RDFSBASE or one of its three sisters (F3 [REX] 0F AE /0../3
 * with a register operand) is counted.
 */
static volatile unsigned long steps, base_instructions;

static void on_step(int sig, siginfo_t *info, void *ucontext)
{
	const unsigned char *code =
		(void *)((ucontext_t *)ucontext)->uc_mcontext.gregs[REG_RIP];

	steps++;
	if (*code++ != 0xf3)
		return;
	code += (*code & 0xf0) == 0x40;
	if (code[0] == 0x0f && code[1] == 0xae && code[2] >= 0xc0 && code[2] < 0xe0)
		base_instructions++;
}

static void trap_flag(bool on)
{
	unsigned long flags = __builtin_ia32_readeflags_u64();

	__builtin_ia32_writeeflags_u64(on ? flags | 0x100 : flags & ~0x100ul);
}

struct base_calls {
	int read_fs, read_gs, write_fs, write_gs;
};

/* Reads both bases by the instructions and writes them back, one step at a time. */
static struct base_calls step_through_instructions(void)
{
	struct sigaction sa = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO };
	struct base_calls ret;
	__u64 fs = 0, gs = 0;

	fsbase_read(ARCH_PRCTL, &fs);
	gsbase_read(ARCH_PRCTL, &gs);
	sigaction(SIGTRAP, &sa, NULL);
	steps = base_instructions = 0;
	trap_flag(true);
	ret.read_fs = fsbase_read(RDFSBASE, &fs);
	ret.read_gs = gsbase_read(RDFSBASE, &gs);
	ret.write_fs = fsbase_write(RDFSBASE, fs);
	ret.write_gs = gsbase_write(RDFSBASE, gs);
	trap_flag(false);
	return ret;
}

Test(fsbase, instructions_are_executed_where_permitted)
{
	struct base_calls called;

	if (!has_instructions())
		cr_skip("AT_HWCAP2 forbids RDFSBASE here");
	called = step_through_instructions();
	cr_expect(zero(int, called.read_fs));
	cr_expect(zero(int, called.read_gs));
	cr_expect(zero(int, called.write_fs));
	cr_expect(zero(int, called.write_gs));
	cr_expect(eq(ulong, base_instructions, 4), "the counter works");
}

Test(fsbase, instructions_are_refused_and_never_executed_without_the_hwcap)
{
	struct base_calls called;

	fsbase_permit(~FSBASE_HWCAP2);
	called = step_through_instructions();
	cr_expect(eq(int, called.read_fs, -EOPNOTSUPP));
	cr_expect(eq(int, called.read_gs, -EOPNOTSUPP));
	cr_expect(eq(int, called.write_fs, -EOPNOTSUPP));
	cr_expect(eq(int, called.write_gs, -EOPNOTSUPP));
	cr_expect(steps > 20, "%lu steps", steps);
	cr_expect(zero(ulong, base_instructions));
}

/*
 * The search for a fault with an address, in address spaces that this machine
 * does not have. Each names what a load at an address meets.
 */
static __u64 simulated_base;
static unsigned touches;

static struct fsbase_touched no_address(void)
{
	return (struct fsbase_touched){ .met = FSBASE_MET_NO_ADDRESS };
}

static struct fsbase_touched page_fault(__u64 addr)
{
	return (struct fsbase_touched){ .addr = addr, .met = FSBASE_MET_ADDRESS };
}

static bool is_canonical(__u64 addr, unsigned bits)
{
	return (__u64)((__s64)(addr << (64 - bits)) >> (64 - bits)) == addr;
}

static struct fsbase_touched touch_paged(__u64 offset, unsigned bits)
{
	touches++;
	if (!is_canonical(simulated_base + offset, bits))
		return no_address();
	return page_fault(simulated_base + offset);
}

static struct fsbase_touched touch_4_level(__u64 offset)
{
	return touch_paged(offset, 48);
}

static struct fsbase_touched touch_5_level(__u64 offset)
{
	return touch_paged(offset, 57);
}

/* Linear address space separation: the kernel's half is #GP for user code. */
static struct fsbase_touched touch_lass(__u64 offset)
{
	struct fsbase_touched touched = touch_4_level(offset);

	return (__s64)touched.addr < 0 ? no_address() : touched;
}

/* The page that FS base + kernel half hits can be read, like vsyscall's. */
static struct fsbase_touched touch_readable(__u64 offset)
{
	if (simulated_base + offset == simulated_base + FSBASE_KERNEL_HALF_4) {
		touches++;
		return (struct fsbase_touched){ .met = FSBASE_MET_NOTHING };
	}
	return touch_4_level(offset);
}

static struct fsbase_touched touch_mute(__u64 offset)
{
	touches++;
	return no_address();
}

static const struct search_row {
	const char *name;
	struct fsbase_touched (*touch)(__u64 offset);
	__u64 half;
	__u64 base;
	unsigned touches;
} searches[] = {
	{ "four levels", touch_4_level, FSBASE_KERNEL_HALF_4, 0x7f1234567740, 1 },
	{ "the lowest base", touch_4_level, FSBASE_KERNEL_HALF_4, 0, 1 },
	{ "the highest base", touch_4_level, FSBASE_KERNEL_HALF_4, 0x7ffffffff000, 1 },
	{ "five levels", touch_5_level, FSBASE_KERNEL_HALF_5, 0x7f1234567740, 1 },
	{ "five levels, high base", touch_5_level, FSBASE_KERNEL_HALF_5, 0xfffffffffff000, 1 },
	{ "five levels, taken for four", touch_5_level, FSBASE_KERNEL_HALF_4, 0x7f1234567740, 1 },
	{ "a static program's base", touch_4_level, FSBASE_KERNEL_HALF_4, 0x555555756740, 1 },
	{ "a readable page", touch_readable, FSBASE_KERNEL_HALF_4, 0x7fffff600740, 2 },
	{ "separated halves", touch_lass, FSBASE_KERNEL_HALF_4, 0x7f1234567740, 2 },
	{ "separated halves, low base", touch_lass, FSBASE_KERNEL_HALF_4, 0x555555756740, 44 },
	{ "base in kernel half", touch_4_level, FSBASE_KERNEL_HALF_4, 0xffff900000000000, 113 },
};

Test(fsbase, search_finds_the_base_in_every_kind_of_address_space)
{
	for (size_t i = 0; i < sizeof(searches) / sizeof(searches[0]); i++) {
		const struct search_row *row = &searches[i];
		__u64 base = ~row->base;

		simulated_base = row->base;
		touches = 0;
		cr_expect(zero(int, fsbase_search(row->touch, row->half, &base)), "%s", row->name);
		cr_expect(eq(u64, base, row->base), "%s", row->name);
		cr_expect(eq(uint, touches, row->touches), "%s", row->name);
	}
}

Test(fsbase, search_ends_where_no_fault_tells_its_address)
{
	__u64 base = 7;

	touches = 0;
	cr_expect(eq(int, fsbase_search(touch_mute, FSBASE_KERNEL_HALF_4, &base), -EFAULT));
	cr_expect(eq(u64, base, 7));
	cr_expect(eq(uint, touches, 256));
}

Test(fsbase, five_levels_are_told_from_four)
{
	simulated_base = 0;
	cr_expect(eq(u64, fsbase_kernel_half(touch_4_level(FSBASE_KERNEL_HALF_5)),
		     FSBASE_KERNEL_HALF_4));
	cr_expect(eq(u64, fsbase_kernel_half(touch_5_level(FSBASE_KERNEL_HALF_5)),
		     FSBASE_KERNEL_HALF_5));
	cr_expect(eq(u64, fsbase_kernel_half(touch_lass(FSBASE_KERNEL_HALF_5)),
		     FSBASE_KERNEL_HALF_4));
	cr_expect(eq(u64, fsbase_kernel_half((struct fsbase_touched){ 0 }), FSBASE_KERNEL_HALF_4));
}

/*
 * Refusal by the kernel, played by a seccomp filter on this thread. `subcode`
 * is the arch_prctl code that is refused, or 0 for all of them.
 */
static void refuse_arch_prctl(unsigned subcode, int err)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_arch_prctl, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, subcode, 0, subcode ? 1 : 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };

	cr_assert(zero(int, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)));
	cr_assert(zero(int, prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)));
}

static void choose_is(const char *what, enum goidshim_fsbase_method asked, unsigned long hwcap2,
		      int err, enum goidshim_fsbase_method method, const char *note_expected)
{
	enum goidshim_fsbase_method chosen = GOIDSHIM_FSBASE_KERNEL;
	char note[FSBASE_NOTE_SIZE];

	memset(note, 'x', sizeof(note));
	cr_expect(eq(int, fsbase_choose(asked, hwcap2, &chosen, note), err), "%s", what);
	cr_expect(eq(int, chosen, method), "%s", what);
	cr_assert(memchr(note, '\0', sizeof(note)) != NULL, "%s", what);
	cr_expect(eq(str, note, (char *)note_expected), "%s", what);
}

#define FORBIDDEN "rdfsbase: refused, the kernel forbids it (AT_HWCAP2)"

Test(fsbase, choose_takes_the_fastest_that_is_permitted)
{
	choose_is("no hwcap", NONE, 0, 0, ARCH_PRCTL, "arch_prctl; " FORBIDDEN);
	if (!has_instructions())
		cr_skip("AT_HWCAP2 forbids RDFSBASE here");
	choose_is("hwcap", NONE, FSBASE_HWCAP2, 0, RDFSBASE, "rdfsbase; the fastest method works");
}

Test(fsbase, choose_obeys_what_is_asked)
{
	choose_is("arch_prctl", ARCH_PRCTL, 0, 0, ARCH_PRCTL, "arch_prctl: asked for");
	choose_is("fault", FAULT, 0, 0, FAULT, "fault: asked for");
	choose_is("rdfsbase", RDFSBASE, 0, -EOPNOTSUPP, NONE, FORBIDDEN);
	choose_is("kernel", GOIDSHIM_FSBASE_KERNEL, 0, -EOPNOTSUPP, NONE, "kernel: EOPNOTSUPP");
	if (!has_instructions())
		cr_skip("AT_HWCAP2 forbids RDFSBASE here");
	choose_is("rdfsbase", RDFSBASE, FSBASE_HWCAP2, 0, RDFSBASE, "rdfsbase: asked for");
}

Test(fsbase, choose_without_arch_prctl_takes_the_next_and_says_why)
{
	refuse_arch_prctl(0, EPERM);
	choose_is("auto", NONE, 0, 0, FAULT, "fault; " FORBIDDEN "; arch_prctl: EPERM");
	choose_is("asked", ARCH_PRCTL, 0, -EPERM, NONE, "arch_prctl: EPERM");
	if (!has_instructions())
		cr_skip("AT_HWCAP2 forbids RDFSBASE here");
	choose_is("hwcap", NONE, FSBASE_HWCAP2, 0, RDFSBASE, "rdfsbase; the fastest method works");
}

Test(fsbase, choose_without_such_a_system_call_takes_the_next_and_says_why)
{
	refuse_arch_prctl(0, ENOSYS);
	choose_is("auto", NONE, 0, 0, FAULT, "fault; " FORBIDDEN "; arch_prctl: ENOSYS");
}

Test(fsbase, a_refused_arch_set_gs_changes_nothing)
{
	__u64 before = 1, after = 2;

	refuse_arch_prctl(ARCH_SET_GS, EPERM);
	cr_expect(zero(int, gsbase_read(ARCH_PRCTL, &before)));
	cr_expect(eq(int, gsbase_write(ARCH_PRCTL, 0x1000), -EPERM));
	cr_expect(zero(int, gsbase_read(ARCH_PRCTL, &after)));
	cr_expect(eq(u64, after, before));
	choose_is("FS is not concerned", NONE, 0, 0, ARCH_PRCTL, "arch_prctl; " FORBIDDEN);
}

/*
 * A foreign FS base. A copy of the thread's own block serves the C library
 * well enough, and yet its first word gives it away.
 */
#define BLOCK_BELOW 16384ul	/* thread-local storage */
#define BLOCK_ABOVE 4096ul	/* the C library's own fields, as far as they can be read */

static char block_copy[BLOCK_BELOW + BLOCK_ABOVE] __attribute__((aligned(64)));

static NO_TLS void copy_block(__u64 home)
{
	for (size_t i = 0; i < sizeof(block_copy); i++)
		peek_u8(home - BLOCK_BELOW + i, (__u8 *)&block_copy[i]);
}

static void *choose_with_foreign_base(void *ret_note)
{
	enum goidshim_fsbase_method chosen;
	__u64 home = (__u64)pthread_self();
	intptr_t err;

	copy_block(home);
	fsbase_write(ARCH_PRCTL, (__u64)block_copy + BLOCK_BELOW);
	err = fsbase_choose(NONE, 0, &chosen, ret_note);
	fsbase_write(ARCH_PRCTL, home);
	return (void *)err;
}

Test(fsbase, choose_stands_down_from_a_foreign_base)
{
	char note[FSBASE_NOTE_SIZE], expected[FSBASE_NOTE_SIZE];
	pthread_t thread;
	void *err;

	cr_assert(zero(int, pthread_create(&thread, NULL, choose_with_foreign_base, note)));
	cr_assert(zero(int, pthread_join(thread, &err)));
	snprintf(expected, sizeof(expected),
		 "arch_prctl: FS base %p is not the C library's thread block",
		 (void *)(block_copy + BLOCK_BELOW));
	cr_expect(eq(long, (intptr_t)err, -ENXIO));
	cr_expect(eq(str, note, expected));
}

Test(fsbase, a_thread_block_points_to_itself)
{
	__u64 base = 0, not_self[2] = { 0 };

	cr_assert(zero(int, fsbase_read(ARCH_PRCTL, &base)));
	cr_expect(fsbase_is_thread_block(base));
	cr_expect(not(fsbase_is_thread_block(base + 8)));
	cr_expect(not(fsbase_is_thread_block((__u64)not_self)));
	cr_expect(not(fsbase_is_thread_block(0)));
	cr_expect(not(fsbase_is_thread_block(FSBASE_KERNEL_HALF_4)));
}

/* The guard gives everything back. */
Test(fsbase, guarded_restores_actions_and_mask)
{
	struct sys_sigaction before[2], after[2];
	sigset_t faults, mask;
	__u64 base = 0;

	sigaction(SIGBUS, &(struct sigaction){ .sa_handler = SIG_IGN }, NULL);
	sys_rt_sigaction(SIGSEGV, NULL, &before[0]);
	sys_rt_sigaction(SIGBUS, NULL, &before[1]);
	sigemptyset(&faults);
	sigaddset(&faults, SIGSEGV);
	sigaddset(&faults, SIGBUS);
	sigprocmask(SIG_BLOCK, &faults, NULL);

	cr_expect(zero(int, fsbase_read_guarded(FAULT, &base)));
	cr_expect(eq(u64, base, (__u64)pthread_self()));

	sys_rt_sigaction(SIGSEGV, NULL, &after[0]);
	sys_rt_sigaction(SIGBUS, NULL, &after[1]);
	sigprocmask(SIG_SETMASK, NULL, &mask);
	cr_expect(zero(int, memcmp(before, after, sizeof(before))));
	cr_expect(sigismember(&mask, SIGSEGV) && sigismember(&mask, SIGBUS));
}

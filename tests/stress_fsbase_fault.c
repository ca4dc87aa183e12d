/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Other threads' faults while the guarded FAULT method runs: planted faults and
 * sent signals reach the program's own handler, under its own circumstances; a
 * handler that the program installs meanwhile stays; a crash is still a crash.
 * GOIDSHIM_TEST_LONG=1 plants twenty times as many.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe/fsbase.h"
#include "probe/sys.sig.h"

#define THREADS 4
#define ROUNDS 2000

#define CHECK(condition) check(condition, #condition, __LINE__)

static atomic_uint failures;

static void check(bool ok, const char *what, int where)
{
	if (ok)
		return;
	if (atomic_fetch_add(&failures, 1) < 20)
		fprintf(stderr, "not so: %s (line or wait status %#x)\n", what, where);
}

static unsigned rounds(void)
{
	const char *long_run = getenv("GOIDSHIM_TEST_LONG");

	return long_run && !strcmp(long_run, "1") ? ROUNDS * 20 : ROUNDS;
}

/* The guarded reader, in the background of everything else. */
static atomic_bool reading;
static atomic_ulong readings;

static void *read_guarded(void *arg)
{
	while (atomic_load(&reading)) {
		__u64 base = 0;

		CHECK(fsbase_read_guarded(GOIDSHIM_FSBASE_FAULT, &base) == 0);
		CHECK(base == (__u64)pthread_self());
		atomic_fetch_add(&readings, 1);
	}
	return NULL;
}

static pthread_t start_reader(void)
{
	pthread_t reader;

	atomic_store(&reading, true);
	atomic_store(&readings, 0);
	pthread_create(&reader, NULL, read_guarded, NULL);
	while (!atomic_load(&readings))
		sched_yield();
	return reader;
}

static void stop_reader(pthread_t reader)
{
	atomic_store(&reading, false);
	pthread_join(reader, NULL);
}

/* A load at a bad address, and the way out that our handler knows. */
char planted_load(const void *addr);
extern const char planted_done[];
__asm__(".pushsection .text\n"
	".globl planted_load\n"
	".type planted_load, @function\n"
	"planted_load: movb (%rdi), %al\n"
	".globl planted_done\n"
	"planted_done: ret\n"
	".popsection\n");

/* What the thread is about to provoke, and how often its handler has seen it. */
static __thread struct {
	const char *addr;
	int sent;
	unsigned faults;
	unsigned signals;
	char *stack;
} plan;

#define STACK_SIZE 65536

static void on_planted(int sig, siginfo_t *info, void *ucontext)
{
	greg_t *regs = ((ucontext_t *)ucontext)->uc_mcontext.gregs;
	char here;
	sigset_t mask;

	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	CHECK(sigismember(&mask, SIGUSR1) && !sigismember(&mask, SIGUSR2));
	CHECK(sigismember(&mask, sig));
	CHECK(&here >= plan.stack && &here < plan.stack + STACK_SIZE);
	if (info->si_code <= 0) {
		CHECK(info->si_code == SI_QUEUE && info->si_value.sival_int == plan.sent);
		plan.signals++;
		return;
	}
	CHECK(info->si_addr == plan.addr);
	CHECK(regs[REG_RIP] == (greg_t)planted_load);
	regs[REG_RIP] = (greg_t)planted_done;
	plan.faults++;
}

static void install(int sig, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = flags };

	sigaddset(&sa.sa_mask, SIGUSR1);
	sigaction(sig, &sa, NULL);
}

static char *map_shared_pages(size_t pages, int *ret_fd)
{
	*ret_fd = memfd_create("planted", 0);
	if (*ret_fd < 0 || ftruncate(*ret_fd, pages * 4096))
		exit(99);
	return mmap(NULL, pages * 4096, PROT_READ, MAP_SHARED, *ret_fd, 0);
}

/* An address whose load raises SIGBUS: beyond the end of its file. */
static const char *bus_address(void)
{
	int fd;
	char *map = map_shared_pages(2, &fd);

	if (ftruncate(fd, 4096))
		exit(99);
	return map + 4096;
}

static void *plant(void *arg)
{
	const char *bus = bus_address(), *none = mmap(NULL, 4096, PROT_NONE,
						      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned n = rounds();

	plan.stack = malloc(STACK_SIZE);
	sigaltstack(&(stack_t){ .ss_sp = plan.stack, .ss_size = STACK_SIZE }, NULL);
	for (unsigned i = 0; i < n; i++) {
		plan.addr = none + i % 4096;
		planted_load(plan.addr);
		plan.addr = bus + i % 4096;
		planted_load(plan.addr);
		plan.sent = i;
		pthread_sigqueue(pthread_self(), i % 2 ? SIGSEGV : SIGBUS,
				 (union sigval){ .sival_int = i });
	}
	CHECK(plan.faults == 2 * n);
	CHECK(plan.signals == n);
	sigaltstack(&(stack_t){ .ss_flags = SS_DISABLE }, NULL);
	free(plan.stack);
	return NULL;
}

static void faults_reach_their_handler(void)
{
	pthread_t thread[THREADS], reader;
	struct sys_sigaction before, after;

	install(SIGSEGV, on_planted, SA_SIGINFO | SA_ONSTACK);
	install(SIGBUS, on_planted, SA_SIGINFO | SA_ONSTACK);
	sys_rt_sigaction(SIGSEGV, NULL, &before);
	reader = start_reader();
	for (int i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, plant, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	stop_reader(reader);
	sys_rt_sigaction(SIGSEGV, NULL, &after);
	CHECK(!memcmp(&before, &after, sizeof(before)));
	printf("%d threads x %u faults and %u signals beside %lu guarded readings\n", THREADS,
	       2 * rounds(), rounds(), atomic_load(&readings));
}

/*
 * The program's latest handler is in force when the guard has gone. One that
 * comes while our own fault is on its way has to pass it on, as a good one does.
 */
static struct sigaction chained[2];

static void on_chaining(int sig, siginfo_t *info, void *ucontext)
{
	chained[sig == SIGBUS].sa_sigaction(sig, info, ucontext);
}

static void install_chaining(int sig, int flags)
{
	struct sigaction sa = { .sa_sigaction = on_chaining, .sa_flags = flags }, old;

	/* It must know whom to call before it is called; then, who it really was. */
	sigaction(sig, NULL, &chained[sig == SIGBUS]);
	sigaction(sig, &sa, &old);
	if (old.sa_sigaction != on_chaining)
		chained[sig == SIGBUS] = old;
}

static void new_handlers_stay(void)
{
	for (unsigned i = 0; i < rounds() / 20; i++) {
		int sig = i % 2 ? SIGSEGV : SIGBUS;
		int nodefer = i % 4 < 2 ? 0 : SA_NODEFER;
		pthread_t reader;
		struct sigaction found;

		install(sig, on_planted, SA_SIGINFO);
		reader = start_reader();
		install_chaining(sig, SA_SIGINFO | nodefer);
		stop_reader(reader);
		sigaction(sig, NULL, &found);
		CHECK(found.sa_sigaction == on_chaining);
		CHECK((found.sa_flags & SA_NODEFER) == nodefer);
	}
}

/*
 * Crashes, each in a child: `body` starts a reader and is to end the process by
 * `sig`, or, where that is 0, to return.
 */
static void crash_in_child(const char *what, int sig, void (*body)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0 });
		signal(SIGSEGV, SIG_DFL);
		signal(SIGBUS, SIG_DFL);
		body();
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		exit(99);
	check(sig ? WIFSIGNALED(status) && WTERMSIG(status) == sig : status == 0, what, status);
}

static void *crash(void *addr)
{
	planted_load(addr);
	return NULL;
}

static void crash_in_thread(void)
{
	pthread_t thread;

	start_reader();
	pthread_create(&thread, NULL, crash, (void *)8);
	pthread_join(thread, NULL);
}

static void crash_by_bus_error(void)
{
	start_reader();
	crash((void *)bus_address());
}

static void crash_although_ignored(void)
{
	signal(SIGSEGV, SIG_IGN);
	start_reader();
	crash((void *)8);
}

static void be_killed(void)
{
	start_reader();
	kill(getpid(), SIGSEGV);
	sleep(10);
}

/* A signal that is sent and ignored has no effect, guard or no guard. */
static void ignore_being_killed(void)
{
	signal(SIGSEGV, SIG_IGN);
	start_reader();
	for (int i = 0; i < 200; i++)
		kill(getpid(), SIGSEGV);
}

/* Shared with the child, which is to die. */
static atomic_uint *one_shots;

static void on_one_shot(int sig, siginfo_t *info, void *ucontext)
{
	((ucontext_t *)ucontext)->uc_mcontext.gregs[REG_RIP] = (greg_t)planted_done;
	atomic_fetch_add(one_shots, 1);
}

/* A one-shot handler serves one fault of its owner's, however many are ours; the next kills. */
static void crash_after_one_shot(void)
{
	install(SIGSEGV, on_one_shot, SA_SIGINFO | SA_RESETHAND);
	start_reader();
	for (unsigned long seen = atomic_load(&readings); atomic_load(&readings) < seen + 20;)
		sched_yield();
	crash((void *)8);
	crash((void *)8);
}

static void crashes_are_still_crashes(void)
{
	one_shots = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (unsigned i = 0; i < rounds() / 100; i++) {
		crash_in_child("a fault kills", SIGSEGV, crash_in_thread);
		crash_in_child("a bus error kills", SIGBUS, crash_by_bus_error);
		crash_in_child("an ignored fault kills", SIGSEGV, crash_although_ignored);
		crash_in_child("a sent SIGSEGV kills", SIGSEGV, be_killed);
		crash_in_child("a sent, ignored SIGSEGV does not", 0, ignore_being_killed);
		atomic_store(one_shots, 0);
		crash_in_child("a one-shot handler's second fault kills", SIGSEGV,
			       crash_after_one_shot);
		CHECK(atomic_load(one_shots) == 1);
	}
}

int main(void)
{
	faults_reach_their_handler();
	new_handlers_stay();
	crashes_are_still_crashes();
	printf("%u failures\n", atomic_load(&failures));
	return atomic_load(&failures) != 0;
}

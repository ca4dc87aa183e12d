/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the probes cost: with nobody listening, and with the witness judging each
 * hit, beside a breakpoint that does nothing and one that runs an empty BPF
 * program. Without the right to use BPF only the first is measured.
 */
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bpf/witness.h"
#include "shim/usdt.sig.h"
#include "tests/bench/bench.h"
#include "tests/fixtures/fakeg.h"

#define GOID 4711

/* A probe like the others, that nobody asks for. */
volatile __u16 goidshim_idle_semaphore __attribute__((section(".probes"), visibility("hidden")));

static inline void usdt_idle(__u64 value)
{
	if (__builtin_expect(goidshim_idle_semaphore == 0, 1))
		return;
	__asm__ volatile(USDT_PROBE("idle", "8@%0") : : "r"(value) : "memory");
}

/* Two places for breakpoints, each a nop of one byte, as in a probe. */
void place_plain(void);
void place_empty(void);
__asm__(".pushsection .text\n"
	".globl place_plain\nplace_plain: nop\n ret\n"
	".globl place_empty\nplace_empty: nop\n ret\n"
	".popsection\n");

extern const char __ehdr_start;

static struct goidshim_header header;
static __u64 g, sequence;

static void loop(unsigned long n, void *arg)
{
	for (unsigned long i = 0; i < n; i++)
		BENCH_USE(i);
}

static void unattached(unsigned long n, void *arg)
{
	for (unsigned long i = 0; i < n; i++) {
		usdt_idle(i);
		BENCH_USE(i);
	}
}

static void call(unsigned long n, void *place)
{
	void (*function)(void) = (void (*)(void))place;

	for (unsigned long i = 0; i < n; i++)
		function();
}

static void judged(unsigned long n, void *arg)
{
	__u64 fs_base = fakeg_live_fs_base();

	for (unsigned long i = 0; i < n; i++)
		usdt_sample(++sequence, GOID, fs_base, g, GOIDSHIM_CLASS_C, 0, GOIDSHIM_REASON_OK,
			    1, 0);
}

/* What perf_event_open's type for uprobes is called on this machine. */
static int uprobe_type(void)
{
	FILE *f = fopen("/sys/bus/event_source/devices/uprobe/type", "re");
	int type = -1;

	if (f && fscanf(f, "%d", &type) != 1)
		type = -1;
	if (f)
		fclose(f);
	return type;
}

static int break_at(void (*place)(void))
{
	struct perf_event_attr attr = {
		.type = (__u32)uprobe_type(),
		.size = sizeof(attr),
		.uprobe_path = (__u64) "/proc/self/exe",
		.probe_offset = (__u64)place - (__u64)&__ehdr_start,
	};

	return (int)syscall(SYS_perf_event_open, &attr, getpid(), -1, -1, PERF_FLAG_FD_CLOEXEC);
}

/* return 0; */
static int load_empty(void)
{
	const struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_KPROBE,
		.insns = (__u64)program,
		.insn_cnt = 2,
		.license = (__u64) "GPL",
	};

	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

/* Returns 0, or -1 where breakpoints or BPF are refused. */
static int attach_others(void)
{
	int plain = break_at(place_plain), empty = break_at(place_empty), program = load_empty();

	if (plain < 0 || empty < 0 || program < 0)
		return -1;
	return ioctl(empty, PERF_EVENT_IOC_SET_BPF, program);
}

static struct witness *attach_witness(void)
{
	static struct witness_options options;
	static char exe[512];
	struct evidence_layouts layouts = { .count = 1, .layouts = { header.objects[0].layout } };
	struct witness *w;
	int r;

	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0)
		return NULL;
	options = (struct witness_options){ .library = exe, .pid = getpid() };
	r = witness_open(&options, &w);
	if (r == 0)
		r = witness_set_layouts(w, getpid(), &layouts);
	if (r == 0)
		r = witness_attach(w);
	if (r == 0)
		return w;
	printf("witness  not attached: %s\n", witness_explain(r));
	return NULL;
}

static void add_agreed(void *context, pid_t pid, const struct evidence_lane *lane)
{
	for (int c = 0; c < GOIDSHIM_CLASS_MAX; c++)
		*(__u64 *)context += lane->counts[EVIDENCE_LAYOUT_OWN].classes[c][EVIDENCE_AGREED];
}

/* A figure of hits that did not happen would look very good. */
static int check_hits(struct witness *w)
{
	__u64 agreed = 0;

	witness_each_lane(w, add_agreed, &agreed);
	if (agreed == sequence)
		return 0;
	fprintf(stderr, "%llu hits, but the witness agreed to %llu\n", sequence, agreed);
	return 1;
}

static const struct bench_row rows[] = {
	{ .name = "loop", .repeat = loop },
	{ .name = "probe, nobody listens", .repeat = unattached, .floor = "loop" },
	{ .name = "plain uprobe", .repeat = call, .arg = place_plain },
	{ .name = "uprobe, empty BPF program", .repeat = call, .arg = place_empty,
	  .floor = "plain uprobe" },
	{ .name = "probe, witness judges it", .repeat = judged,
	  .floor = "uprobe, empty BPF program" },
};

int main(void)
{
	struct witness *w = NULL;
	int r;

	if (!(getauxval(AT_HWCAP2) & 2))
		return 77;
	g = fakeg_make(GOID, &header);
	usdt_objects(&header, 1);
	usdt_thread((__u64)getpid(), 0, 0, GOIDSHIM_LANE_SAMPLES);
	w = attach_witness();
	if (!w || attach_others() < 0)
		return bench_run("witness", rows, 2);
	r = bench_run("witness", rows, BENCH_ROWS(rows));
	if (r == 0)
		r = check_hits(w);
	witness_close(w);
	return r;
}

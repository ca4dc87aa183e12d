/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes a ring as a busy cgo program would leave it, for the tests of the
 * formats: real functions of a Go binary and of a C library, in call trees that
 * are made up but always the same. How many samples each goroutine has is
 * printed, so that a test knows the truth.
 *
 *	profile-ring OUT GO-BINARY C-LIBRARY SAMPLES [EVENT]
 *
 * With an EVENT the records are of that instead of cpu, and what is printed is what
 * folded stacks weigh: nanoseconds of lock and block, bytes in use of heap.
 */
#include <elfutils/libdwelf.h>
#include <err.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe/gobinary.h"
#include "tests/ringfile.h"
#include "tools/ring/events.h"
#include "tools/symbols/gofile.h"

#define C_BIAS 0x7f0000000000ull
#define GOROUTINES 12
#define THREADS 4
#define BLOCK_SIZE 65536
#define GO_DEPTH 9
#define C_DEPTH 7

struct program {
	struct gofile file;
	struct gobinary go;
	__u64 *c_functions;	/* addresses of the library's functions, 16 bytes in */
	size_t c_count;
	__u64 cgocall;		/* an address inside runtime.cgocall; 0: none */
	const struct event *event;
	__u64 weights[GOROUTINES + 1];	/* by goid; 0: without a goroutine */
};

static __u64 state = 88172645463325252ull;

static __u64 roll(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static __u64 mix(__u64 a, __u64 b)
{
	return (a ^ (b + 0x9e3779b97f4a7c15ull)) * 0xbf58476d1ce4e5b9ull;
}

/* One of three callees of whoever called so far, the first most often. */
static __u64 step(__u64 path)
{
	unsigned dice = (unsigned)(roll() % 16);

	return mix(path, dice < 14 ? 0 : dice < 15 ? 1 : 2);
}

static __u64 go_function(const struct program *p, __u64 path)
{
	struct gopclntab_function function;
	__u32 index = (__u32)((path >> 20) % p->go.functions.func_count);

	for (;; index = (index + 1) % p->go.functions.func_count)
		if (!gopclntab_function(&p->go.functions, index, &function) &&
		    function.end - function.entry > 32 && strncmp(function.name, "runtime.", 8) &&
		    strncmp(function.name, "type:", 5) && strncmp(function.name, "go.", 3))
			return function.entry + 20;
}

/* Fills a stack, innermost first; returns its depth. `in_c`: it ends in C code. */
static __u16 make_stack(const struct program *p, __u64 goid, bool in_c, __u64 *pcs)
{
	__u64 outward[GO_DEPTH + C_DEPTH + 1], path = mix(goid ? goid % 5 : 99, 7);
	__u16 depth = 0;
	unsigned go_frames = goid ? 2 + (unsigned)(roll() % (GO_DEPTH - 1)) : 0;

	for (unsigned i = 0; i < go_frames; i++, path = step(path))
		outward[depth++] = go_function(p, path);
	if (in_c && goid && p->cgocall)
		outward[depth++] = p->cgocall;
	for (unsigned i = 0; in_c && i < 1 + roll() % C_DEPTH; i++, path = step(path))
		outward[depth++] = p->c_functions[(path >> 20) % p->c_count];
	outward[depth - 1] += roll() % 4; /* the instruction that was interrupted */
	for (__u16 i = 0; i < depth; i++)
		pcs[i] = outward[depth - 1 - i];
	return depth;
}

/* The record of a sample, with what its type has between the sample and the frames. */
static void *insert(const struct ringfile *ring, __u32 block, const struct goidshim_sample *sample,
		    size_t fixed)
{
	size_t more = fixed - sizeof(*sample);
	unsigned char bytes[sizeof(struct goidshim_wait) + (GO_DEPTH + C_DEPTH + 9) * 8] = { 0 };
	struct goidshim_record *record = (struct goidshim_record *)bytes;

	memcpy(bytes, sample, sizeof(*sample));
	memcpy(bytes + fixed, sample + 1, sample->record.size - sizeof(*sample));
	record->size += (__u32)more;
	return ringfile_add(ring, block, bytes);
}

/* Adds the record that the event makes of a sample. Returns what it weighs. */
static __u64 add_record(const struct program *p, const struct ringfile *ring, __u32 block,
			const struct goidshim_sample *sample)
{
	struct goidshim_alloc *alloc;
	struct goidshim_wait *wait;

	if (p->event->is_wait) {
		wait = insert(ring, block, sample, sizeof(*wait));
		wait->duration_ns = 1000 * (1 + sample->sequence % 7);
		wait->start_ns = sample->time_ns - wait->duration_ns;
		wait->kind = p->event == &events_lock ? GOIDSHIM_LOCK_MUTEX : SYS_read;
		wait->address = 0x7000 + sample->sequence % 3;
		wait->holder_tid = 4242;
		wait->holder_goid = 1;
		wait->holder_class = GOIDSHIM_CLASS_C;
		return wait->duration_ns;
	}
	if (p->event->weight) {
		insert(ring, block, sample, sizeof(*sample));
		return 1;
	}
	alloc = insert(ring, block, sample, sizeof(*alloc));
	alloc->size = 100 * (1 + sample->sequence % 7);
	alloc->kind = GOIDSHIM_ALLOC_MALLOC;
	alloc->lane = ringfile_block(ring, block)->lane;
	if (sample->sequence % 2)
		return 0;
	ringfile_live(ring, alloc);
	return alloc->size;
}

static void add_sample(struct program *p, const struct ringfile *ring, __u32 block, __u64 time_ns)
{
	struct {
		struct goidshim_sample sample;
		__u64 rest[GO_DEPTH + C_DEPTH + 1 + 8];
	} r = { 0 };
	struct goidshim_lane *lane = ringfile_lane(ring, ringfile_block(ring, block)->lane);
	unsigned share = (unsigned)(roll() % 100);
	__u64 goid = share < 4 ? 0 : 1 + (roll() % GOROUTINES) * (roll() % GOROUTINES) / GOROUTINES;
	bool in_c = !goid || roll() % 3;
	static const char labels[] = "\4\0\6\0tierbronze\4\0\4\0tiergold";

	r.sample = (struct goidshim_sample){
		.record = { .type = GOIDSHIM_RECORD_SAMPLE },
		.time_ns = time_ns,
		.sequence = ++lane->samples,
		.goid = goid,
		.start_pc = goid ? go_function(p, mix(goid % 5, 7)) - 20 : 0,
		.tid = 4242 + ringfile_block(ring, block)->lane,
		.periods = 1,
		.class_ = !goid ? GOIDSHIM_CLASS_C_THREAD :
			  in_c	? GOIDSHIM_CLASS_C :
				  GOIDSHIM_CLASS_GO,
		.reason = goid ? GOIDSHIM_REASON_OK : GOIDSHIM_REASON_G_ZERO,
		.stack_end = goid ? GOIDSHIM_STACK_GOEXIT : GOIDSHIM_STACK_THREAD,
	};
	r.sample.stack_depth = make_stack(p, goid, in_c, r.rest);
	r.sample.pc = r.rest[0];
	if (in_c && goid && lane->samples % 50 == 0)
		r.sample.stack_gap = GOIDSHIM_STACK_NO_CFI;
	if (goid % 4 == 1 || goid % 4 == 2) {
		r.sample.labels_size = goid % 4 == 1 ? 14 : 12;
		memcpy(&r.rest[r.sample.stack_depth], labels + (goid % 4 == 1 ? 0 : 14),
		       r.sample.labels_size);
	}
	r.sample.record.size = (__u32)(sizeof(r.sample) + r.sample.stack_depth * 8u +
				       ((r.sample.labels_size + 7) & ~7u));
	r.sample.record.type = p->event->record;
	p->weights[goid] += add_record(p, ring, block, &r.sample);
	lane->periods++;
	lane->rate_cpu_ns += 1000000;
	lane->rate_periods++;
}


/* Every function symbol of the library that is long enough to be inside of. */
static void read_library(struct program *p, const char *path)
{
	int fd = open(path, O_RDONLY);
	Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	GElf_Sym symbol;

	if (!elf)
		errx(99, "%s: %s", path, elf_errmsg(-1));
	while ((section = elf_nextscn(elf, section)))
		if (gelf_getshdr(section, &header) && header.sh_type == SHT_DYNSYM)
			break;
	p->c_functions = calloc(header.sh_size / header.sh_entsize, sizeof(__u64));
	for (int i = 0; gelf_getsym(elf_getdata(section, NULL), i, &symbol); i++)
		if (GELF_ST_TYPE(symbol.st_info) == STT_FUNC && symbol.st_size > 32)
			p->c_functions[p->c_count++] = C_BIAS + symbol.st_value + 16;
	if (!p->c_count)
		errx(99, "%s: no functions", path);
	elf_end(elf);
	close(fd);
}

static void add_build_id(struct goidshim_module *module, const char *path)
{
	int fd = open(path, O_RDONLY);
	Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
	const void *id;
	ssize_t size = dwelf_elf_gnu_build_id(elf, &id);

	if (size > 0 && size <= (ssize_t)sizeof(module->build_id)) {
		memcpy(module->build_id, id, (size_t)size);
		module->build_id_size = (__u8)size;
	}
	elf_end(elf);
	close(fd);
}

static void add_module(const struct ringfile *ring, __u32 index, const char *path, __u64 bias,
		       __u64 start, __u64 end)
{
	struct goidshim_module *module = ringfile_module(ring, index, path, start, end);
	struct stat status;

	if (stat(path, &status))
		err(99, "%s", path);
	module->load_bias = bias;
	module->file_size = (__u64)status.st_size;
	module->mtime_ns = (__u64)status.st_mtim.tv_sec * 1000000000u +
			   (__u64)status.st_mtim.tv_nsec;
	add_build_id(module, path);
}

static void read_program(struct program *p, const char *path)
{
	struct gobinary_function wanted = { .name = "runtime.cgocall" };
	const char *why;

	if (gofile_open(path, &p->file, &why) || gobinary_find(&p->file.image, &p->go))
		errx(99, "%s: not a Go binary", path);
	if (gobinary_lookup(&p->go, &wanted, 1))
		p->cgocall = wanted.entry + 20;
}

static void add_samples(struct program *p, const struct ringfile *ring, unsigned long count)
{
	static const char *const names[THREADS] = { "app", "worker", "worker", "sqlite <io>" };
	__u32 block[THREADS], next = 0;
	__u64 now = ringfile_header(ring)->start_ns;

	for (__u32 i = 0; i < THREADS; i++) {
		ringfile_claim(ring, block[i] = next++, i);
		ringfile_thread(ring, block[i], now, names[i]);
	}
	for (unsigned long i = 0; i < count; i++) {
		__u32 thread = (__u32)(roll() % THREADS);

		if (ringfile_block(ring, block[thread])->committed > BLOCK_SIZE - 1024)
			ringfile_claim(ring, block[thread] = next++, thread);
		add_sample(p, ring, block[thread], now += 1000000 / THREADS);
	}
}

int main(int argc, char **argv)
{
	struct program program = { 0 };
	struct ringfile_shape shape = { .lanes = THREADS, .block_size = BLOCK_SIZE,
					.notes_size = 65536 };
	struct goidshim_golayout *layout;
	struct ringfile ring;
	unsigned long count;

	if (argc != 5 && argc != 6)
		errx(99, "usage: profile-ring OUT GO-BINARY C-LIBRARY SAMPLES [EVENT]");
	program.event = argc == 6 ? events_find(argv[5]) : &events_cpu;
	if (!program.event)
		errx(99, "%s: no such event", argv[5]);
	count = strtoul(argv[4], NULL, 10);
	elf_version(EV_CURRENT);
	read_program(&program, argv[2]);
	read_library(&program, argv[3]);
	shape.blocks = (__u32)(count / 150 + 2 * THREADS);
	shape.live_slots = program.event == &events_heap ? (__u32)count : 0;
	ringfile_open(&ring, &shape);
	ringfile_header(&ring)->events = program.event->bit;
	ringfile_header(&ring)->heap_interval = 1;
	ringfile_header(&ring)->wall_period_ns = 10000000;
	layout = &ringfile_header(&ring)->objects[0].layout;
	layout->text = program.go.text;
	layout->etext = program.go.etext;
	add_module(&ring, 0, argv[2], 0, 0x400000, 0x400000 + (1ull << 30));
	add_module(&ring, 1, argv[3], C_BIAS, C_BIAS, C_BIAS + (1ull << 30));
	add_samples(&program, &ring, count);
	ringfile_save(&ring, argv[1]);
	for (unsigned goid = 0; goid <= GOROUTINES; goid++)
		printf("%u %llu\n", goid, program.weights[goid]);
	return 0;
}

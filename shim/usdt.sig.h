/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shim's USDT probes, for whoever wants to listen: goidshim-verify,
 * bpftrace, perf.
 *
 *	goidshim:sample  sequence, goid, fs_base, g, class, lane, reason, pc, sp
 *	goidshim:thread  tid, fs_base, lane, kind
 *	goidshim:objects header, count
 *	otel_memory:alloc address, size, weight
 *	otel_memory:free  address
 *
 * `sample` fires in the handler after the record is in the ring, with what the
 * record says; pc and sp are the interrupted ones. `thread` fires when a
 * producer takes a lane. `objects` fires whenever a Go object was added to the
 * header; `header` is the address of the struct goidshim_header in this
 * process. Constants are those of goidshim/goid.h and goidshim/format.h.
 *
 * The probes of otel_memory are the contract by which OpenTelemetry's eBPF profiler
 * takes C heap profiles: one for each allocation that event heap samples, with
 * an unbiased estimate in bytes of what it stands for, and one for the free of
 * each of those.
 *
 * A probe is a one-byte nop that nobody reaches unless its semaphore is set,
 * plus a note that tells where it is; a listener sets the semaphore and writes
 * a breakpoint over the nop. It has to be that nop: the kernel replaces a
 * five-byte one by a call, which overwrites the red zone of the interrupted
 * leaf function, and refuses a ten-byte one in silence. Arguments are in whole
 * registers, the one form that every consumer's parser can read; those of
 * `sample` always in the same ones, so that the witness need not parse at all:
 * rdi, rsi, rdx, rcx, r8, r9, rax, r10, r11.
 *
 * Signal-safe: yes, all of it.
 */
#ifndef SHIM_USDT_SIG_H
#define SHIM_USDT_SIG_H

#include <linux/types.h>

/* How many listen. Written by the kernel, in usdt.sig.c's section .probes. */
extern volatile __u16 goidshim_sample_semaphore __attribute__((visibility("hidden")));
extern volatile __u16 goidshim_thread_semaphore __attribute__((visibility("hidden")));
extern volatile __u16 goidshim_objects_semaphore __attribute__((visibility("hidden")));
extern volatile __u16 otel_memory_alloc_semaphore __attribute__((visibility("hidden")));
extern volatile __u16 otel_memory_free_semaphore __attribute__((visibility("hidden")));

/*
 * An ELF note "stapsdt" of type 3: the probe's address, the address of the base
 * symbol (which tells how far prelinking moved the object), the semaphore's
 * address, and three strings: provider, name, arguments as size@operand.
 */
#define USDT_PROBE(name, arguments) USDT_PROBE_OF("goidshim", name, arguments)

#define USDT_PROBE_OF(provider, name, arguments)				\
	"990:	nop\n"								\
	"	.pushsection .note.stapsdt, \"\", \"note\"\n"			\
	"	.balign 4\n"							\
	"	.4byte 992f - 991f, 994f - 993f, 3\n"				\
	"991:	.asciz \"stapsdt\"\n"						\
	"992:	.balign 4\n"							\
	"993:	.8byte 990b, _.stapsdt.base, " provider "_" name "_semaphore\n"	\
	"	.asciz \"" provider "\"\n"					\
	"	.asciz \"" name "\"\n"						\
	"	.asciz \"" arguments "\"\n"					\
	"994:	.balign 4\n"							\
	"	.popsection\n"							\
	"	.ifndef _.stapsdt.base\n"					\
	"	.pushsection .stapsdt.base, \"aG\", \"progbits\", .stapsdt.base, comdat\n" \
	"	.weak _.stapsdt.base\n"						\
	"	.hidden _.stapsdt.base\n"					\
	"_.stapsdt.base: .space 1\n"						\
	"	.size _.stapsdt.base, 1\n"					\
	"	.popsection\n"							\
	"	.endif\n"

/* The values of the sample record just committed. */
static inline void usdt_sample(__u64 sequence, __u64 goid, __u64 fs_base, __u64 g, __u64 class_,
			       __u64 lane, __u64 reason, __u64 pc, __u64 sp)
{
	register __u64 r8 __asm__("r8") = class_;
	register __u64 r9 __asm__("r9") = lane;
	register __u64 r10 __asm__("r10") = pc;
	register __u64 r11 __asm__("r11") = sp;

	if (__builtin_expect(goidshim_sample_semaphore == 0, 1))
		return;
	__asm__ volatile(USDT_PROBE("sample", "8@%0 8@%1 8@%2 8@%3 8@%4 8@%5 8@%6 8@%7 8@%8")
			 :
			 : "D"(sequence), "S"(goid), "d"(fs_base), "c"(g), "r"(r8), "r"(r9),
			   "a"(reason), "r"(r10), "r"(r11)
			 : "memory");
}

/* `kind` is an enum goidshim_lane_kind, `lane` an index in the ring. */
static inline void usdt_thread(__u64 tid, __u64 fs_base, __u64 lane, __u64 kind)
{
	if (__builtin_expect(goidshim_thread_semaphore == 0, 1))
		return;
	__asm__ volatile(USDT_PROBE("thread", "8@%0 8@%1 8@%2 8@%3")
			 :
			 : "r"(tid), "r"(fs_base), "r"(lane), "r"(kind)
			 : "memory");
}

/* Call it after header->object_count has grown, before the first sample can see the object. */
static inline void usdt_objects(const void *header, __u64 count)
{
	if (__builtin_expect(goidshim_objects_semaphore == 0, 1))
		return;
	__asm__ volatile(USDT_PROBE("objects", "8@%0 8@%1")
			 :
			 : "r"(header), "r"(count)
			 : "memory");
}

/* `weight` is in bytes; see heap_draw(). */
static inline void usdt_memory_alloc(__u64 address, __u64 size, __u64 weight)
{
	if (__builtin_expect(otel_memory_alloc_semaphore == 0, 1))
		return;
	__asm__ volatile(USDT_PROBE_OF("otel_memory", "alloc", "8@%0 8@%1 8@%2")
			 :
			 : "r"(address), "r"(size), "r"(weight)
			 : "memory");
}

/* Before the memory can be had again. */
static inline void usdt_memory_free(__u64 address)
{
	if (__builtin_expect(otel_memory_free_semaphore == 0, 1))
		return;
	__asm__ volatile(USDT_PROBE_OF("otel_memory", "free", "8@%0") : : "r"(address) : "memory");
}

#endif

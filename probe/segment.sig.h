/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loads and stores relative to FS or GS base: segment_fs_load_u64(-8) is the
 * word at FS base - 8, segment_gs_store_u8(4, 1) sets the byte at GS base + 4,
 * and so on for u8, u16, u32, u64. One instruction each, and FS base itself is
 * never needed.
 *
 * One interface, three ways to tell the compiler, chosen here: GCC's named
 * address spaces, Clang's numbered ones, inline assembly for any other compiler.
 * SEGMENT_FORCE_ASM forces the last. GCC's AddressSanitizer does not know named
 * address spaces (it would look up the shadow of the bare offset), so it gets
 * assembly too.
 *
 * A bad address faults like any other: these are not peeks. Signal-safe: yes.
 */
#ifndef PROBE_SEGMENT_SIG_H
#define PROBE_SEGMENT_SIG_H

#include <linux/types.h>

#if defined(SEGMENT_FORCE_ASM) || defined(__SANITIZE_ADDRESS__)
#define SEGMENT_FLAVOUR "assembly"
#elif defined(__clang__)
#define SEGMENT_FLAVOUR "address_space"
#define SEGMENT_FS __attribute__((address_space(257)))
#define SEGMENT_GS __attribute__((address_space(256)))
#elif defined(__SEG_FS) && defined(__SEG_GS)
#define SEGMENT_FLAVOUR "named address space"
#define SEGMENT_FS __seg_fs
#define SEGMENT_GS __seg_gs
#else
#define SEGMENT_FLAVOUR "assembly"
#endif

#ifdef SEGMENT_FS

/* Any object may lie there, at any alignment. */
#define SEGMENT_ACCESS(seg, space, width)					\
	typedef __##width segment_##seg##_##width				\
		__attribute__((may_alias, aligned(1)));				\
	static inline __##width segment_##seg##_load_##width(__s64 offset)	\
	{									\
		return *(const volatile segment_##seg##_##width space *)offset;	\
	}									\
	static inline void segment_##seg##_store_##width(__s64 offset, __##width value) \
	{									\
		*(volatile segment_##seg##_##width space *)offset = value;	\
	}

#define SEGMENT_ACCESS_FS(width) SEGMENT_ACCESS(fs, SEGMENT_FS, width)
#define SEGMENT_ACCESS_GS(width) SEGMENT_ACCESS(gs, SEGMENT_GS, width)

#else

#define SEGMENT_ACCESS(seg, width)						\
	static inline __##width segment_##seg##_load_##width(__s64 offset)	\
	{									\
		__##width value;						\
		__asm__ volatile("mov %%" #seg ":(%1), %0"			\
				 : "=q"(value) : "r"(offset) : "memory");	\
		return value;							\
	}									\
	static inline void segment_##seg##_store_##width(__s64 offset, __##width value) \
	{									\
		__asm__ volatile("mov %0, %%" #seg ":(%1)"			\
				 : : "q"(value), "r"(offset) : "memory");	\
	}

#define SEGMENT_ACCESS_FS(width) SEGMENT_ACCESS(fs, width)
#define SEGMENT_ACCESS_GS(width) SEGMENT_ACCESS(gs, width)

#endif

SEGMENT_ACCESS_FS(u8)
SEGMENT_ACCESS_FS(u16)
SEGMENT_ACCESS_FS(u32)
SEGMENT_ACCESS_FS(u64)
SEGMENT_ACCESS_GS(u8)
SEGMENT_ACCESS_GS(u16)
SEGMENT_ACCESS_GS(u32)
SEGMENT_ACCESS_GS(u64)

#undef SEGMENT_ACCESS
#undef SEGMENT_ACCESS_FS
#undef SEGMENT_ACCESS_GS

#endif

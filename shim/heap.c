/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each function is two: one that counts and jumps to the real one, and one, off
 * that path, for an allocation that is due. The second is jumped to as well, so
 * that its return address is the program's.
 *
 * What these functions call in turn is not counted twice: reallocarray(), strdup(),
 * getline() and the rest of the C library come through here by themselves, with
 * their own frame in the stack; and so does C++ operator new of libstdc++ and
 * libc++. For an allocator that replaces it by one that does not there is cxxnew.c.
 * What an allocator maps for itself it gives out again, and that is counted.
 */
#include "shim/heap.h"

#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "shim/call.sig.h"
#include "shim/cxxnew.h"
#include "shim/heap.sig.h"
#include "shim/interpose.h"
#include "shim/log.h"
#include "shim/unwind/modules.sig.h"

#define DUE static __attribute__((noinline))

INTERPOSE(malloc);
INTERPOSE(calloc);
INTERPOSE(realloc);
INTERPOSE(free);
INTERPOSE(posix_memalign);
INTERPOSE(aligned_alloc);
INTERPOSE(memalign);
INTERPOSE(valloc);
INTERPOSE(pvalloc);
INTERPOSE(mmap);
INTERPOSE(mmap64);
INTERPOSE(munmap);
INTERPOSE(mremap);

/*
 * In a function that is DUE: records what it has had, if it is taken. `weight` was
 * drawn before the real function was called, for that may fail, and may itself
 * call what is counted (an allocator maps its memory).
 */
#define RECORD(pointer, size, weight, kind)					\
	do {									\
		void *had_ = (pointer);						\
										\
		if ((weight) && had_)						\
			heap_record((__u64)had_, size, weight, kind, CALL_PC, CALL_SP); \
	} while (0)

DUE void *due_malloc(size_t size)
{
	__u64 weight = heap_draw(size);
	void *p = INTERPOSE_NEXT(malloc)(size);

	RECORD(p, size, weight, GOIDSHIM_ALLOC_MALLOC);
	return p;
}

static void *hook_malloc(size_t size)
{
	return heap_is_due(size) ? due_malloc(size) : INTERPOSE_NEXT(malloc)(size);
}

DUE void *due_calloc(size_t count, size_t size)
{
	__u64 weight = heap_draw(count * size);
	void *p = INTERPOSE_NEXT(calloc)(count, size);

	RECORD(p, count * size, weight, GOIDSHIM_ALLOC_CALLOC);
	return p;
}

/* A product that wraps around fails, and is no allocation. */
static void *hook_calloc(size_t count, size_t size)
{
	return heap_is_due(count * size) ? due_calloc(count, size)
					 : INTERPOSE_NEXT(calloc)(count, size);
}

/* The old memory is out of the index while the C library may already have freed it. */
DUE void *watched_realloc(void *old, size_t size, bool due)
{
	__u32 slot = heap_may_know((__u64)old) ? heap_take((__u64)old) : HEAP_NO_SLOT;
	__u64 weight = due ? heap_draw(size) : 0;
	void *p = INTERPOSE_NEXT(realloc)(old, size);

	if (slot != HEAP_NO_SLOT) {
		if (p || size == 0)
			heap_let_go(slot);
		else
			heap_put_back((__u64)old, slot);
	}
	RECORD(p, size, weight, GOIDSHIM_ALLOC_REALLOC);
	return p;
}

static void *hook_realloc(void *old, size_t size)
{
	bool due = heap_is_due(size);

	return due || heap_may_know((__u64)old) ? watched_realloc(old, size, due)
						: INTERPOSE_NEXT(realloc)(old, size);
}

static void hook_free(void *p)
{
	if (heap_may_know((__u64)p))
		heap_forget((__u64)p);
	INTERPOSE_NEXT(free)(p);
}

DUE int due_posix_memalign(void **ret, size_t alignment, size_t size)
{
	__u64 weight = heap_draw(size);
	int err = INTERPOSE_NEXT(posix_memalign)(ret, alignment, size);

	RECORD(err ? NULL : *ret, size, weight, GOIDSHIM_ALLOC_ALIGNED);
	return err;
}

static int hook_posix_memalign(void **ret, size_t alignment, size_t size)
{
	return heap_is_due(size) ? due_posix_memalign(ret, alignment, size)
				 : INTERPOSE_NEXT(posix_memalign)(ret, alignment, size);
}

/* aligned_alloc(), memalign() and valloc() differ in what they are called. */
#define HOOK_ALIGNED(name, parameters, arguments)				\
	DUE void *due_##name parameters						\
	{									\
		__u64 weight = heap_draw(size);					\
		void *p = INTERPOSE_NEXT(name) arguments;			\
										\
		RECORD(p, size, weight, GOIDSHIM_ALLOC_ALIGNED);			\
		return p;							\
	}									\
	static void *hook_##name parameters					\
	{									\
		return heap_is_due(size) ? due_##name arguments			\
					 : INTERPOSE_NEXT(name) arguments;	\
	}

HOOK_ALIGNED(aligned_alloc, (size_t alignment, size_t size), (alignment, size))
HOOK_ALIGNED(memalign, (size_t alignment, size_t size), (alignment, size))
HOOK_ALIGNED(valloc, (size_t size), (size))
HOOK_ALIGNED(pvalloc, (size_t size), (size))

/* Address space that is only reserved (PROT_NONE) is not memory yet. */
static bool is_memory(int protection, int flags)
{
	return (flags & MAP_ANONYMOUS) && protection != PROT_NONE;
}

/* The code that the next malloc() is in. */
static struct modules_segment allocator;

static bool is_of_allocator(__u64 pc)
{
	return pc >= allocator.start && pc < allocator.end;
}

DUE void *due_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	__u64 weight = heap_draw(size);
	void *p = INTERPOSE_NEXT(mmap)(at, size, protection, flags, fd, offset);

	RECORD(p == MAP_FAILED || is_of_allocator(CALL_PC) ? NULL : p, size, weight,
	       GOIDSHIM_ALLOC_MAP);
	return p;
}

static void *hook_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	return is_memory(protection, flags) && heap_is_due(size)
		       ? due_mmap(at, size, protection, flags, fd, offset)
		       : INTERPOSE_NEXT(mmap)(at, size, protection, flags, fd, offset);
}

/* A mapping is known by its start: with that it goes, and not before. */
static int hook_munmap(void *at, size_t size)
{
	__u32 slot = heap_may_know((__u64)at) ? heap_take((__u64)at) : HEAP_NO_SLOT;
	int ret = INTERPOSE_NEXT(munmap)(at, size);

	if (slot == HEAP_NO_SLOT)
		return ret;
	if (ret == 0)
		heap_let_go(slot);
	else
		heap_put_back((__u64)at, slot);
	return ret;
}

static void *hook_mremap(void *old, size_t old_size, size_t size, int flags, ...)
{
	__u32 slot = heap_may_know((__u64)old) ? heap_take((__u64)old) : HEAP_NO_SLOT;
	void *at = NULL, *p;

	if (flags & MREMAP_FIXED) {
		va_list rest;

		va_start(rest, flags);
		at = va_arg(rest, void *);
		va_end(rest);
	}
	p = INTERPOSE_NEXT(mremap)(old, old_size, size, flags, at);
	if (slot == HEAP_NO_SLOT)
		return p;
	if (p == MAP_FAILED) {
		heap_put_back((__u64)old, slot);
		return p;
	}
	/* What was taken stays taken: it is the same memory, with its new size. */
	heap_let_go(slot);
	heap_record((__u64)p, size, size, GOIDSHIM_ALLOC_MAP, CALL_PC, CALL_SP);
	return p;
}

static const struct interpose_hook hooks[] = {
	INTERPOSE_HOOK(malloc, hook_malloc),
	INTERPOSE_HOOK(calloc, hook_calloc),
	INTERPOSE_HOOK(realloc, hook_realloc),
	INTERPOSE_HOOK(free, hook_free),
	INTERPOSE_HOOK(posix_memalign, hook_posix_memalign),
	INTERPOSE_HOOK(aligned_alloc, hook_aligned_alloc),
	INTERPOSE_HOOK(memalign, hook_memalign),
	INTERPOSE_HOOK(valloc, hook_valloc),
	INTERPOSE_HOOK(pvalloc, hook_pvalloc),
	INTERPOSE_HOOK(mmap, hook_mmap),
	INTERPOSE_HOOK(mmap64, hook_mmap), /* the same function, by its other name */
	INTERPOSE_HOOK(munmap, hook_munmap),
	INTERPOSE_HOOK(mremap, hook_mremap),
};

void heap_start(__u64 interval, __u64 seed)
{
	int err = heap_begin(interval, seed);

	if (err) {
		log_line(LOG_WARN, "not recording C memory: %s", strerror(-err));
		return;
	}
	modules_find((__u64)interpose_find(&interpose_malloc), &allocator);
	interpose_start(hooks, sizeof(hooks) / sizeof(hooks[0]));
	cxxnew_start();
	if (!interpose_is_first(&interpose_malloc))
		log_line(LOG_WARN, "the program has a malloc of its own: of C memory only what "
				   "does not come from there is recorded");
}

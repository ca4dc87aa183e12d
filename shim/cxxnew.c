/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All forms of operator new and delete, by their names in the ABI. What follows
 * the size or the pointer (an alignment, nothrow, a size) is handed on as it is:
 * two words at most, in registers, whatever the form.
 *
 * operator new throws. The exception passes through the frames of due_new() and
 * of nothing else of ours, and these files are built with -fexceptions for that.
 */
#include "shim/cxxnew.h"

#include <stddef.h>

#include "shim/call.sig.h"
#include "shim/heap.sig.h"
#include "shim/interpose.h"

/* More than is allocated while we look, and less than would wrap around. */
#define FAR (1ll << 40)

typedef void *new_fn(size_t size, size_t more, size_t still_more);
typedef void delete_fn(void *p, size_t more, size_t still_more);

/* What is counted and then throws has drawn the next gap before. */
#define HOOK_NEW(name)									\
	extern new_fn name;								\
	INTERPOSE(name);								\
	static __attribute__((noinline)) void *due_##name(size_t size, size_t more,	\
							  size_t still_more)		\
	{										\
		__u64 weight = heap_draw(size);						\
		void *p = INTERPOSE_NEXT(name)(size, more, still_more);			\
											\
		if (weight && p)							\
			heap_record((__u64)p, size, weight, GOIDSHIM_ALLOC_NEW, CALL_PC, \
				    CALL_SP);						\
		return p;								\
	}										\
	static void *hook_##name(size_t size, size_t more, size_t still_more)		\
	{										\
		return heap_is_due(size) ? due_##name(size, more, still_more)		\
					 : INTERPOSE_NEXT(name)(size, more, still_more); \
	}

#define HOOK_DELETE(name)								\
	extern delete_fn name;								\
	INTERPOSE(name);								\
	static void hook_##name(void *p, size_t more, size_t still_more)		\
	{										\
		if (heap_may_know((__u64)p))						\
			heap_forget((__u64)p);						\
		INTERPOSE_NEXT(name)(p, more, still_more);				\
	}

HOOK_NEW(_Znwm)
HOOK_NEW(_Znam)
HOOK_NEW(_ZnwmRKSt9nothrow_t)
HOOK_NEW(_ZnamRKSt9nothrow_t)
HOOK_NEW(_ZnwmSt11align_val_t)
HOOK_NEW(_ZnamSt11align_val_t)
HOOK_NEW(_ZnwmSt11align_val_tRKSt9nothrow_t)
HOOK_NEW(_ZnamSt11align_val_tRKSt9nothrow_t)
HOOK_DELETE(_ZdlPv)
HOOK_DELETE(_ZdaPv)
HOOK_DELETE(_ZdlPvm)
HOOK_DELETE(_ZdaPvm)
HOOK_DELETE(_ZdlPvRKSt9nothrow_t)
HOOK_DELETE(_ZdaPvRKSt9nothrow_t)
HOOK_DELETE(_ZdlPvSt11align_val_t)
HOOK_DELETE(_ZdaPvSt11align_val_t)
HOOK_DELETE(_ZdlPvmSt11align_val_t)
HOOK_DELETE(_ZdaPvmSt11align_val_t)
HOOK_DELETE(_ZdlPvSt11align_val_tRKSt9nothrow_t)
HOOK_DELETE(_ZdaPvSt11align_val_tRKSt9nothrow_t)

static const struct {
	struct interpose_hook hook;
	struct interpose *delete;	/* that takes back what it gave */
} news[] = {
	/* Those first that others are made of, where an allocator replaces only some. */
	{ INTERPOSE_HOOK(_Znwm, hook__Znwm), &interpose__ZdlPv },
	{ INTERPOSE_HOOK(_ZnwmSt11align_val_t, hook__ZnwmSt11align_val_t),
	  &interpose__ZdlPvSt11align_val_t },
	{ INTERPOSE_HOOK(_Znam, hook__Znam), &interpose__ZdaPv },
	{ INTERPOSE_HOOK(_ZnamSt11align_val_t, hook__ZnamSt11align_val_t),
	  &interpose__ZdaPvSt11align_val_t },
	{ INTERPOSE_HOOK(_ZnwmRKSt9nothrow_t, hook__ZnwmRKSt9nothrow_t), &interpose__ZdlPv },
	{ INTERPOSE_HOOK(_ZnamRKSt9nothrow_t, hook__ZnamRKSt9nothrow_t), &interpose__ZdaPv },
	{ INTERPOSE_HOOK(_ZnwmSt11align_val_tRKSt9nothrow_t,
			 hook__ZnwmSt11align_val_tRKSt9nothrow_t),
	  &interpose__ZdlPvSt11align_val_t },
	{ INTERPOSE_HOOK(_ZnamSt11align_val_tRKSt9nothrow_t,
			 hook__ZnamSt11align_val_tRKSt9nothrow_t),
	  &interpose__ZdaPvSt11align_val_t },
};

static const struct interpose_hook deletes[] = {
	INTERPOSE_HOOK(_ZdlPv, hook__ZdlPv),
	INTERPOSE_HOOK(_ZdaPv, hook__ZdaPv),
	INTERPOSE_HOOK(_ZdlPvm, hook__ZdlPvm),
	INTERPOSE_HOOK(_ZdaPvm, hook__ZdaPvm),
	INTERPOSE_HOOK(_ZdlPvRKSt9nothrow_t, hook__ZdlPvRKSt9nothrow_t),
	INTERPOSE_HOOK(_ZdaPvRKSt9nothrow_t, hook__ZdaPvRKSt9nothrow_t),
	INTERPOSE_HOOK(_ZdlPvSt11align_val_t, hook__ZdlPvSt11align_val_t),
	INTERPOSE_HOOK(_ZdaPvSt11align_val_t, hook__ZdaPvSt11align_val_t),
	INTERPOSE_HOOK(_ZdlPvmSt11align_val_t, hook__ZdlPvmSt11align_val_t),
	INTERPOSE_HOOK(_ZdaPvmSt11align_val_t, hook__ZdaPvmSt11align_val_t),
	INTERPOSE_HOOK(_ZdlPvSt11align_val_tRKSt9nothrow_t,
		       hook__ZdlPvSt11align_val_tRKSt9nothrow_t),
	INTERPOSE_HOOK(_ZdaPvSt11align_val_tRKSt9nothrow_t,
		       hook__ZdaPvSt11align_val_tRKSt9nothrow_t),
};

/* Does this form come through what is counted already? Asked by calling it. */
static bool is_counted(new_fn *next, delete_fn *next_delete)
{
	static const char nothrow;	/* std::nothrow has no other content either */
	__s64 left = heap_thread.left;
	bool counted;
	void *p;

	heap_thread.left = FAR;
	/* The second word is an alignment, or nothrow; neither is looked at closer than this. */
	p = next(sizeof(void *), 64, (size_t)&nothrow);
	counted = heap_thread.left != FAR;
	heap_thread.left = left;
	if (p)
		next_delete(p, 64, (size_t)&nothrow);
	return counted;
}

/* Deletes first: what is new from then on is found by them. */
void cxxnew_start(void)
{
	for (size_t i = 0, hooked = 0; i < sizeof(news) / sizeof(news[0]); i++) {
		new_fn *next = (new_fn *)interpose_find(news[i].hook.function);
		delete_fn *next_delete = (delete_fn *)interpose_find(news[i].delete);

		if (!next || !next_delete || is_counted(next, next_delete))
			continue;
		if (hooked++ == 0)
			interpose_start(deletes, sizeof(deletes) / sizeof(deletes[0]));
		interpose_start(&news[i].hook, 1);
	}
}

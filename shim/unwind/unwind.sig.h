/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One thread's whole stack, from the interrupted instruction down: C frames by
 * call-frame information (cfi.sig.h), Go frames by the SP deltas in Go's own
 * function table, and every crossing between the two where Go's runtime says
 * that it is.
 *
 *	C leaf ... C		on the thread's stack (g0)
 *	runtime.asmcgocall	saved curg and how deep it is in curg's stack
 *	Go ... Go		on the goroutine's stack
 *	runtime.cgocallback	g0.sched.sp is its twin's frame on g0
 *	crosscall2		saved C's registers: C frames again, and so on
 *
 * Which stack we are on comes from SP against curg's bounds, never from TLS g,
 * which Go switches first. Every step is checked: the stack pointer moves up
 * and a pc is in known code, or the stack ends there and says why. When C cannot
 * be stepped, the goroutine's own frames are still found from where it left its
 * stack; what is missing between is said in `gap`.
 *
 * Signal-safe: all of it.
 */
#ifndef SHIM_UNWIND_SIG_H
#define SHIM_UNWIND_SIG_H

#include "goidshim/format.h"
#include "probe/goid.sig.h"
#include "probe/gopclntab.sig.h"
#include "shim/unwind/cfi.sig.h"

#pragma GCC visibility push(hidden)

/* How C frames are stepped. Go frames and crossings are the same with each. */
enum unwind_backend {
	UNWIND_NONE,		/* no stacks */
	UNWIND_CFI,
	UNWIND_FP,		/* frame pointers: only where C was compiled with them */
	UNWIND_LIBUNWIND,
};

/* Functions of Go's runtime that a stack passes in ways of their own. */
enum unwind_kind {
	UNWIND_NOT_GO,
	UNWIND_PLAIN,
	UNWIND_ASMCGOCALL,
	UNWIND_ASMCGOCALL_NO_G,	/* calls C where it stands; the SP before aligning is in 8(SP) */
	UNWIND_ASYNC_PREEMPT,	/* injected: its caller was interrupted, not calling */
	UNWIND_CALL_CGO,	/* likewise; the SP before is in rbx, which C keeps */
	UNWIND_CGOCALLBACK,
	UNWIND_CROSSCALL2,
	UNWIND_GOEXIT,		/* below a goroutine's first function */
	UNWIND_GOGO,
	UNWIND_MCALL,
	UNWIND_MORESTACK,
	UNWIND_MSTART,		/* a scheduler's first function */
	UNWIND_SIGPANIC,	/* injected */
	UNWIND_SYSTEMSTACK,
	UNWIND_SYSTEMSTACK_SWITCH, /* stands in curg.sched.pc; no code ever runs there */
};

enum { UNWIND_SPECIALS = 20, UNWIND_CACHE_SIZE = 4096 };

/* One Go object. Filled by unwind_prepare_go(); after that only the cache changes. */
struct unwind_go {
	struct gopclntab functions;
	unsigned special_count;
	struct {
		__u64 entry;	/* [entry, end) */
		__u64 end;
		enum unwind_kind kind;
	} special[UNWIND_SPECIALS];
	/*
	 * SP deltas by pc. Go's tables are compact, and slow for it: a frame costs
	 * 100 ns to decode and 5 ns to find here. Each slot is one word, so any
	 * number of threads may read and replace it.
	 */
	__u64 cache[UNWIND_CACHE_SIZE];
};

struct unwind {
	enum unwind_backend backend;
	/* UNWIND_LIBUNWIND: one step; see unwindlib.h. */
	enum goidshim_stack_end (*libunwind_step)(struct cfi_registers *regs);
};

/* Set before the first call, constant afterwards. */
extern struct unwind unwind;

/* What unwind_stack found. */
struct unwind_result {
	__u16 depth;		/* frames stored */
	__u8 end;		/* enum goidshim_stack_end */
	__u8 gap;		/* why frames are missing between C and Go; 0: none are */
};

struct sigcontext;

/*
 * Stores up to `max` pcs in `frames`, innermost first, in the form that
 * format.h gives to a sample's frames. `go`, `layout` are those of
 * reading->object, or both NULL where there is no Go; `reading` was taken from
 * the same interrupted context.
 */
void unwind_stack(struct unwind_go *go, const struct goidshim_golayout *layout,
		  const struct goid_reading *reading, const struct sigcontext *context,
		  __u64 *frames, unsigned max, struct unwind_result *ret);

#pragma GCC visibility pop

#endif

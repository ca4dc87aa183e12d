/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/unwind/unwind.sig.h"

#include <stddef.h>

#include <asm/sigcontext.h>

#include "probe/peek.sig.h"
#include "shim/unwind/modules.sig.h"

struct unwind unwind = { .backend = UNWIND_CFI };

enum {
	MAX_CROSSINGS = 32,
	SWITCH_WINDOW = 80,	/* bytes of g0's stack that asmcgocall takes after switching to it */
	ONLY_SP_AND_PC = 1 << CFI_RSP | 1 << CFI_PC,
};

/* A point on the goroutine's stack from which its outer frames can still be found. */
struct resume {
	bool valid;
	__u64 pc;
	__u64 sp;
};

struct walk {
	struct unwind_go *go;
	const struct goidshim_golayout *layout;
	const struct goid_reading *who;
	struct cfi_registers regs;
	struct modules_segment segment;	/* where the last C frame was found */
	struct resume resume;
	__u64 g0_sp;			/* frame of the innermost cgocallback not yet passed */
	bool been_in_go;
	bool injected;			/* the last Go frame was put there by a signal */
	unsigned crossings;
	unsigned depth;
	unsigned max;
	__u64 *frames;
	__u8 gap;
};

static __u64 pc_of(const struct walk *w)
{
	return w->regs.r[CFI_PC];
}

static __u64 sp_of(const struct walk *w)
{
	return w->regs.r[CFI_RSP];
}

static bool is_on_curg(const struct walk *w, __u64 sp)
{
	return w->who->curg != 0 && sp >= w->who->curg_lo && sp < w->who->curg_hi;
}

/* Where the next frame is, when Go has told us; it tells of no other registers. */
static void go_to(struct walk *w, __u64 pc, __u64 sp, bool exact)
{
	w->regs.r[CFI_PC] = pc;
	w->regs.r[CFI_RSP] = sp;
	w->regs.known = ONLY_SP_AND_PC;
	w->regs.exact = exact;
}

/* False when there is no room for it. */
static bool emit(struct walk *w)
{
	if (w->depth == w->max)
		return false;
	/* Readers take one from a return address; see format.h. */
	w->frames[w->depth] = pc_of(w) + (w->depth > 0 && w->regs.exact && !w->injected);
	w->depth++;
	return true;
}

/* --------------------------------------------------------- Go's function table */

struct go_frame {
	enum unwind_kind kind;
	__u64 delta;		/* from SP to the return address */
};

static enum unwind_kind kind_of(const struct unwind_go *go, __u64 entry)
{
	for (unsigned i = 0; i < go->special_count; i++)
		if (entry >= go->special[i].entry && entry < go->special[i].end)
			return go->special[i].kind;
	return UNWIND_PLAIN;
}

static bool decode_go_frame(const struct unwind_go *go, __u64 pc, bool exact, struct go_frame *ret)
{
	struct gopclntab_function function;
	__s32 delta;

	if (gopclntab_find(&go->functions, exact ? pc : pc - 1, &function) != 0)
		return false;
	/* After a call that never returns there may be no instruction. */
	if (gopclntab_sp_delta(&go->functions, &function, pc, &delta) != 0 &&
	    (exact || gopclntab_sp_delta(&go->functions, &function, pc - 1, &delta) != 0))
		return false;
	if (delta < 0)
		return false;
	ret->kind = kind_of(go, function.entry);
	ret->delta = (__u64)delta;
	return true;
}

/* A slot: 34 bits of pc and exactness, 5 of kind (0: empty), 25 of delta / 8. */
enum { SLOT_KEY_SHIFT = 30, SLOT_KIND_SHIFT = 25, SLOT_DELTA_LIMIT = 1 << 25 };

/* The Go function that the current frame is in. False: it is not Go code. */
static bool find_go_frame(struct walk *w, struct go_frame *ret)
{
	struct unwind_go *go = w->go;
	__u64 pc = pc_of(w);
	__u64 key, word, *slot;

	if (go == NULL || pc - go->functions.text > go->functions.etext - go->functions.text)
		return false;
	key = ((pc - go->functions.text) << 1 | w->regs.exact) & 0x3ffffffffull;
	slot = &go->cache[(key * 0x9e3779b97f4a7c15ull) >> 52];
	word = __atomic_load_n(slot, __ATOMIC_RELAXED);
	ret->kind = word >> SLOT_KIND_SHIFT & 0x1f;
	if (word >> SLOT_KEY_SHIFT == key && ret->kind != UNWIND_NOT_GO) {
		ret->delta = (word & (SLOT_DELTA_LIMIT - 1)) * 8;
		return true;
	}
	if (!decode_go_frame(go, pc, w->regs.exact, ret))
		return false;
	if (ret->delta % 8 == 0 && ret->delta / 8 < SLOT_DELTA_LIMIT)
		__atomic_store_n(slot,
				 key << SLOT_KEY_SHIFT | (__u64)ret->kind << SLOT_KIND_SHIFT |
					 ret->delta / 8,
				 __ATOMIC_RELAXED);
	return true;
}

/* ------------------------------------------------------------------- Go frames */

/* Where curg left its stack. systemstack_switch stands for its caller, exactly. */
static bool read_sched(const struct walk *w, struct resume *ret)
{
	const struct goid_reading *who = w->who;

	ret->valid = w->layout != NULL && who->curg != 0 &&
		     peek_u64(who->curg + w->layout->g_sched_pc, &ret->pc) &&
		     peek_u64(who->curg + w->layout->g_sched_sp, &ret->sp) &&
		     is_on_curg(w, ret->sp) && ret->pc != 0;
	return ret->valid;
}

static void go_to_resume(struct walk *w, const struct resume *resume)
{
	struct go_frame frame;

	go_to(w, resume->pc, resume->sp, true);
	if (find_go_frame(w, &frame) && frame.kind == UNWIND_SYSTEMSTACK_SWITCH)
		return;
	w->regs.exact = false;
}

static enum goidshim_stack_end cross_to_sched(struct walk *w)
{
	struct resume sched;

	if (w->who->curg == 0)
		return GOIDSHIM_STACK_SCHED;
	if (!read_sched(w, &sched))
		return GOIDSHIM_STACK_CROSSING;
	go_to_resume(w, &sched);
	return GOIDSHIM_STACK_NONE;
}

static enum goidshim_stack_end step_plain(struct walk *w, const struct go_frame *frame)
{
	__u64 cfa = sp_of(w) + frame->delta;
	__u64 pc;

	if (cfa < sp_of(w) || (is_on_curg(w, sp_of(w)) && !is_on_curg(w, cfa)))
		return GOIDSHIM_STACK_STUCK;
	if (!peek_u64(cfa, &pc))
		return GOIDSHIM_STACK_FAULT;
	w->injected = frame->kind == UNWIND_ASYNC_PREEMPT || frame->kind == UNWIND_SIGPANIC;
	go_to(w, pc, cfa + 8, w->injected);
	return GOIDSHIM_STACK_NONE;
}

/*
 * C has called back as far as asmcgocall's part of g0's stack. There it saved
 * curg and its depth in curg's stack; or 0 and the old SP, when it was called on
 * g0 already.
 */
static enum goidshim_stack_end cross_asmcgocall(struct walk *w, const struct go_frame *frame)
{
	__u64 slot = sp_of(w) + (w->layout->go_minor < 22 ? 40 : 0);
	__u64 depth, saved_g, sp, pc;

	if (!peek_u64(slot, &depth) || !peek_u64(slot + 8, &saved_g))
		return GOIDSHIM_STACK_FAULT;
	if (saved_g != 0 && saved_g != w->who->curg)
		return GOIDSHIM_STACK_CROSSING;
	sp = saved_g != 0 ? w->who->curg_hi - depth : depth;
	if (saved_g != 0 ? !is_on_curg(w, sp) : sp <= sp_of(w))
		return GOIDSHIM_STACK_CROSSING;
	if (!peek_u64(sp + frame->delta, &pc))
		return GOIDSHIM_STACK_FAULT;
	go_to(w, pc, sp + frame->delta + 8, false);
	return GOIDSHIM_STACK_NONE;
}

/*
 * Go has called C on the stack that it was on, having aligned SP. Before and
 * after the call SP is what the table says.
 */
static enum goidshim_stack_end step_aligned(struct walk *w, const struct go_frame *frame)
{
	__u64 sp = w->regs.r[CFI_RBX];
	bool known = w->regs.known & 1u << CFI_RBX;

	if (frame->kind == UNWIND_ASMCGOCALL_NO_G)
		known = !w->regs.exact && peek_u64(sp_of(w) + 8, &sp);
	if (known && sp - sp_of(w) <= 64 && sp % 8 == 0)
		w->regs.r[CFI_RSP] = sp;
	else if (!w->regs.exact)
		return GOIDSHIM_STACK_CROSSING;
	return step_plain(w, frame);
}

/*
 * cgocallback opened frames of one size on both stacks. The one on g0 returns
 * to crosscall2, and its first word is the g0.sched.sp of the callback outside;
 * the one on curg returns to where the goroutine had called C.
 */
static enum goidshim_stack_end cross_cgocallback(struct walk *w, const struct go_frame *frame)
{
	bool on_curg = is_on_curg(w, sp_of(w));
	__u64 g0_frame = on_curg ? w->g0_sp : sp_of(w);
	struct go_frame caller;
	__u64 pc, outer;

	if (on_curg) {
		w->resume.sp = sp_of(w) + frame->delta + 8;
		w->resume.valid = peek_u64(w->resume.sp - 8, &w->resume.pc);
	}
	if (!peek_u64(g0_frame + frame->delta, &pc) || !peek_u64(g0_frame, &outer))
		return GOIDSHIM_STACK_FAULT;
	if (on_curg || w->g0_sp == g0_frame)
		w->g0_sp = outer;
	go_to(w, pc, g0_frame + frame->delta + 8, false);
	if (!find_go_frame(w, &caller) || (on_curg && caller.kind != UNWIND_CROSSCALL2))
		return GOIDSHIM_STACK_CROSSING;
	return GOIDSHIM_STACK_NONE;
}

/*
 * crosscall2 keeps C's registers above the three words that it passes to
 * cgocallback; rbp is right below its return address, with a frame of Go's
 * making (1.22) or without one.
 */
static enum goidshim_stack_end cross_crosscall2(struct walk *w, const struct go_frame *frame)
{
	static const __u8 order[] = { CFI_RBX, CFI_R12, 13, 14, CFI_R15 };
	__u64 cfa = sp_of(w) + frame->delta;
	__u64 saved = sp_of(w) + 24;
	__u64 pc;

	for (unsigned i = 0; i < sizeof(order); i++)
		if (!peek_u64(saved + i * 8ull, &w->regs.r[order[i]]))
			return GOIDSHIM_STACK_FAULT;
	if (!peek_u64(cfa - 8, &w->regs.r[CFI_RBP]) || !peek_u64(cfa, &pc))
		return GOIDSHIM_STACK_FAULT;
	go_to(w, pc, cfa + 8, false);
	w->regs.known |= 1u << CFI_RBP;
	for (unsigned i = 0; i < sizeof(order); i++)
		w->regs.known |= 1u << order[i];
	return GOIDSHIM_STACK_NONE;
}

/* Has a switch to g0 just loaded SP, and stored nothing that we could follow? */
static bool has_just_switched(const struct walk *w)
{
	__u64 below = w->who->g0_sched_sp - sp_of(w) + 8;

	return w->who->curg != 0 && below <= SWITCH_WINDOW + 8;
}

/* An interrupted frame of a function that switches stacks, off curg's stack. */
static enum goidshim_stack_end step_switching(struct walk *w, const struct go_frame *frame)
{
	if (has_just_switched(w))
		return cross_to_sched(w);
	if (frame->kind == UNWIND_ASMCGOCALL)
		return GOIDSHIM_STACK_CROSSING;
	return step_plain(w, frame);
}

/*
 * While Go calls the vdso, its caller's pc and SP are in m, and nanotime1's own
 * frame is of no use: it has aligned SP.
 */
static bool read_vdso_caller(const struct walk *w, struct resume *ret)
{
	const struct goidshim_golayout *l = w->layout;

	return l != NULL && w->who->m != 0 && l->m_vdso_sp != GOIDSHIM_NO_OFFSET &&
	       l->m_vdso_pc != GOIDSHIM_NO_OFFSET &&
	       peek_u64(w->who->m + l->m_vdso_sp, &ret->sp) && ret->sp != 0 &&
	       peek_u64(w->who->m + l->m_vdso_pc, &ret->pc) && ret->pc != 0;
}

/* gogo has loaded the goroutine's SP and is about to jump to its pc. */
static enum goidshim_stack_end step_gogo(struct walk *w)
{
	__u64 pc;

	if (!peek_u64(w->who->curg + w->layout->g_sched_pc, &pc))
		return GOIDSHIM_STACK_FAULT;
	go_to(w, pc, sp_of(w), pc == w->who->start_pc);
	return GOIDSHIM_STACK_NONE;
}

static enum goidshim_stack_end cross(struct walk *w, const struct go_frame *frame, bool on_curg)
{
	bool exact = w->regs.exact;

	switch (frame->kind) {
	case UNWIND_MSTART:
		return GOIDSHIM_STACK_SCHED;
	case UNWIND_ASMCGOCALL_NO_G:
	case UNWIND_CALL_CGO:
		return step_aligned(w, frame);
	case UNWIND_CGOCALLBACK:
		return cross_cgocallback(w, frame);
	case UNWIND_CROSSCALL2:
		return exact ? step_plain(w, frame) : cross_crosscall2(w, frame);
	case UNWIND_GOGO:
		return exact && on_curg ? step_gogo(w) : step_plain(w, frame);
	case UNWIND_ASMCGOCALL:
		if (on_curg)
			return step_plain(w, frame);
		return exact ? step_switching(w, frame) : cross_asmcgocall(w, frame);
	case UNWIND_MCALL:
	case UNWIND_MORESTACK:
	case UNWIND_SYSTEMSTACK:
		if (on_curg)
			return step_plain(w, frame);
		return exact ? step_switching(w, frame) : cross_to_sched(w);
	default:
		return step_plain(w, frame);
	}
}

/* Frames that are not part of anybody's story. */
static bool is_hidden(const struct walk *w, const struct go_frame *frame)
{
	return frame->kind == UNWIND_SYSTEMSTACK_SWITCH ||
	       (frame->kind == UNWIND_GOEXIT && w->depth > 0) ||
	       (frame->kind == UNWIND_ASYNC_PREEMPT && w->depth == 0);
}

static enum goidshim_stack_end step_go(struct walk *w, const struct go_frame *frame)
{
	bool on_curg = is_on_curg(w, sp_of(w));
	bool been_in_go = w->been_in_go;
	struct resume caller;

	w->been_in_go = true;
	if (on_curg)
		w->resume.valid = false;
	if (!is_hidden(w, frame) && !emit(w))
		return GOIDSHIM_STACK_DEPTH;
	if (frame->kind == UNWIND_GOEXIT)
		return GOIDSHIM_STACK_GOEXIT;
	if (!been_in_go && !on_curg && read_vdso_caller(w, &caller)) {
		go_to(w, caller.pc, caller.sp, false);
		return GOIDSHIM_STACK_NONE;
	}
	if (frame->kind == UNWIND_PLAIN)
		return step_plain(w, frame);
	if (++w->crossings > MAX_CROSSINGS)
		return GOIDSHIM_STACK_CROSSING;
	return cross(w, frame, on_curg);
}

/* -------------------------------------------------------------------- C frames */

/*
 * A pc that no module contains may be JITed code, or no pc at all. One that was
 * called from is preceded by a call: e8 rel32, or ff /2 in its forms.
 */
static bool follows_call(__u64 pc)
{
	__u8 byte, modrm;

	if (peek_u8(pc - 5, &byte) && byte == 0xe8)
		return true;
	for (unsigned length = 2; length <= 7; length++)
		if (peek_u8(pc - length, &byte) && byte == 0xff &&
		    peek_u8(pc - length + 1, &modrm) && (modrm >> 3 & 7) == 2)
			return true;
	return false;
}

static enum goidshim_stack_end step_fp(struct cfi_registers *regs)
{
	__u64 rbp = regs->r[CFI_RBP];
	__u64 pc, next;

	if (!(regs->known & 1u << CFI_RBP))
		return GOIDSHIM_STACK_EXPRESSION;
	if (rbp < regs->r[CFI_RSP] || rbp & 7)
		return GOIDSHIM_STACK_STUCK;
	if (!peek_u64(rbp, &next) || !peek_u64(rbp + 8, &pc))
		return GOIDSHIM_STACK_FAULT;
	regs->r[CFI_PC] = pc;
	regs->r[CFI_RSP] = rbp + 16;
	regs->r[CFI_RBP] = next;
	regs->known = ONLY_SP_AND_PC | 1u << CFI_RBP;
	regs->exact = false;
	return GOIDSHIM_STACK_NONE;
}

/*
 * A rule that the module's author did not write. What it finds must be where
 * known code has called from, or there is no such frame.
 */
static enum goidshim_stack_end step_derived(struct walk *w, const struct cfi_rule *rule)
{
	if (cfi_step(rule, &w->regs) != GOIDSHIM_STACK_NONE ||
	    !modules_find(pc_of(w) - 1, &w->segment) || !follows_call(pc_of(w)))
		return GOIDSHIM_STACK_NO_CFI;
	return GOIDSHIM_STACK_NONE;
}

static enum goidshim_stack_end step_cfi(struct walk *w, __u64 at)
{
	struct cfi_rule rule;

	modules_find_rule(&w->segment, at, &rule);
	/* Go's own linker puts C into Go's text, and drops its tables. */
	if (rule.kind == CFI_NONE && w->segment.module != NULL && w->segment.module->section.hdr != 0 &&
	    w->go != NULL && at >= w->go->functions.text && at < w->go->functions.etext)
		return GOIDSHIM_STACK_NO_FUNCTION;
	return rule.derived ? step_derived(w, &rule) : cfi_step(&rule, &w->regs);
}

static enum goidshim_stack_end step_c(struct walk *w)
{
	__u64 pc = pc_of(w);
	__u64 at = pc - !w->regs.exact;

	/* 0, or argc: the first word of a process' stack, to which nothing returns. */
	if (pc < 4096)
		return GOIDSHIM_STACK_THREAD;
	if (!modules_find(at, &w->segment)) {
		if ((w->depth == 0 || follows_call(pc)) && !emit(w))
			return GOIDSHIM_STACK_DEPTH;
		return GOIDSHIM_STACK_NO_MODULE;
	}
	if (!emit(w))
		return GOIDSHIM_STACK_DEPTH;
	w->injected = false;
	if (unwind.backend == UNWIND_FP)
		return step_fp(&w->regs);
	if (unwind.backend == UNWIND_LIBUNWIND)
		return unwind.libunwind_step(&w->regs);
	return step_cfi(w, at);
}

/*
 * C could not be stepped, or it ran on a stack of its own that has ended. The
 * goroutine that called it still stands where it left its stack.
 */
static bool resume_goroutine(struct walk *w, enum goidshim_stack_end reason)
{
	struct resume resume = w->resume;
	struct go_frame frame;

	w->resume.valid = false;
	if (!resume.valid || reason == GOIDSHIM_STACK_GOEXIT || reason == GOIDSHIM_STACK_SCHED ||
	    reason == GOIDSHIM_STACK_DEPTH)
		return false;
	go_to_resume(w, &resume);
	if (!find_go_frame(w, &frame) || frame.kind == UNWIND_GOEXIT)
		return false;
	if (w->gap == 0)
		w->gap = (__u8)reason;
	return true;
}

/* -------------------------------------------------------------- the whole stack */

static enum goidshim_stack_end walk_stack(struct walk *w)
{
	for (;;) {
		struct go_frame frame;
		enum goidshim_stack_end end =
			find_go_frame(w, &frame) ? step_go(w, &frame) : step_c(w);

		if (end != GOIDSHIM_STACK_NONE && !resume_goroutine(w, end))
			return end;
	}
}

static void load_context(const struct sigcontext *c, struct cfi_registers *regs)
{
	const __u64 value[CFI_REGISTERS] = { c->rax, c->rdx, c->rcx, c->rbx, c->rsi, c->rdi,
					     c->rbp, c->rsp, c->r8,  c->r9,  c->r10, c->r11,
					     c->r12, c->r13, c->r14, c->r15, c->rip };

	for (unsigned i = 0; i < CFI_REGISTERS; i++)
		regs->r[i] = value[i];
	regs->known = (1u << CFI_REGISTERS) - 1;
	regs->exact = true;
}

void unwind_stack(struct unwind_go *go, const struct goidshim_golayout *layout,
		  const struct goid_reading *reading, const struct sigcontext *context,
		  __u64 *frames, unsigned max, struct unwind_result *ret)
{
	struct walk w;

	*ret = (struct unwind_result){ 0 };
	w.segment.start = w.segment.end = 0;
	if (unwind.backend == UNWIND_NONE || max == 0) {
		/* There is a pc to be named all the same. */
		modules_find(context->rip, &w.segment);
		return;
	}
	w.go = go;
	w.layout = layout;
	w.who = reading;
	load_context(context, &w.regs);
	w.g0_sp = reading->g0_sched_sp;
	w.been_in_go = w.injected = false;
	w.crossings = w.depth = 0;
	w.max = max;
	w.frames = frames;
	w.gap = 0;
	w.resume.valid = false;
	if (goidshim_class_has_goid(reading->class_) && !is_on_curg(&w, sp_of(&w)))
		read_sched(&w, &w.resume);
	ret->end = (__u8)walk_stack(&w);
	ret->depth = (__u16)w.depth;
	ret->gap = w.gap;
}

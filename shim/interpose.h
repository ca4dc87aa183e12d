/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Functions of other libraries that the shim stands in front of.
 *
 * What the program calls is a thunk of one instruction, `jmp *slot(%rip)`. The
 * slot first leads to a resolver, which finds the function that the program
 * would have called without us; from then on it holds that function itself, and
 * the price of being interposed is that one jump (measured: 0.3 ns). An event
 * that is switched on puts its hooks in the slots, once, when recording starts.
 *
 * Resolving is lazy because the dynamic linker and other libraries'
 * constructors call us before our own constructor has run. dlsym() may itself
 * call what it is asked for: that inner call gets a null result, as if memory
 * had run out, which the C libraries whose dlsym() allocates are written for.
 *
 *	INTERPOSE(malloc);		the thunk, exported; also list it in goidshim.map
 *	INTERPOSE_HOOK(malloc, hook)	a row of the table that interpose_start() takes
 *	INTERPOSE_NEXT(malloc)		the next function, typed as malloc is
 *
 * No function with floating-point arguments: the resolver does not keep them.
 * Ordinary code; thunks, hooks and INTERPOSE_NEXT may run in signal handlers.
 */
#ifndef SHIM_INTERPOSE_H
#define SHIM_INTERPOSE_H

#include <stddef.h>

/* A function that stands in front of another one by itself, without a thunk. */
#define EXPORT __attribute__((visibility("default")))

/* One interposed function. The thunk knows that `slot` is first. */
struct interpose {
	void *slot;		/* where calls go now */
	void *next;		/* where they would go without us; null: not found yet */
	const char *name;
	void *resolver;		/* what the slot held at first */
};

struct interpose_hook {
	struct interpose *function;
	void *hook;
};

#define INTERPOSE(name) INTERPOSE_NAMED(name, #name)

/* `symbol` is the name to export, where that is no identifier of this file's headers. */
#define INTERPOSE_NAMED(id, symbol)						\
	extern const char interpose_resolve_##id[]				\
		__attribute__((visibility("hidden")));				\
	struct interpose interpose_##id __attribute__((used, visibility("hidden"))) = { \
		.slot = (void *)interpose_resolve_##id,				\
		.name = symbol,							\
		.resolver = (void *)interpose_resolve_##id,			\
	};									\
	__asm__(".pushsection .text\n"						\
		".balign 16\n"							\
		".globl " symbol "\n"						\
		".type " symbol ", @function\n"					\
		symbol ":\n"							\
		".cfi_startproc\n"						\
		"jmp *interpose_" #id "(%rip)\n"				\
		".hidden interpose_resolve_" #id "\n"				\
		".globl interpose_resolve_" #id "\n"				\
		"interpose_resolve_" #id ":\n"					\
		"leaq interpose_" #id "(%rip), %r11\n"				\
		"jmp interpose_resolve\n"					\
		".cfi_endproc\n"						\
		".size " symbol ", . - " symbol "\n"				\
		".popsection\n")

#define INTERPOSE_HOOK(id, function) { &interpose_##id, (void *)(function) }

#define INTERPOSE_NEXT(id) ((__typeof__(&id))interpose_##id.next)

/*
 * Finds every function of the table and puts its hook in front of it. A
 * function that is not there yet keeps its resolver, which will find the next
 * function and leave the hook out. Returns how many were hooked. Once, by one
 * thread; other threads may be calling the functions meanwhile.
 */
unsigned interpose_start(const struct interpose_hook *hooks, size_t count);

/*
 * The next function, searched for now if it was not before; null when no
 * library has it.
 */
void *interpose_find(struct interpose *function);

/* Does the program's call of this name come to us, rather than to one before us? */
int interpose_is_first(const struct interpose *function);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/interpose.h"

#include <dlfcn.h>
#include <errno.h>

/* Inside dlsym() on our behalf. */
static __thread int resolving;

/*
 * The resolver's common part: r11 is the function's struct interpose. Integer
 * arguments (and rax, the count of vector registers of a variadic call) survive.
 */
__asm__(".pushsection .text\n"
	".globl interpose_resolve\n"
	".hidden interpose_resolve\n"
	".type interpose_resolve, @function\n"
	"interpose_resolve:\n"
	".cfi_startproc\n"
	"pushq %rax\n .cfi_adjust_cfa_offset 8\n"
	"pushq %rdi\n .cfi_adjust_cfa_offset 8\n"
	"pushq %rsi\n .cfi_adjust_cfa_offset 8\n"
	"pushq %rdx\n .cfi_adjust_cfa_offset 8\n"
	"pushq %rcx\n .cfi_adjust_cfa_offset 8\n"
	"pushq %r8\n .cfi_adjust_cfa_offset 8\n"
	"pushq %r9\n .cfi_adjust_cfa_offset 8\n"
	"movq %r11, %rdi\n"
	"movq 56(%rsp), %rsi\n"
	"call interpose_resolved\n"
	"movq %rax, %r11\n"
	"popq %r9\n .cfi_adjust_cfa_offset -8\n"
	"popq %r8\n .cfi_adjust_cfa_offset -8\n"
	"popq %rcx\n .cfi_adjust_cfa_offset -8\n"
	"popq %rdx\n .cfi_adjust_cfa_offset -8\n"
	"popq %rsi\n .cfi_adjust_cfa_offset -8\n"
	"popq %rdi\n .cfi_adjust_cfa_offset -8\n"
	"popq %rax\n .cfi_adjust_cfa_offset -8\n"
	"jmp *%r11\n"
	".cfi_endproc\n"
	".size interpose_resolve, . - interpose_resolve\n"
	".popsection\n");

void *interpose_resolved(struct interpose *function, void *caller)
	__attribute__((used, visibility("hidden")));

static void *nothing(void)
{
	return NULL;
}

/* The thunk is right before its resolver: a jmp of six bytes. */
static void *thunk_of(const struct interpose *function)
{
	return (char *)function->resolver - 6;
}

static void *find_in(void *library, const struct interpose *function)
{
	void *found = library ? dlsym(library, function->name) : NULL;

	return found == thunk_of(function) ? NULL : found;
}

/*
 * Where the caller's own library would have found it: a library that was
 * opened with RTLD_LOCAL brings functions that are in no global scope (C++
 * operator new, where the program itself is not C++). What one library has given
 * once it gives from then on, so that what one of its functions makes another of
 * them takes back; and it stays open, because our slots lead into it.
 */
static void *find_for_caller(const struct interpose *function, void *caller)
{
	static void *library;
	void *handle, *found = find_in(library, function);
	Dl_info info;

	if (found || !caller || !dladdr(caller, &info) || !info.dli_fname)
		return found;
	handle = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
	if (!handle)
		return NULL;
	found = find_in(handle, function);
	if (found && dladdr(found, &info) && info.dli_fname)
		library = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
	dlclose(handle);
	return found;
}

static void *find(struct interpose *function, void *caller)
{
	int saved = errno;
	void *next;

	resolving++;
	next = dlsym(RTLD_NEXT, function->name);
	if (!next)
		next = find_for_caller(function, caller);
	resolving--;
	errno = saved;
	if (next)
		__atomic_store_n(&function->next, next, __ATOMIC_RELEASE);
	return next;
}

/* Every call ends up here until the slot holds something else. */
void *interpose_resolved(struct interpose *function, void *caller)
{
	void *resolver = function->resolver;
	void *next = __atomic_load_n(&function->next, __ATOMIC_ACQUIRE);

	if (resolving && !next)
		return (void *)nothing;
	if (!next)
		next = find(function, caller);
	if (!next)
		return (void *)nothing;
	__atomic_compare_exchange_n(&function->slot, &resolver, next, 0, __ATOMIC_RELEASE,
				    __ATOMIC_RELAXED);
	return next;
}

void *interpose_find(struct interpose *function)
{
	return function->next ? function->next : find(function, NULL);
}

int interpose_is_first(const struct interpose *function)
{
	return dlsym(RTLD_DEFAULT, function->name) == thunk_of(function);
}

unsigned interpose_start(const struct interpose_hook *hooks, size_t count)
{
	unsigned hooked = 0;

	/* All first: a hook may call on more than one of them. */
	for (size_t i = 0; i < count; i++)
		interpose_find(hooks[i].function);
	for (size_t i = 0; i < count; i++) {
		if (!hooks[i].function->next)
			continue;
		__atomic_store_n(&hooks[i].function->slot, hooks[i].hook, __ATOMIC_RELEASE);
		hooked++;
	}
	return hooked;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe/gowrapper.h"

#include <string.h>

#include "probe/gocode.h"

/*
 * FuncIDWrapper of src/internal/abi/symtab.go (src/runtime/symtab.go before 1.21):
 * the list before it grew in 1.22 and in 1.25.
 */
static int wrapper_id(unsigned minor)
{
	if (minor < 19 || minor > 27)
		return -1;
	return minor < 22 ? 21 : minor < 25 ? 22 : 23;
}

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Calls that the compiler adds. A wrapper in the runtime itself is for one of its functions. */
static bool is_added(const char *callee, const char *wrapper)
{
	if (!starts_with(wrapper, "runtime."))
		return starts_with(callee, "runtime.");
	return starts_with(callee, "runtime.morestack") ||
	       starts_with(callee, "runtime.gcWriteBarrier") ||
	       starts_with(callee, "runtime.panic");
}

/* The first direct call of a function: its name and the pc of the call. */
static const char *find_call(const struct gobinary *binary,
			     const struct gopclntab_function *function, __u64 *ret_pc)
{
	struct gocode code = { .size = function->end - function->entry };
	__s32 values[GOCODE_MAX_VALUES];
	__s64 at = -1;

	code.bytes = goimage_bytes(binary->image, function->entry, code.size);
	if (!code.bytes)
		return NULL;
	while ((at = gocode_search(&code, "e8 <4>", (__u64)(at + 1), values)) >= 0) {
		__u64 target = function->entry + (__u64)at + 5 + (__u64)(__s64)values[0];
		struct gopclntab_function callee;

		if (gopclntab_find(&binary->functions, target, &callee) < 0 ||
		    callee.entry != target || is_added(callee.name, function->name))
			continue;
		*ret_pc = function->entry + (__u64)at;
		return callee.name;
	}
	return NULL;
}

/* The outermost of the functions inlined at pc; NULL if there is none. */
static const char *inlined_at(const struct gobinary *binary,
			      const struct gopclntab_function *function, __u64 pc)
{
	struct gopclntab_frames frames;
	struct gopclntab_frame frame;
	const char *name = NULL;

	gopclntab_frames_begin(&binary->functions, function, pc, &frames);
	while (gopclntab_frames_next(&frames, &frame))
		if (frame.is_inlined)
			name = frame.name;
	return name;
}

/* The first function inlined before `limit`: then there is nothing to call. */
static const char *find_inlined(const struct gobinary *binary,
				const struct gopclntab_function *function, __u64 limit)
{
	struct gopclntab_ranges ranges;
	struct gopclntab_range range;

	gopclntab_ranges_begin(&binary->functions, function, GOPCLNTAB_LINE, &ranges);
	while (gopclntab_ranges_next(&ranges, &range) && range.start < limit) {
		const char *name = inlined_at(binary, function, range.start);

		if (name && !is_added(name, function->name))
			return name;
	}
	return NULL;
}

const char *gowrapper_target(const struct gobinary *binary,
			     const struct gopclntab_function *function)
{
	__u64 call = function->end;
	const char *called, *inlined;

	if (function->func_id != wrapper_id(binary->minor))
		return function->name;
	called = find_call(binary, function, &call);
	inlined = find_inlined(binary, function, call);
	if (inlined)
		return inlined;
	return called ? called : function->name;
}

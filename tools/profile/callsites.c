/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/profile/callsites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Functions that ask for memory, or for a lock, on behalf of their callers, by how they begin. */
static const char *const passed_on[] = {
	"operator new", "std::allocator", "__gnu_cxx::", "std::__new_allocator",
	"reallocarray", "strdup", "__strdup", "strndup", "__strndup", "vasprintf", "asprintf",
	"malloc", "calloc", "realloc", "allocate_dtv", "_dl_", "getline", "getdelim",
	"_IO_getdelim", "__libc_alloc", "_cgo_", "runtime.",
	"pthread_", "__gthread_", "std::mutex", "std::recursive_", "std::timed_", "std::shared_",
	"std::lock", "std::unique_lock", "std::scoped_lock", "std::__shared_", "std::condition_",
	"std::_V2::condition_", "std::__condvar",
};

bool callsites_is_passed_on(const char *function)
{
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		if (strncmp(function, passed_on[i], strlen(passed_on[i])) == 0)
			return true;
	/* cgo's Go side of a call: main._Cfunc_f */
	return strstr(function, "._Cfunc_") || strstr(function, "._C2func_") ||
	       strstr(function, "._Cgo_");
}

void callsites_find(const struct stacks *stacks, uint32_t id, struct symbolizer *symbolizer,
		    struct callsite *ret)
{
	const struct stack *stack = &stacks->stacks[id];
	const __u64 *pcs = stacks->pcs + stack->first;
	struct symbol frames[SYMBOLIZER_FRAMES_MAX];
	bool is_go;

	*ret = (struct callsite){ .pc = pcs[0] };
	for (unsigned i = 0; i < stack->depth; i++) {
		unsigned count = symbolizer_frames(symbolizer, pcs[i] - (i > 0), stack->era,
						   frames, &is_go);

		if (count == 0 && !ret->symbol.function) {
			ret->pc = pcs[i];
			return;
		}
		for (unsigned j = 0; j < count; j++) {
			if (i == 0 && j == 0)
				ret->symbol = frames[0];
			if (callsites_is_passed_on(frames[j].function))
				continue;
			ret->symbol = frames[j];
			ret->pc = pcs[i];
			return;
		}
	}
}

/* Sites are one if all that is shown of them is the same. */
static int compare_names(const void *va, const void *vb)
{
	const struct callsite *a = va, *b = vb;
	int order;

	if (!a->symbol.function || !b->symbol.function)
		return a->symbol.function ? 1 : b->symbol.function ? -1
		       : a->pc > b->pc ? 1 : a->pc < b->pc ? -1 : 0;
	order = strcmp(a->symbol.function, b->symbol.function);
	if (!order && a->symbol.file && b->symbol.file)
		order = strcmp(a->symbol.file, b->symbol.file);
	return order ? order : (a->symbol.line > b->symbol.line) - (a->symbol.line < b->symbol.line);
}

static int compare_sums(const void *va, const void *vb)
{
	const struct callsite *a = va, *b = vb;

	if (a->sums.used_bytes != b->sums.used_bytes)
		return a->sums.used_bytes < b->sums.used_bytes ? 1 : -1;
	if (a->sums.alloc_bytes != b->sums.alloc_bytes)
		return a->sums.alloc_bytes < b->sums.alloc_bytes ? 1 : -1;
	return compare_names(va, vb);
}

int callsites_make(const struct memory *memory, struct symbolizer *symbolizer,
		   struct callsite **ret_sites, size_t *ret_count)
{
	size_t count = memory->stacks.series_count, kept = 0;
	struct callsite *sites = calloc(count + 1, sizeof(*sites));

	if (!sites)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		callsites_find(&memory->stacks, memory->stacks.series[i].stack, symbolizer,
			       &sites[i]);
		sites[i].sums = memory->sums[i];
	}
	qsort(sites, count, sizeof(*sites), compare_names);
	for (size_t i = 0; i < count; i++) {
		if (kept > 0 && compare_names(&sites[kept - 1], &sites[i]) == 0)
			memory_add_sums(&sites[kept - 1].sums, &sites[i].sums);
		else
			sites[kept++] = sites[i];
	}
	qsort(sites, kept, sizeof(*sites), compare_sums);
	*ret_sites = sites;
	*ret_count = kept;
	return 0;
}

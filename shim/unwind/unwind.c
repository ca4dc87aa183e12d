/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/unwind/unwind.h"

static const struct {
	const char *name;
	enum unwind_kind kind;
} specials[] = {
	{ "crosscall2", UNWIND_CROSSCALL2 },
	{ "runtime.asmcgocall", UNWIND_ASMCGOCALL },
	{ "runtime.asmcgocall_no_g", UNWIND_ASMCGOCALL_NO_G },
	{ "runtime.asyncPreempt", UNWIND_ASYNC_PREEMPT },
	{ "runtime.callCgoMmap", UNWIND_CALL_CGO },
	{ "runtime.callCgoMunmap", UNWIND_CALL_CGO },
	{ "runtime.callCgoSigaction", UNWIND_CALL_CGO },
	{ "runtime.cgocallback", UNWIND_CGOCALLBACK },
	{ "runtime.goexit", UNWIND_GOEXIT },
	{ "runtime.gogo", UNWIND_GOGO },
	{ "gogo", UNWIND_GOGO },
	{ "runtime.mcall", UNWIND_MCALL },
	{ "runtime.morestack", UNWIND_MORESTACK },
	{ "runtime.mstart", UNWIND_MSTART },
	{ "runtime.rt0_go", UNWIND_MSTART },
	{ "runtime.sigpanic", UNWIND_SIGPANIC },
	{ "runtime.sigpanic0", UNWIND_SIGPANIC },
	{ "runtime.systemstack", UNWIND_SYSTEMSTACK },
	{ "runtime.systemstack_switch", UNWIND_SYSTEMSTACK_SWITCH },
};

#define SPECIALS (sizeof(specials) / sizeof(*specials))

_Static_assert(SPECIALS <= (unsigned)UNWIND_SPECIALS, "room for every special function");

void unwind_prepare_go(const struct gobinary *binary, struct unwind_go *ret)
{
	struct gobinary_function functions[SPECIALS];

	for (unsigned i = 0; i < SPECIALS; i++)
		functions[i].name = specials[i].name;
	gobinary_lookup(binary, functions, SPECIALS);
	ret->functions = binary->functions;
	ret->special_count = 0;
	for (unsigned i = 0; i < SPECIALS; i++) {
		unsigned at = ret->special_count;

		if (functions[i].entry == functions[i].end)
			continue;
		ret->special[at].entry = functions[i].entry;
		ret->special[at].end = functions[i].end;
		ret->special[at].kind = specials[i].kind;
		ret->special_count++;
	}
}

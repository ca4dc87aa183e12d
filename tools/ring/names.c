/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/ring/names.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char *pick(const char *const *table, size_t count, unsigned value)
{
	return value < count && table[value] ? table[value] : "unknown";
}

const char *names_class(unsigned class_)
{
	static const char *const keys[] = {
		[GOIDSHIM_CLASS_NONE] = "none",
		[GOIDSHIM_CLASS_GO] = "go",
		[GOIDSHIM_CLASS_C] = "c",
		[GOIDSHIM_CLASS_RUNTIME] = "runtime",
		[GOIDSHIM_CLASS_SCHED] = "sched",
		[GOIDSHIM_CLASS_IDLE] = "idle",
		[GOIDSHIM_CLASS_C_THREAD] = "c_thread",
		[GOIDSHIM_CLASS_EXTRA_M] = "extra_m",
		[GOIDSHIM_CLASS_EXITING] = "exiting",
		[GOIDSHIM_CLASS_SIGNAL] = "signal",
		[GOIDSHIM_CLASS_UNREADABLE] = "unreadable",
	};

	return pick(keys, COUNT(keys), class_);
}

const char *names_reason(unsigned reason)
{
	static const char *const keys[] = {
		[GOIDSHIM_REASON_OK] = "ok",
		[GOIDSHIM_REASON_NO_FSBASE] = "no_fsbase",
		[GOIDSHIM_REASON_FOREIGN_FSBASE] = "foreign_fsbase",
		[GOIDSHIM_REASON_NO_GO] = "no_go",
		[GOIDSHIM_REASON_G_ZERO] = "g_zero",
		[GOIDSHIM_REASON_TLS_FAULT] = "tls_fault",
		[GOIDSHIM_REASON_G_FAULT] = "g_fault",
		[GOIDSHIM_REASON_M_FAULT] = "m_fault",
		[GOIDSHIM_REASON_CURG_FAULT] = "curg_fault",
		[GOIDSHIM_REASON_M_MISMATCH] = "m_mismatch",
		[GOIDSHIM_REASON_CURG_MISMATCH] = "curg_mismatch",
		[GOIDSHIM_REASON_GOID_ZERO] = "goid_zero",
		[GOIDSHIM_REASON_NO_CURG] = "no_curg",
		[GOIDSHIM_REASON_PARKED_EXTRA_M] = "parked_extra_m",
		[GOIDSHIM_REASON_GSIGNAL] = "gsignal",
		[GOIDSHIM_REASON_DEAD] = "dead",
		[GOIDSHIM_REASON_NO_OWNER] = "no_owner",
		[GOIDSHIM_REASON_NOT_SEEN] = "not_seen",
	};

	return pick(keys, COUNT(keys), reason);
}

const char *names_trigger(unsigned trigger)
{
	static const char *const keys[] = {
		[GOIDSHIM_TRIGGER_NONE] = "none",   [GOIDSHIM_TRIGGER_SIGTRAP] = "sigtrap",
		[GOIDSHIM_TRIGGER_PERF] = "perf",   [GOIDSHIM_TRIGGER_TIMER] = "timer",
		[GOIDSHIM_TRIGGER_BPF] = "bpf",
	};

	return pick(keys, COUNT(keys), trigger);
}

const char *names_lost(unsigned lost)
{
	static const char *const keys[] = {
		[GOIDSHIM_LOST_OVERWRITTEN] = "overwritten",
		[GOIDSHIM_LOST_FULL] = "full",
		[GOIDSHIM_LOST_NO_BLOCK] = "no_block",
		[GOIDSHIM_LOST_NO_LANE] = "no_lane",
		[GOIDSHIM_LOST_FOREIGN_THREAD] = "foreign_thread",
		[GOIDSHIM_LOST_NESTED] = "nested",
		[GOIDSHIM_LOST_NO_TRIGGER] = "no_trigger",
		[GOIDSHIM_LOST_BUFFER] = "buffer",
		[GOIDSHIM_LOST_LIVE] = "live",
	};

	return pick(keys, COUNT(keys), lost);
}

const char *names_stack_end(unsigned end)
{
	static const char *const keys[] = {
		[GOIDSHIM_STACK_NONE] = "none",
		[GOIDSHIM_STACK_GOEXIT] = "goexit",
		[GOIDSHIM_STACK_THREAD] = "thread",
		[GOIDSHIM_STACK_SCHED] = "sched",
		[GOIDSHIM_STACK_DEPTH] = "depth",
		[GOIDSHIM_STACK_NO_CFI] = "no_cfi",
		[GOIDSHIM_STACK_NO_MODULE] = "no_module",
		[GOIDSHIM_STACK_EXPRESSION] = "expression",
		[GOIDSHIM_STACK_FAULT] = "fault",
		[GOIDSHIM_STACK_STUCK] = "stuck",
		[GOIDSHIM_STACK_NO_FUNCTION] = "no_function",
		[GOIDSHIM_STACK_CROSSING] = "crossing",
		[GOIDSHIM_STACK_POINTERS] = "frame_pointers",
	};

	return pick(keys, COUNT(keys), end);
}

const char *names_alloc_kind(unsigned kind)
{
	static const char *const keys[] = {
		[GOIDSHIM_ALLOC_MALLOC] = "malloc",   [GOIDSHIM_ALLOC_CALLOC] = "calloc",
		[GOIDSHIM_ALLOC_REALLOC] = "realloc", [GOIDSHIM_ALLOC_ALIGNED] = "aligned",
		[GOIDSHIM_ALLOC_NEW] = "new",	      [GOIDSHIM_ALLOC_MAP] = "map",
	};

	return pick(keys, COUNT(keys), kind);
}

const char *names_lock_kind(unsigned kind)
{
	static const char *const keys[] = {
		[GOIDSHIM_LOCK_MUTEX] = "mutex", [GOIDSHIM_LOCK_READ] = "read",
		[GOIDSHIM_LOCK_WRITE] = "write", [GOIDSHIM_LOCK_SPIN] = "spin",
		[GOIDSHIM_LOCK_COND] = "cond",
	};

	return pick(keys, COUNT(keys), kind);
}

const char *names_explain_trigger(unsigned trigger)
{
	static const char *const words[] = {
		[GOIDSHIM_TRIGGER_NONE] = "none",
		[GOIDSHIM_TRIGGER_SIGTRAP] = "one perf event for all threads, by SIGTRAP",
		[GOIDSHIM_TRIGGER_PERF] = "a perf event for each thread, by SIGRTMIN",
		[GOIDSHIM_TRIGGER_TIMER] = "a CPU timer for each thread, by SIGRTMIN",
		[GOIDSHIM_TRIGGER_BPF] = "the kernel, by a BPF program",
	};

	return pick(words, COUNT(words), trigger);
}

const char *names_explain_lost(unsigned lost)
{
	static const char *const words[] = {
		[GOIDSHIM_LOST_OVERWRITTEN] =
			"overwritten by newer ones (GOIDSHIM_RING_SIZE sets how many fit)",
		[GOIDSHIM_LOST_FULL] = "came when the ring was full, in GOIDSHIM_RING_MODE=drop",
		[GOIDSHIM_LOST_NO_BLOCK] =
			"found every block in use by some thread (enlarge GOIDSHIM_RING_SIZE)",
		[GOIDSHIM_LOST_NO_LANE] = "of more threads at once than the ring has lanes",
		[GOIDSHIM_LOST_FOREIGN_THREAD] =
			"of threads whose FS base is not the C library's",
		[GOIDSHIM_LOST_NESTED] = "came while another record was being written",
		[GOIDSHIM_LOST_NO_TRIGGER] = "threads that could not be given a trigger",
		[GOIDSHIM_LOST_BUFFER] = "the kernel's buffer was full: the sampler came too late",
		[GOIDSHIM_LOST_LIVE] = "pieces of memory that could not be followed to their free "
				       "(raise GOIDSHIM_HEAP_INTERVAL)",
	};

	return pick(words, COUNT(words), lost);
}

/* What a thread without a goroutine did; for UNREADABLE and NONE the reason says more. */
static const char *explain_class(unsigned class_)
{
	static const char *const words[] = {
		[GOIDSHIM_CLASS_SCHED] = "Go's scheduler, between goroutines",
		[GOIDSHIM_CLASS_IDLE] = "C code of a Go thread that runs no goroutine",
		[GOIDSHIM_CLASS_C_THREAD] = "C threads that are not in Go",
		[GOIDSHIM_CLASS_EXTRA_M] = "C threads between callbacks into Go",
		[GOIDSHIM_CLASS_EXITING] = "the end of a goroutine that has finished",
		[GOIDSHIM_CLASS_SIGNAL] = "Go's signal handler",
	};

	return class_ < COUNT(words) ? words[class_] : NULL;
}

static const char *explain_reason(unsigned reason)
{
	static const char *const words[] = {
		[GOIDSHIM_REASON_NO_FSBASE] = "the FS base could not be read",
		[GOIDSHIM_REASON_FOREIGN_FSBASE] = "the FS base was not the C library's",
		[GOIDSHIM_REASON_NO_GO] = "no Go runtime was known yet",
		[GOIDSHIM_REASON_TLS_FAULT] = "the thread's TLS slot for g could not be read",
		[GOIDSHIM_REASON_G_FAULT] = "g could not be read",
		[GOIDSHIM_REASON_M_FAULT] = "m could not be read",
		[GOIDSHIM_REASON_CURG_FAULT] = "the goroutine (curg) could not be read",
		[GOIDSHIM_REASON_M_MISMATCH] = "g, m and g0 did not point at each other",
		[GOIDSHIM_REASON_CURG_MISMATCH] = "the goroutine (curg) belonged to another m",
		[GOIDSHIM_REASON_GOID_ZERO] = "the goroutine (curg) had no goid",
	};

	return reason < COUNT(words) && words[reason] ? words[reason]
						      : "of a kind that this goidshim-dump does not know";
}

const char *names_explain_unattributed(unsigned class_, unsigned reason)
{
	const char *words = explain_class(class_);

	return words ? words : explain_reason(reason);
}

const char *names_explain_problem(enum reader_problem problem)
{
	static const char *const words[] = {
		[READER_LANES_MISSING] = "lanes beyond the end of the file",
		[READER_NOTES_MISSING] = "notes cut off by the end of the file",
		[READER_NOTES_BAD] = "notes that make no sense",
		[READER_BLOCKS_MISSING] = "blocks beyond the end of the file",
		[READER_BLOCK_HEADER] = "blocks whose header makes no sense",
		[READER_BLOCK_CUT] = "blocks cut off by the end of the file",
		[READER_RECORD_SIZE] = "blocks with a record whose size makes no sense",
		[READER_RECORD_FIELDS] = "records whose contents make no sense",
	};

	return pick(words, COUNT(words), problem);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gopclntab: what Go's own function table says about a pc: function, file,
 * line, inlined calls, and how far the stack pointer has moved (the SP delta).
 *
 * Read-only, on tables that gobinary has found and bounded. Every index and
 * offset read from a table is checked against its bounds before use, so a
 * hostile file gives an error or a wrong name, never a wild load. The tables of a
 * loaded object stay mapped (Go objects are never unloaded).
 *
 * Signal-safe: yes, all of it.
 *
 * A pc is a run-time address. For a caller's frame pass the return address - 1
 * to find, line and inlining, but the return address itself to sp_delta; for
 * an interrupted frame, and for the caller of runtime.asyncPreempt,
 * runtime.sigpanic and runtime.debugCall*, pass the exact pc to all.
 */
#ifndef PROBE_GOPCLNTAB_SIG_H
#define PROBE_GOPCLNTAB_SIG_H

#include <linux/types.h>
#include <stdbool.h>

/* A table as bytes: `size` of them are readable at `bytes`. */
struct gopclntab_bytes {
	const __u8 *bytes;
	__u64 size;
};

/* Prepared by gobinary_find. */
struct gopclntab {
	__u64 text;			/* run-time address that entry offsets count from */
	__u64 etext;			/* one past the last pc */
	__u64 min_pc;			/* where findfunctab's first bucket begins */
	__u32 func_count;
	bool has_start_line;		/* Go 1.20 and later: longer records */
	struct gopclntab_bytes funcnames;	/* the last byte is NUL */
	struct gopclntab_bytes cutab;
	struct gopclntab_bytes filetab;	/* the last byte is NUL */
	struct gopclntab_bytes pctab;
	struct gopclntab_bytes functab;	/* index of (entry, record offset), then the records */
	struct gopclntab_bytes buckets;	/* findfunctab; size 0: binary search is used */
	struct gopclntab_bytes funcdata;	/* what FUNCDATA offsets count from */
};

/* One function, decoded. */
struct gopclntab_function {
	__u64 entry;			/* [entry, end) */
	__u64 end;
	const char *name;		/* NUL-terminated, inside the table; "?" if damaged */
	__s32 start_line;		/* 0 before Go 1.20 */
	__u8 func_id;			/* internal/abi FuncID: its values differ between versions */
	__u8 flags;			/* internal/abi FuncFlag */
	__u32 record;			/* offset of the record in functab; for this module */
};

/* One logical frame of a pc: the function itself, or a call inlined into it. */
struct gopclntab_frame {
	const char *name;
	const char *file;		/* NUL-terminated; "?" if unknown */
	__s32 line;			/* 0 if unknown */
	__s32 start_line;		/* 0 before Go 1.20 */
	__u8 func_id;
	bool is_inlined;
};

/* Walks the logical frames of one pc, innermost first. */
struct gopclntab_frames {
	const struct gopclntab *tab;
	const struct gopclntab_function *function;
	__u64 pc;			/* pc of the next frame; 0 at the end */
	unsigned depth;
};

/* One run of a pc-value table: `value` holds for [start, end). */
struct gopclntab_range {
	__u64 start;
	__u64 end;
	__s32 value;
};

/* Walks the runs of one pc-value table of one function. */
struct gopclntab_ranges {
	const struct gopclntab *tab;
	const __u8 *next;		/* NULL at the end */
	__u64 pc;
	__s32 value;
	bool is_first;
};

/* The pc-value tables every function has. */
enum gopclntab_table { GOPCLNTAB_SP, GOPCLNTAB_FILE, GOPCLNTAB_LINE };

/*
 * gopclntab_find - the function that contains pc
 *
 * Returns 0, -ENOENT if pc is not Go code of this object, -EBADMSG if the table
 * is damaged there.
 */
int gopclntab_find(const struct gopclntab *tab, __u64 pc, struct gopclntab_function *ret);

/* The index-th function in address order. Returns 0, -ENOENT or -EBADMSG. */
int gopclntab_function(const struct gopclntab *tab, __u32 index, struct gopclntab_function *ret);

/*
 * gopclntab_sp_delta - bytes from SP to the frame's return address at pc
 *
 * CFA = SP + delta + 8, and the return address is at SP + delta. Returns 0,
 * -ENODATA if the function has no SP table there, -EBADMSG if it is damaged.
 */
int gopclntab_sp_delta(const struct gopclntab *tab, const struct gopclntab_function *function,
		       __u64 pc, __s32 *ret);

/* Begin walking the logical frames of pc, which must lie in function. */
void gopclntab_frames_begin(const struct gopclntab *tab, const struct gopclntab_function *function,
			    __u64 pc, struct gopclntab_frames *ret);

/* The next logical frame. Returns false after the function itself (the last). */
bool gopclntab_frames_next(struct gopclntab_frames *frames, struct gopclntab_frame *ret);

/*
 * gopclntab_check_inlining - can the function's first inlined call be read?
 *
 * For whoever looks for funcdata's base. Returns 0, -ENODATA if nothing is
 * inlined into the function, -EBADMSG if what is there makes no sense.
 */
int gopclntab_check_inlining(const struct gopclntab *tab,
			     const struct gopclntab_function *function);

/* Begin walking the runs of one pc-value table of function. */
void gopclntab_ranges_begin(const struct gopclntab *tab, const struct gopclntab_function *function,
			    enum gopclntab_table table, struct gopclntab_ranges *ret);

/* The next run. Returns false at the end of the table, or where it is damaged. */
bool gopclntab_ranges_next(struct gopclntab_ranges *ranges, struct gopclntab_range *ret);

#endif

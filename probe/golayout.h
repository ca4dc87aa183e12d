/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * golayout: where g is in thread-local storage, and where the fields are in g
 * and m. The only module that knows the layout of Go's runtime structures.
 *
 * Two independent witnesses: a table by Go version, and the instructions of the
 * binary's own runtime. Where both speak and agree, fine. Where they disagree,
 * or the version is not in the table, the machine code wins, and what it cannot
 * prove is GOIDSHIM_NO_OFFSET. Without the fields that lead to the goid the
 * layout is refused. Nothing is guessed.
 *
 * Ordinary code; allocates nothing; safe on hostile input.
 */
#ifndef PROBE_GOLAYOUT_H
#define PROBE_GOLAYOUT_H

#include "goidshim/goid.h"
#include "probe/gobinary.h"

/* Every resolved value. The struct offsets are in the order of struct goidshim_golayout. */
enum golayout_field {
	GOLAYOUT_TLS_OFFSET,
	GOLAYOUT_G_STACK_LO,
	GOLAYOUT_G_STACK_HI,
	GOLAYOUT_G_M,
	GOLAYOUT_G_SCHED_SP,
	GOLAYOUT_G_SCHED_PC,
	GOLAYOUT_G_SCHED_BP,
	GOLAYOUT_G_ATOMICSTATUS,
	GOLAYOUT_G_GOID,
	GOLAYOUT_G_PARENT_GOID,
	GOLAYOUT_G_GOPC,
	GOLAYOUT_G_STARTPC,
	GOLAYOUT_G_LABELS,
	GOLAYOUT_M_G0,
	GOLAYOUT_M_GSIGNAL,
	GOLAYOUT_M_CURG,
	GOLAYOUT_M_ISEXTRA,
	GOLAYOUT_M_IS_EXTRA_IN_C,
	GOLAYOUT_M_VDSO_SP,
	GOLAYOUT_M_VDSO_PC,
	GOLAYOUT_M_NCGO,
	GOLAYOUT_FIELD_COUNT
};

/* Where the used value comes from. */
enum golayout_origin {
	GOLAYOUT_ORIGIN_NONE,	/* not known: GOIDSHIM_NO_OFFSET, or this version has no such field */
	GOLAYOUT_ORIGIN_TABLE,	/* the version table alone */
	GOLAYOUT_ORIGIN_CODE,	/* machine code alone, or against the table */
	GOLAYOUT_ORIGIN_BOTH,	/* both, and they agree */
};

/* What each witness says of one field. */
struct golayout_entry {
	bool in_table;		/* `table` holds a value */
	bool in_code;		/* `code` holds a value */
	bool is_used;		/* `used` holds a value */
	enum golayout_origin origin;
	__s64 table;
	__s64 code;
	__s64 used;
};

struct golayout_report {
	struct golayout_entry fields[GOLAYOUT_FIELD_COUNT];
	unsigned disagreements;		/* fields on which table and code differ */
	bool version_in_table;
	bool tls_from_got;		/* TLS offset is in a GOT slot: known at run time only */
	const char *refusal;		/* static text, why -ENOTSUP; NULL otherwise */
};

/*
 * golayout_resolve - the layout of one Go object
 *
 * For a file whose TLS offset only the dynamic linker can know (c-shared),
 * tls_from_got is set, tls_offset is 0 and the rest is valid.
 *
 * Returns 0, or -ENOTSUP with ret_report->refusal; ret_report is always filled,
 * ret_layout only on success.
 */
int golayout_resolve(const struct gobinary *binary, struct goidshim_golayout *ret_layout,
		     struct golayout_report *ret_report);

/* "tls_offset", "g.goid", "m.vdsoSP", ...: Go's own spelling. */
const char *golayout_field_name(enum golayout_field field);

/* Where the table's row for this minor version was read; NULL if there is no row. */
const char *golayout_table_source(unsigned minor);

/* "table", "machine code", "both", "none". */
const char *golayout_origin_name(enum golayout_origin origin);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The layout of Go's g and m: a table by version, the machine code's own word,
 * and the judgement over both.
 */
#include "probe/golayout.h"

#include <errno.h>
#include <string.h>

#include "probe/gocode.h"

#define FIRST_FIELD	GOLAYOUT_G_STACK_LO	/* the first that is an offset in a struct */
#define OFFSET_COUNT	(GOLAYOUT_FIELD_COUNT - FIRST_FIELD)
#define NO		GOIDSHIM_NO_OFFSET	/* this version has no such field */
#define MAX_OFFSET	8192

/*
 * One row per minor version; patch releases do not change it. Each was read from
 * the source at the row's tag, and all but 1.20's were seen to agree with the
 * DWARF of programs built by that version.
 */
struct table_row {
	unsigned minor;
	const char *source;
	__u16 offsets[OFFSET_COUNT];
};

#define RUNTIME2(tag) "https://github.com/golang/go/blob/" tag "/src/runtime/runtime2.go"

static const struct table_row table[] = {
	/*
	 * g: stack.lo .hi m sched.sp .pc .bp atomicstatus goid parentGoid gopc startpc labels
	 * m: g0 gsignal curg isextra isExtraInC vdsoSP vdsoPC ncgo
	 */
	{ 19, RUNTIME2("go1.19.8"),
	  { 0, 8, 48, 56, 64, 104, 144, 152, NO, 296, 312, 360,
	    0, 80, 192, NO, NO, 800, 808, 312 } },
	{ 20, RUNTIME2("go1.20.6"),
	  { 0, 8, 48, 56, 64, 104, 144, 152, NO, 296, 312, 360,
	    0, 80, 192, 281, NO, 800, 808, 312 } },
	{ 21, RUNTIME2("go1.21.13"),
	  { 0, 8, 48, 56, 64, 104, 144, 152, 272, 280, 296, 344,
	    0, 80, 192, 281, 282, 808, 816, 312 } },
	{ 22, RUNTIME2("go1.22.12"),
	  { 0, 8, 48, 56, 64, 104, 144, 152, 272, 280, 296, 344,
	    0, 80, 192, 281, 282, 1120, 1128, 304 } },
	{ 23, RUNTIME2("go1.23.5"),
	  { 0, 8, 48, 56, 64, 104, 152, 160, 280, 288, 304, 352,
	    0, 80, 192, 281, 282, 856, 864, 304 } },
	{ 24, RUNTIME2("go1.24.4"),
	  { 0, 8, 48, 56, 64, 104, 152, 160, 280, 288, 304, 352,
	    0, 80, 192, 281, 282, 880, 888, 304 } },
	{ 25, RUNTIME2("go1.25.12"),
	  { 0, 8, 48, 56, 64, 96, 144, 152, 272, 280, 296, 344,
	    0, 72, 184, 273, 274, 896, 904, 320 } },
	{ 26, RUNTIME2("go1.26.10"),
	  { 0, 8, 48, 56, 64, 96, 144, 152, 280, 288, 304, 352,
	    0, 72, 184, 281, 282, 896, 904, 328 } },
	{ 27, RUNTIME2("go1.27.3"),
	  { 0, 8, 48, 56, 64, 96, 144, 152, 280, 288, 304, 352,
	    0, 72, 184, 281, 282, 896, 904, 328 } },
};

static const char *const field_names[GOLAYOUT_FIELD_COUNT] = {
	[GOLAYOUT_TLS_OFFSET] = "tls_offset",
	[GOLAYOUT_G_STACK_LO] = "g.stack.lo",
	[GOLAYOUT_G_STACK_HI] = "g.stack.hi",
	[GOLAYOUT_G_M] = "g.m",
	[GOLAYOUT_G_SCHED_SP] = "g.sched.sp",
	[GOLAYOUT_G_SCHED_PC] = "g.sched.pc",
	[GOLAYOUT_G_SCHED_BP] = "g.sched.bp",
	[GOLAYOUT_G_ATOMICSTATUS] = "g.atomicstatus",
	[GOLAYOUT_G_GOID] = "g.goid",
	[GOLAYOUT_G_PARENT_GOID] = "g.parentGoid",
	[GOLAYOUT_G_GOPC] = "g.gopc",
	[GOLAYOUT_G_STARTPC] = "g.startpc",
	[GOLAYOUT_G_LABELS] = "g.labels",
	[GOLAYOUT_M_G0] = "m.g0",
	[GOLAYOUT_M_GSIGNAL] = "m.gsignal",
	[GOLAYOUT_M_CURG] = "m.curg",
	[GOLAYOUT_M_ISEXTRA] = "m.isextra",
	[GOLAYOUT_M_IS_EXTRA_IN_C] = "m.isExtraInC",
	[GOLAYOUT_M_VDSO_SP] = "m.vdsoSP",
	[GOLAYOUT_M_VDSO_PC] = "m.vdsoPC",
	[GOLAYOUT_M_NCGO] = "m.ncgo",
};

/* The functions whose machine code is read. */
enum code_function {
	ASMCGOCALL,
	MCALL,
	SYSTEMSTACK,
	RT0_GO,
	NANOTIME1,
	CHECKDEAD,
	NEWPROC1,
	IS_SYSTEM_GOROUTINE,
	CGOCALL,
	CGOCALLBACKG,
	CODE_FUNCTION_COUNT
};

static const char *const function_names[CODE_FUNCTION_COUNT] = {
	[ASMCGOCALL] = "runtime.asmcgocall",
	[MCALL] = "runtime.mcall",
	[SYSTEMSTACK] = "runtime.systemstack",
	[RT0_GO] = "runtime.rt0_go",
	[NANOTIME1] = "runtime.nanotime1",
	[CHECKDEAD] = "runtime.checkdead.func1",
	[NEWPROC1] = "runtime.newproc1",
	[IS_SYSTEM_GOROUTINE] = "runtime.isSystemGoroutine",
	[CGOCALL] = "runtime.cgocall",
	[CGOCALLBACKG] = "runtime.cgocallbackg",
};

/*
 * A clue: instructions whose operands are offsets of these fields, in order.
 * Fields that an earlier clue has settled must have their settled values, so the
 * order matters: hand-written assembly first, compiled code after.
 */
struct clue {
	enum code_function function;
	const char *pattern;
	enum golayout_field fields[GOCODE_MAX_VALUES];	/* TLS_OFFSET ends the list */
};

static const struct clue clues[] = {
	/* if g == g.m.gsignal || g == g.m.g0 { goto nosave } */
	{ ASMCGOCALL, "4c 8b 47 <1>  49 8b 70 <1>  48 39 f7  74 ..  49 8b 30 <0>  48 39 f7",
	  { GOLAYOUT_G_M, GOLAYOUT_M_GSIGNAL, GOLAYOUT_M_G0 } },
	/* SP = g0.sched.sp; make room and align */
	{ ASMCGOCALL, "48 8b 66 <1>  48 83 ec ..  48 83 e4 f0", { GOLAYOUT_G_SCHED_SP } },
	/* depth = g.stack.hi - SP */
	{ ASMCGOCALL, "48 8b 7f <1>  48 29 d7", { GOLAYOUT_G_STACK_HI } },
	/* the first g0: stack.lo = BX, stack.hi = SP */
	{ RT0_GO, "48 89 5f ..  48 89 5f ..  48 89 1f <0>  48 89 67 <1>",
	  { GOLAYOUT_G_STACK_LO, GOLAYOUT_G_STACK_HI } },
	/* save pc, sp and the caller's bp; then m = g.m (bp is saved directly in 1.19 and 1.20) */
	{ MCALL, "49 89 5e <1>  48 8d 5c 24 ..  49 89 5e <1>  48 8b 5d ..  49 89 5e <1>  49 8b 5e",
	  { GOLAYOUT_G_SCHED_PC, GOLAYOUT_G_SCHED_SP, GOLAYOUT_G_SCHED_BP } },
	{ MCALL, "49 89 5e <1>  48 8d 5c 24 ..  49 89 5e <1>  49 89 6e <1>  49 8b 5e",
	  { GOLAYOUT_G_SCHED_PC, GOLAYOUT_G_SCHED_SP, GOLAYOUT_G_SCHED_BP } },
	/* if g != m.curg { goto bad } */
	{ SYSTEMSTACK, "48 3b 83 <4>  75", { GOLAYOUT_M_CURG } },
	/* m.vdsoPC = CX, m.vdsoSP = DX */
	{ NANOTIME1, "48 89 8b <4>  48 89 93 <4>", { GOLAYOUT_M_VDSO_PC, GOLAYOUT_M_VDSO_SP } },
	/* s := readgstatus(gp) */
	{ CHECKDEAD, "48 8b 44 24 ..  8b 88 <4>  89 ca", { GOLAYOUT_G_ATOMICSTATUS } },
	/* print(gp.goid) */
	{ CHECKDEAD, "48 8b 80 <4>  48 89 44 24", { GOLAYOUT_G_GOID } },
	/* newg.parentGoid = callergp.goid; newg.gopc = callerpc (1.21 and later) */
	{ NEWPROC1, "48 8b 88 <4>  48 8b 54 24 ..  48 89 8a <4>  48 8b 4c 24 ..  48 89 8a <4>",
	  { GOLAYOUT_G_GOID, GOLAYOUT_G_PARENT_GOID, GOLAYOUT_G_GOPC } },
	/* newg.gopc = callerpc; saveAncestors(callergp) (to 1.20) */
	{ NEWPROC1, "48 8b 4c 24 ..  48 8b 54 24 ..  48 89 8a <4>  48 8b 44 24 ..  e8",
	  { GOLAYOUT_G_GOPC } },
	/* if mp.curg != nil { newg.labels = mp.curg.labels } */
	{ NEWPROC1, "4. 8b .. <4>  4. 85 ..  74 ..  4. 8b .. <4>",
	  { GOLAYOUT_M_CURG, GOLAYOUT_G_LABELS } },
	/* f := findfunc(gp.startpc) */
	{ IS_SYSTEM_GOROUTINE, "48 8b 80 <4>", { GOLAYOUT_G_STARTPC } },
	/* mp.incgo = false; mp.ncgo-- */
	{ CGOCALL, "c6 8. .. .. .. .. 00  ff 8. <4>", { GOLAYOUT_M_NCGO } },
	/* if gp.m.isextra { gp.m.isExtraInC = false } (1.21 and later) */
	{ CGOCALLBACKG, "80 b. <4> 00  74 ..  c6 8. <4> 00",
	  { GOLAYOUT_M_ISEXTRA, GOLAYOUT_M_IS_EXTRA_IN_C } },
};

/* How g's TLS slot is addressed. */
enum tls_form { TLS_DISPLACEMENT, TLS_IMMEDIATE, TLS_GOT };

static const struct {
	const char *pattern;
	enum tls_form form;
} tls_forms[] = {
	/* mov %fs:disp32,%reg and back: executables */
	{ "64 4. 8. .4 25 <4>", TLS_DISPLACEMENT },
	{ "64 4. 8. .c 25 <4>", TLS_DISPLACEMENT },
	/* mov $imm32,%reg; mov %fs:(%reg),..: position-independent executables */
	{ "4. c7 c. <4> 64 4. 8.", TLS_IMMEDIATE },
	/* mov slot(%rip),%reg; mov %fs:(%reg),..: shared libraries */
	{ "4. 8b .5 <4> 64 4. 8.", TLS_GOT },
	{ "4. 8b .d <4> 64 4. 8.", TLS_GOT },
};

#define GOT_LOAD_SIZE 7		/* of the instruction that loads from the GOT */

static const struct table_row *find_row(unsigned minor)
{
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (table[i].minor == minor)
			return &table[i];
	}
	return NULL;
}

static unsigned field_alignment(enum golayout_field field)
{
	if (field == GOLAYOUT_M_ISEXTRA || field == GOLAYOUT_M_IS_EXTRA_IN_C)
		return 1;
	return field == GOLAYOUT_G_ATOMICSTATUS || field == GOLAYOUT_M_NCGO ? 4 : 8;
}

/* Is the value possible for the field, and the one already settled if there is one? */
static bool is_plausible(const struct golayout_entry *entry, enum golayout_field field, __s32 value)
{
	if (entry->in_code)
		return entry->code == value;
	return value >= 0 && value < MAX_OFFSET && value % (__s32)field_alignment(field) == 0;
}

static bool clue_fits(const struct clue *clue, const __s32 *values,
		      const struct golayout_report *report)
{
	for (unsigned i = 0; i < GOCODE_MAX_VALUES && clue->fields[i]; i++) {
		enum golayout_field field = clue->fields[i];

		if (!is_plausible(&report->fields[field], field, values[i]))
			return false;
	}
	return true;
}

/* The first place in the function where the clue fits settles its fields. */
static void follow_clue(const struct clue *clue, const struct gocode *code,
			struct golayout_report *report)
{
	__s32 values[GOCODE_MAX_VALUES];
	__s64 at = -1;

	do {
		at = gocode_search(code, clue->pattern, (__u64)(at + 1), values);
		if (at < 0)
			return;
	} while (!clue_fits(clue, values, report));
	for (unsigned i = 0; i < GOCODE_MAX_VALUES && clue->fields[i]; i++) {
		report->fields[clue->fields[i]].in_code = true;
		report->fields[clue->fields[i]].code = values[i];
	}
}

static int read_got(const struct gobinary *binary, __u64 slot, struct golayout_report *report,
		    __s64 *ret)
{
	__u64 value;

	report->tls_from_got = true;
	if (goimage_read_u64(binary->image, slot, &value))
		return -EFAULT;
	*ret = (__s64)value;
	return binary->image->is_live ? 0 : -ENODATA;
}

/* The TLS offset of g as one function uses it. -ENODATA: only the dynamic linker knows it. */
static int read_tls_offset(const struct gobinary *binary, const struct gobinary_function *function,
			   struct golayout_report *report, __s64 *ret)
{
	__s32 values[GOCODE_MAX_VALUES];
	struct gocode code;

	if (gobinary_code(binary, function, &code))
		return -ENOENT;
	for (unsigned i = 0; i < sizeof(tls_forms) / sizeof(tls_forms[0]); i++) {
		__s64 at = gocode_search(&code, tls_forms[i].pattern, 0, values);

		if (at < 0)
			continue;
		*ret = values[0];
		if (tls_forms[i].form != TLS_GOT)
			return 0;
		return read_got(binary, function->entry + (__u64)at + GOT_LOAD_SIZE +
					(__u64)(__s64)values[0], report, ret);
	}
	return -ENOENT;
}

/* An executable's TLS block ends at the FS base, so g is inside it. */
static bool tls_is_plausible(const struct goimage *image, __s64 offset)
{
	__u64 align = image->tls_align ? image->tls_align : 1;
	__u64 size = (image->tls_mem_size + align - 1) / align * align;

	if (offset % 8 != 0 || offset > -8 || offset < -(1 << 30))
		return false;
	return !image->is_executable || size == 0 || (__u64)-offset <= size;
}

static void resolve_tls(const struct gobinary *binary, const struct gobinary_function *functions,
			struct golayout_report *report)
{
	struct golayout_entry *entry = &report->fields[GOLAYOUT_TLS_OFFSET];
	__s64 first, second;

	if (read_tls_offset(binary, &functions[ASMCGOCALL], report, &first) ||
	    read_tls_offset(binary, &functions[MCALL], report, &second))
		return;
	if (first != second || !tls_is_plausible(binary->image, first))
		return;
	entry->in_code = true;
	entry->code = first;
}

static void ask_code(const struct gobinary *binary, struct golayout_report *report)
{
	struct gobinary_function functions[CODE_FUNCTION_COUNT];
	struct gocode code;

	for (unsigned i = 0; i < CODE_FUNCTION_COUNT; i++)
		functions[i].name = function_names[i];
	gobinary_lookup(binary, functions, CODE_FUNCTION_COUNT);
	for (unsigned i = 0; i < sizeof(clues) / sizeof(clues[0]); i++) {
		if (!gobinary_code(binary, &functions[clues[i].function], &code))
			follow_clue(&clues[i], &code, report);
	}
	resolve_tls(binary, functions, report);
}

static void ask_table(unsigned minor, struct golayout_report *report)
{
	const struct table_row *row = find_row(minor);

	report->version_in_table = row != NULL;
	for (unsigned i = 0; row && i < OFFSET_COUNT; i++) {
		struct golayout_entry *entry = &report->fields[FIRST_FIELD + i];

		entry->in_table = row->offsets[i] != NO;
		entry->table = row->offsets[i];
	}
}

/* Does the machine code contradict the table, be it about a field that should not exist? */
static bool disagrees(const struct golayout_report *report, enum golayout_field field)
{
	const struct golayout_entry *entry = &report->fields[field];

	if (field < FIRST_FIELD || !report->version_in_table || !entry->in_code)
		return false;
	return !entry->in_table || entry->table != entry->code;
}

static void judge_field(struct golayout_entry *entry, bool table_is_trusted)
{
	if (entry->in_code) {
		bool agree = entry->in_table && entry->table == entry->code;

		entry->origin = agree ? GOLAYOUT_ORIGIN_BOTH : GOLAYOUT_ORIGIN_CODE;
		entry->used = entry->code;
		entry->is_used = true;
	} else if (entry->in_table && table_is_trusted) {
		entry->origin = GOLAYOUT_ORIGIN_TABLE;
		entry->used = entry->table;
		entry->is_used = true;
	}
}

/* A table that is wrong about one field is believed in none. */
static void judge(struct golayout_report *report)
{
	for (unsigned i = 0; i < GOLAYOUT_FIELD_COUNT; i++)
		report->disagreements += disagrees(report, i);
	for (unsigned i = 0; i < GOLAYOUT_FIELD_COUNT; i++)
		judge_field(&report->fields[i], report->disagreements == 0);
}

/* The fields without which no goid can be read and believed. */
static const struct {
	enum golayout_field field;
	const char *refusal;
} required[] = {
	{ GOLAYOUT_G_M, "the offset of g.m is not known" },
	{ GOLAYOUT_G_GOID, "the offset of g.goid is not known" },
	{ GOLAYOUT_G_ATOMICSTATUS, "the offset of g.atomicstatus is not known" },
	{ GOLAYOUT_G_STACK_LO, "the offset of g.stack is not known" },
	{ GOLAYOUT_G_STACK_HI, "the offset of g.stack is not known" },
	{ GOLAYOUT_G_SCHED_SP, "the offset of g.sched.sp is not known" },
	{ GOLAYOUT_M_G0, "the offset of m.g0 is not known" },
	{ GOLAYOUT_M_GSIGNAL, "the offset of m.gsignal is not known" },
	{ GOLAYOUT_M_CURG, "the offset of m.curg is not known" },
};

static const char *find_refusal(const struct gobinary *binary, const struct golayout_report *report)
{
	for (unsigned i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
		if (!report->fields[required[i].field].is_used)
			return required[i].refusal;
	}
	if (report->fields[GOLAYOUT_TLS_OFFSET].is_used)
		return NULL;
	if (report->tls_from_got && !binary->image->is_live)
		return NULL;
	return "where g is in thread-local storage could not be read from the machine code";
}

/*
 * Where Go code begins. Go's own linker (-linkmode=internal) puts the C objects
 * in front, inside [text, etext) and into the function table; but C code has no
 * table of SP deltas, and every Go function has one.
 */
static __u64 first_go_function(const struct gobinary *binary)
{
	struct gopclntab_function f;
	__s32 delta;

	for (__u32 i = 0; gopclntab_function(&binary->functions, i, &f) == 0; i++)
		if (gopclntab_sp_delta(&binary->functions, &f, f.entry, &delta) != -ENODATA)
			return f.entry;
	return binary->text;
}

static void fill_layout(const struct gobinary *binary, const struct golayout_report *report,
			struct goidshim_golayout *ret)
{
	__u16 offsets[OFFSET_COUNT];

	_Static_assert(offsetof(struct goidshim_golayout, m_ncgo) -
			       offsetof(struct goidshim_golayout, g_stack_lo) ==
			       sizeof(offsets) - sizeof(offsets[0]),
		       "enum golayout_field follows struct goidshim_golayout");
	memset(ret, 0, sizeof(*ret));
	ret->tls_offset = report->fields[GOLAYOUT_TLS_OFFSET].used;
	ret->text = first_go_function(binary);
	ret->etext = binary->etext;
	ret->go_minor = (__u16)binary->minor;
	for (unsigned i = 0; i < OFFSET_COUNT; i++) {
		const struct golayout_entry *entry = &report->fields[FIRST_FIELD + i];

		offsets[i] = entry->is_used ? (__u16)entry->used : NO;
		ret->fields_proved += entry->in_code;
	}
	memcpy((char *)ret + offsetof(struct goidshim_golayout, g_stack_lo), offsets,
	       sizeof(offsets));
}

int golayout_resolve(const struct gobinary *binary, struct goidshim_golayout *ret_layout,
		     struct golayout_report *ret_report)
{
	memset(ret_report, 0, sizeof(*ret_report));
	ask_table(binary->minor, ret_report);
	ask_code(binary, ret_report);
	judge(ret_report);
	ret_report->refusal = find_refusal(binary, ret_report);
	if (ret_report->refusal)
		return -ENOTSUP;
	fill_layout(binary, ret_report, ret_layout);
	return 0;
}

const char *golayout_field_name(enum golayout_field field)
{
	return (unsigned)field < GOLAYOUT_FIELD_COUNT ? field_names[field] : "?";
}

const char *golayout_table_source(unsigned minor)
{
	const struct table_row *row = find_row(minor);

	return row ? row->source : NULL;
}

const char *golayout_origin_name(enum golayout_origin origin)
{
	switch (origin) {
	case GOLAYOUT_ORIGIN_TABLE:
		return "table";
	case GOLAYOUT_ORIGIN_CODE:
		return "machine code";
	case GOLAYOUT_ORIGIN_BOTH:
		return "both";
	default:
		return "none";
	}
}

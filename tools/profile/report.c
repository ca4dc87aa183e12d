/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/profile/report.h"

#include <stdio.h>
#include <string.h>

#include "probe/golayout.h"
#include "tools/print/printable.h"
#include "tools/ring/target.h"

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static void name_function(struct symbolizer *symbolizer, __u64 start_pc, __u64 go_pc,
			  struct report_goroutine *ret)
{
	struct symbol symbol;

	if (start_pc == 0) {
		ret->kind = go_pc == 0 ? REPORT_CALLBACK : REPORT_ORDINARY;
	} else if (symbolizer_start(symbolizer, start_pc, &symbol) < 0) {
		snprintf(ret->function, sizeof(ret->function), "0x%llx", start_pc);
	} else if (strcmp(symbol.function, "runtime.main") == 0) {
		ret->kind = REPORT_MAIN;
		strcpy(ret->function, "main.main");
	} else {
		printable_copy(ret->function, sizeof(ret->function), symbol.function);
		if (starts_with(ret->function, "runtime."))
			ret->kind = REPORT_SYSTEM;
	}
}

static void name_creation(struct symbolizer *symbolizer, __u64 go_pc, struct report_goroutine *ret)
{
	struct symbol symbol;
	char file[360];

	/* The main goroutine is made by assembly: nobody wrote a go statement. */
	if (go_pc == 0 || ret->kind == REPORT_MAIN)
		return;
	if (symbolizer_go(symbolizer, go_pc - 1, &symbol) < 0 || !symbol.file)
		snprintf(ret->created_at, sizeof(ret->created_at), "0x%llx", go_pc);
	else
		snprintf(ret->created_at, sizeof(ret->created_at), "%s:%u",
			 printable_copy(file, sizeof(file), symbol.file), symbol.line);
}

void report_goroutine(struct symbolizer *symbolizer, __u64 start_pc, __u64 go_pc,
		      struct report_goroutine *ret)
{
	*ret = (struct report_goroutine){ .kind = REPORT_ORDINARY };
	name_function(symbolizer, start_pc, go_pc, ret);
	name_creation(symbolizer, go_pc, ret);
}

double report_rate_hz(const struct reader_totals *totals)
{
	if (totals->rate_cpu_ns == 0)
		return 0;
	return (double)totals->rate_periods * 1e9 / (double)totals->rate_cpu_ns;
}

void report_lost(const struct reader *reader, bool followed, __u64 ret[GOIDSHIM_LOST_MAX])
{
	memcpy(ret, reader_totals(reader)->lost, sizeof(__u64) * GOIDSHIM_LOST_MAX);
	if (followed)
		ret[GOIDSHIM_LOST_OVERWRITTEN] = reader_missed(reader);
}

const char *report_offsets_from(const struct goidshim_golayout *layout)
{
	if (layout->fields_proved == 0)
		return "table";
	return golayout_table_source(layout->go_minor) ? "table and machine code" : "machine code";
}

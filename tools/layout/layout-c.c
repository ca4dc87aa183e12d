/* SPDX-License-Identifier: BSD-2-Clause */
/* goidshim-layout's C initializer of struct goidshim_golayout, for authors of BPF programs. */
#include "tools/layout/layout.h"

#include <inttypes.h>

/* A field's name in C, beside its name in Go. */
static const char *const members[GOLAYOUT_FIELD_COUNT] = {
	[GOLAYOUT_G_STACK_LO] = "g_stack_lo",
	[GOLAYOUT_G_STACK_HI] = "g_stack_hi",
	[GOLAYOUT_G_M] = "g_m",
	[GOLAYOUT_G_SCHED_SP] = "g_sched_sp",
	[GOLAYOUT_G_SCHED_PC] = "g_sched_pc",
	[GOLAYOUT_G_SCHED_BP] = "g_sched_bp",
	[GOLAYOUT_G_ATOMICSTATUS] = "g_atomicstatus",
	[GOLAYOUT_G_GOID] = "g_goid",
	[GOLAYOUT_G_PARENT_GOID] = "g_parent_goid",
	[GOLAYOUT_G_GOPC] = "g_gopc",
	[GOLAYOUT_G_STARTPC] = "g_startpc",
	[GOLAYOUT_G_LABELS] = "g_labels",
	[GOLAYOUT_M_G0] = "m_g0",
	[GOLAYOUT_M_GSIGNAL] = "m_gsignal",
	[GOLAYOUT_M_CURG] = "m_curg",
	[GOLAYOUT_M_ISEXTRA] = "m_isextra",
	[GOLAYOUT_M_IS_EXTRA_IN_C] = "m_is_extra_in_c",
	[GOLAYOUT_M_VDSO_SP] = "m_vdso_sp",
	[GOLAYOUT_M_VDSO_PC] = "m_vdso_pc",
	[GOLAYOUT_M_NCGO] = "m_ncgo",
};

void layout_print_c(const struct layout *layout, FILE *out)
{
	const struct goidshim_golayout *l = &layout->resolved;

	fprintf(out, "/* %s; addresses are link-time */\n", layout->binary.version);
	fputs("static const struct goidshim_golayout layout = {\n", out);
	if (layout->report.fields[GOLAYOUT_TLS_OFFSET].is_used)
		fprintf(out, "\t.tls_offset = %" PRId64 ",\n", (int64_t)l->tls_offset);
	else
		fputs("\t.tls_offset = 0, /* known at run time only: in the GOT */\n", out);
	fprintf(out, "\t.text = 0x%" PRIx64 ",\n", (uint64_t)l->text);
	fprintf(out, "\t.etext = 0x%" PRIx64 ",\n", (uint64_t)l->etext);
	fprintf(out, "\t.go_minor = %u,\n", l->go_minor);
	fprintf(out, "\t.fields_proved = %u,\n", l->fields_proved);
	for (unsigned i = GOLAYOUT_TLS_OFFSET + 1; i < GOLAYOUT_FIELD_COUNT; i++) {
		const struct golayout_entry *entry = &layout->report.fields[i];

		if (entry->is_used)
			fprintf(out, "\t.%s = %" PRId64 ",\n", members[i], (int64_t)entry->used);
		else
			fprintf(out, "\t.%s = GOIDSHIM_NO_OFFSET,\n", members[i]);
	}
	fputs("};\n", out);
}

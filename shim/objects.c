/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/objects.h"

#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

#include "probe/golayout.h"
#include "shim/log.h"
#include "shim/unwind/unwind.h"

static struct goidshim_object objects[GOIDSHIM_MAX_OBJECTS];
static struct unwind_go gos[GOIDSHIM_MAX_OBJECTS];
static unsigned count;
static bool can_exec;
static unsigned long long loaded;	/* dl_phdr_info.dlpi_adds at the last look */

static const char *name_of(const struct dl_phdr_info *info)
{
	return info->dlpi_name && *info->dlpi_name ? info->dlpi_name : "the executable";
}

static bool is_known(const struct goidshim_golayout *layout)
{
	for (unsigned i = 0; i < count; i++)
		if (objects[i].layout.text == layout->text)
			return true;
	return false;
}

/* The linker drops what nothing calls, so the name is there only for a reason. */
static bool has_exec(const struct gobinary *binary)
{
	const struct gopclntab_bytes *names = &binary->functions.funcnames;
	static const char exec[] = "\0syscall.Exec";

	return memmem(names->bytes, names->size, exec, sizeof(exec)) != NULL;
}

static void add(const struct dl_phdr_info *info, const struct gobinary *binary,
		const struct goidshim_golayout *layout)
{
	struct goidshim_object *o = &objects[count];

	o->layout = *layout;
	snprintf(o->go_version, sizeof(o->go_version), "%.31s", binary->version);
	o->load_bias = info->dlpi_addr;
	unwind_prepare_go(binary, &gos[count]);
	can_exec |= has_exec(binary);
	count++;
	log_line(LOG_INFO, "%s: %s, g at FS base%+lld, goid at g+%u, %u offsets proved",
		 name_of(info), binary->version, (long long)layout->tls_offset, layout->g_goid,
		 layout->fields_proved);
}

static void look_at(const struct dl_phdr_info *info)
{
	struct goimage image;
	struct gobinary binary;
	struct goidshim_golayout layout;
	struct golayout_report report;

	if (goimage_from_phdr(info, &image) < 0 || gobinary_find(&image, &binary) < 0)
		return;
	if (!binary.has_cgo) {
		log_line(LOG_INFO, "%s: %s without cgo has no C code; not recording it",
			 name_of(info), binary.version);
		return;
	}
	if (golayout_resolve(&binary, &layout, &report) < 0) {
		log_line(LOG_WARN, "%s: %s: %s; not recording it", name_of(info), binary.version,
			 report.refusal);
		return;
	}
	if (is_known(&layout))
		return;
	if (count == GOIDSHIM_MAX_OBJECTS)
		log_line(LOG_WARN, "%s: only %u Go runtimes in one process can be recorded",
			 name_of(info), GOIDSHIM_MAX_OBJECTS);
	else
		add(info, &binary, &layout);
}

static int visit(struct dl_phdr_info *info, size_t size, void *context)
{
	look_at(info);
	loaded = info->dlpi_adds;
	return 0;
}

unsigned objects_find(void)
{
	dl_iterate_phdr(visit, NULL);
	return count;
}

const struct goidshim_object *objects_get(unsigned index)
{
	return &objects[index];
}

struct unwind_go *objects_get_go(unsigned index)
{
	return &gos[index];
}

static int compare_loaded(struct dl_phdr_info *info, size_t size, void *context)
{
	*(bool *)context = info->dlpi_adds != loaded;
	return 1;
}

bool objects_can_exec(void)
{
	return can_exec;
}

bool objects_changed(void)
{
	bool changed = false;

	dl_iterate_phdr(compare_loaded, &changed);
	return changed;
}

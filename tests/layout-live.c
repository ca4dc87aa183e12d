/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * layout-live: the TLS offset as probe resolves it in a running process and as
 * Go itself finds it, side by side: for libraries, where no file can tell.
 *
 *	layout-live LIBRARY
 *
 * Exit status 0 if they are equal.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "probe/golayout.h"

static int resolve(struct dl_phdr_info *info, size_t size, void *arg)
{
	static struct goimage image;
	struct goidshim_golayout layout;
	struct golayout_report report;
	struct gobinary binary;
	long *ret = arg;

	if (goimage_from_phdr(info, &image) || gobinary_find(&image, &binary))
		return 0;
	if (golayout_resolve(&binary, &layout, &report)) {
		printf("%s: refused: %s\n", info->dlpi_name, report.refusal);
		return 1;
	}
	*ret = (long)layout.tls_offset;
	return 0;
}

int main(int argc, char **argv)
{
	void *library = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;
	long resolved = 0, told;
	int (*ask)(void);

	if (!library) {
		fprintf(stderr, "layout-live: %s\n", argc > 1 ? dlerror() : "give a library");
		return 99;
	}
	*(void **)&ask = dlsym(library, "GoTLSOffset");
	if (!ask)
		return 99;
	if (dl_iterate_phdr(resolve, &resolved))
		return 1;
	told = ask();
	printf("resolved %ld, Go says %ld\n", resolved, told);
	return resolved == told ? 0 : 1;
}

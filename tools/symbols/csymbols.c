/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The symbol table names the function that was compiled, DWARF the functions
 * inlined into it and the lines. Where both know, the outermost name is the
 * symbol's: it is the same with and without a debug file, and what other
 * profilers show.
 */
#include "tools/symbols/csymbols.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/symbols/dwarfscopes.h"
#include "tools/symbols/elfsymbols.h"

/* A made-up name, for a function that the file does not name. */
struct unnamed {
	uint64_t start;
	char *name;
};

struct csymbols {
	struct modulefile file;
	struct elfsymbols *symbols;
	struct dwarfscopes *scopes;	/* NULL: no DWARF */
	char *module;			/* the path's last part */
	struct unnamed *unnamed;	/* sorted by start */
	size_t unnamed_count;
	size_t unnamed_room;
};

int csymbols_open(const struct modulefile_paths *paths, const struct goidshim_module *module,
		  struct csymbols **ret_symbols)
{
	const char *slash = strrchr(module->path, '/');
	struct csymbols *symbols = calloc(1, sizeof(*symbols));
	struct modulefile *file;
	int r;

	if (!symbols)
		return -ENOMEM;
	file = &symbols->file;
	r = modulefile_open(paths, module, file);
	if (r)
		goto out_free;
	r = elfsymbols_open(file->elf, file->debug, &symbols->symbols);
	if (r)
		goto out_close;
	r = -ENOMEM;
	symbols->module = strdup(slash ? slash + 1 : module->path);
	if (!symbols->module)
		goto out_symbols;
	/* Without DWARF there are still names. */
	if (!file->debug || dwarfscopes_open(file->debug, file->alt, &symbols->scopes))
		dwarfscopes_open(file->elf, file->alt, &symbols->scopes);
	*ret_symbols = symbols;
	return 0;

out_symbols:
	elfsymbols_close(symbols->symbols);
out_close:
	modulefile_close(file);
out_free:
	free(symbols);
	return r;
}

void csymbols_close(struct csymbols *symbols)
{
	if (!symbols)
		return;
	for (size_t i = 0; i < symbols->unnamed_count; i++)
		free(symbols->unnamed[i].name);
	free(symbols->unnamed);
	free(symbols->module);
	dwarfscopes_close(symbols->scopes);
	elfsymbols_close(symbols->symbols);
	modulefile_close(&symbols->file);
	free(symbols);
}

/* The index in `unnamed` where `start` is or belongs. */
static size_t search_unnamed(const struct csymbols *symbols, uint64_t start)
{
	size_t low = 0, high = symbols->unnamed_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (symbols->unnamed[middle].start < start)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const char *add_unnamed(struct csymbols *symbols, size_t at, uint64_t start)
{
	struct unnamed *grown = symbols->unnamed;
	char *name;

	if (symbols->unnamed_count == symbols->unnamed_room) {
		size_t room = symbols->unnamed_room ? symbols->unnamed_room * 2 : 16;

		grown = reallocarray(symbols->unnamed, room, sizeof(*grown));
		if (!grown)
			return symbols->module;
		symbols->unnamed = grown;
		symbols->unnamed_room = room;
	}
	if (asprintf(&name, "%s+0x%llx", symbols->module, (unsigned long long)start) < 0)
		return symbols->module;
	memmove(grown + at + 1, grown + at, (symbols->unnamed_count - at) * sizeof(*grown));
	grown[at] = (struct unnamed){ start, name };
	symbols->unnamed_count++;
	return name;
}

/* libz.so.1+0x2a40, for the function that begins there; libz.so.1 when not even that is known. */
static const char *make_name(struct csymbols *symbols, uint64_t address)
{
	uint64_t start;
	size_t at;

	if (!elfsymbols_start(symbols->symbols, address, &start))
		return symbols->module;
	at = search_unnamed(symbols, start);
	if (at < symbols->unnamed_count && symbols->unnamed[at].start == start)
		return symbols->unnamed[at].name;
	return add_unnamed(symbols, at, start);
}

unsigned int csymbols_find(struct csymbols *symbols, uint64_t address,
			   struct csymbols_frame frames[static CSYMBOLS_FRAMES_MAX])
{
	struct dwarfscopes_frame found[CSYMBOLS_FRAMES_MAX] = { 0 };
	const char *name = elfsymbols_name(symbols->symbols, address);
	unsigned int count = 0;

	if (symbols->scopes)
		count = dwarfscopes_find(symbols->scopes, address, found, CSYMBOLS_FRAMES_MAX);
	if (!count)
		count = 1;
	if (name)
		found[count - 1].function = name;
	for (unsigned int i = 0; i < count; i++) {
		const char *function = found[i].function;

		frames[i] = (struct csymbols_frame){
			.function = function && *function ? function : make_name(symbols, address),
			.file = found[i].file,
			.line = found[i].line,
			.inlined = i + 1 < count,
		};
	}
	return count;
}

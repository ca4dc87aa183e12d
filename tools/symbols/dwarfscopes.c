/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libdw can answer the same question (dwarf_getscopes), but walks a unit's tree
 * of entries each time, milliseconds for a unit as large as SQLite. Here the
 * tree is walked once and becomes an interval map.
 *
 * .debug_aranges is not used: Go and clang do not write it. Units' own ranges
 * cost one entry to read each.
 */
#include "tools/symbols/dwarfscopes.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/symbols/demangle.h"
#include "tools/tables/intervals.h"

#define NO_SCOPE UINT32_MAX
#define DEPTH_MAX 256		/* of nested entries; compilers stay below 50 */
#define ENTRIES_MAX 50000000	/* in one file; a sibling chain that loops must end */

/* A function, or a place where one was inlined. */
struct scope {
	Dwarf_Die die;
	uint32_t parent;	/* enclosing scope in the same unit, or NO_SCOPE */
	bool inlined;
	bool named;		/* `name` has been looked up */
	char *plain;		/* demangled, ours */
	const char *name;
};

struct unit {
	Dwarf_Die die;
	bool built;
	struct scope *scopes;
	size_t count;
	size_t room;
	struct intervals map;	/* address -> index in `scopes` */
	Dwarf_Files *files;
	size_t file_count;
	char **paths;		/* of `files`, made on first use; NULL: none yet */
};

struct dwarfscopes {
	Dwarf *dwarf;
	Dwarf *alt;		/* NULL: none */
	bool listed;
	struct unit *units;
	size_t count;
	size_t room;
	struct intervals map;	/* address -> index in `units` */
	unsigned int entries;	/* visited so far */
};

int dwarfscopes_open(Elf *elf, Elf *alt, struct dwarfscopes **ret_scopes)
{
	struct dwarfscopes *scopes;
	Dwarf *dwarf = dwarf_begin_elf(elf, DWARF_C_READ, NULL);

	if (!dwarf)
		return -ENOENT;
	scopes = calloc(1, sizeof(*scopes));
	if (!scopes) {
		dwarf_end(dwarf);
		return -ENOMEM;
	}
	scopes->dwarf = dwarf;
	scopes->alt = alt ? dwarf_begin_elf(alt, DWARF_C_READ, NULL) : NULL;
	dwarf_setalt(dwarf, scopes->alt);
	*ret_scopes = scopes;
	return 0;
}

static void free_unit(struct unit *unit)
{
	for (size_t i = 0; i < unit->count; i++)
		free(unit->scopes[i].plain);
	for (size_t i = 0; unit->paths && i < unit->file_count; i++)
		free(unit->paths[i]);
	free(unit->paths);
	free(unit->scopes);
	intervals_free(&unit->map);
}

void dwarfscopes_close(struct dwarfscopes *scopes)
{
	if (!scopes)
		return;
	for (size_t i = 0; i < scopes->count; i++)
		free_unit(&scopes->units[i]);
	free(scopes->units);
	intervals_free(&scopes->map);
	dwarf_end(scopes->dwarf);
	dwarf_end(scopes->alt);
	free(scopes);
}

/* Maps every range of `die` to `id`. Ranges at 0 are functions that the linker dropped. */
static int add_ranges(struct intervals *map, Dwarf_Die *die, uint32_t id)
{
	Dwarf_Addr base, low, high;
	ptrdiff_t offset = 0;
	int r = 0;

	while (!r && (offset = dwarf_ranges(die, offset, &base, &low, &high)) > 0)
		if (low)
			r = intervals_add(map, low, high, id);
	return r;
}

static int add_unit(struct dwarfscopes *scopes, const Dwarf_Die *die)
{
	if (scopes->count == scopes->room) {
		size_t room = scopes->room ? scopes->room * 2 : 64;
		struct unit *units = reallocarray(scopes->units, room, sizeof(*units));

		if (!units)
			return -ENOMEM;
		scopes->units = units;
		scopes->room = room;
	}
	scopes->units[scopes->count++] = (struct unit){ .die = *die };
	return add_ranges(&scopes->map, &scopes->units[scopes->count - 1].die,
			  (uint32_t)scopes->count - 1);
}

static int list_units(struct dwarfscopes *scopes)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;
	uint8_t type;
	int r = 0;

	while (!r && !dwarf_get_units(scopes->dwarf, cu, &cu, NULL, &type, &die, NULL))
		if (type == DW_UT_compile || type == DW_UT_skeleton)
			r = add_unit(scopes, &die);
	return r ? r : intervals_seal(&scopes->map);
}

static int add_scope(struct unit *unit, const Dwarf_Die *die, uint32_t parent, bool inlined)
{
	if (unit->count == unit->room) {
		size_t room = unit->room ? unit->room * 2 : 64;
		struct scope *grown = reallocarray(unit->scopes, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		unit->scopes = grown;
		unit->room = room;
	}
	unit->scopes[unit->count++] =
		(struct scope){ .die = *die, .parent = parent, .inlined = inlined };
	return 0;
}

/* Records `die` if it is code; *scope becomes the scope that its children are in. */
static int visit(struct unit *unit, Dwarf_Die *die, uint32_t *scope)
{
	int tag = dwarf_tag(die), r;
	size_t before = unit->map.count;

	if (tag != DW_TAG_subprogram && tag != DW_TAG_inlined_subroutine)
		return 0;
	r = add_ranges(&unit->map, die, (uint32_t)unit->count);
	if (r || unit->map.count == before)
		return r; /* a declaration, or the abstract form of an inlined function */
	r = add_scope(unit, die, *scope, tag == DW_TAG_inlined_subroutine);
	*scope = (uint32_t)unit->count - 1;
	return r;
}

/* Types fill most of a unit, and code never hides in these. */
static bool may_hold_code(Dwarf_Die *die)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_enumeration_type:
	case DW_TAG_array_type:
	case DW_TAG_subroutine_type:
	case DW_TAG_union_type:
	case DW_TAG_call_site:
	case DW_TAG_GNU_call_site:
		return false;
	default:
		return true;
	}
}

static int walk(struct dwarfscopes *scopes, struct unit *unit, Dwarf_Die *parent, uint32_t scope,
		unsigned int depth)
{
	Dwarf_Die die;
	int r = 0, end;

	if (depth == DEPTH_MAX || !may_hold_code(parent))
		return 0;
	for (end = dwarf_child(parent, &die); !end && !r; end = dwarf_siblingof(&die, &die)) {
		uint32_t inner = scope;

		if (scopes->entries++ >= ENTRIES_MAX)
			return 0;
		r = visit(unit, &die, &inner);
		if (!r && dwarf_haschildren(&die) > 0)
			r = walk(scopes, unit, &die, inner, depth + 1);
	}
	return r;
}

static void build(struct dwarfscopes *scopes, struct unit *unit)
{
	unit->built = true;
	if (!dwarf_getsrcfiles(&unit->die, &unit->files, &unit->file_count))
		unit->paths = calloc(unit->file_count, sizeof(*unit->paths));
	if (walk(scopes, unit, &unit->die, NO_SCOPE, 0) || intervals_seal(&unit->map))
		intervals_free(&unit->map); /* out of memory: symbols still answer */
}

/* C++ by its mangled name, which says the class; C by the name in its source. */
static const char *name_of(struct scope *scope)
{
	Dwarf_Attribute attribute;
	const char *mangled;

	if (scope->named)
		return scope->name;
	scope->named = true;
	mangled = dwarf_formstring(
		dwarf_attr_integrate(&scope->die, DW_AT_linkage_name, &attribute));
	scope->plain = mangled ? demangle_name(mangled) : NULL;
	scope->name = scope->plain ? scope->plain : dwarf_diename(&scope->die);
	return scope->name;
}

/* The path of a file in the unit's table, below the folder that it was compiled in. */
static const char *path_of(struct unit *unit, size_t index)
{
	Dwarf_Attribute attribute;
	const char *name, *folder;

	if (!unit->paths || index >= unit->file_count)
		return NULL;
	if (unit->paths[index])
		return unit->paths[index];
	name = dwarf_filesrc(unit->files, index, NULL, NULL);
	if (!name)
		return NULL;
	folder = dwarf_formstring(dwarf_attr(&unit->die, DW_AT_comp_dir, &attribute));
	if (*name == '/' || !folder)
		unit->paths[index] = strdup(name);
	else if (asprintf(&unit->paths[index], "%s/%s", folder, name) < 0)
		unit->paths[index] = NULL;
	return unit->paths[index];
}

/* Where `scope` was inlined into its parent. */
static void find_call(struct unit *unit, struct scope *scope, struct dwarfscopes_frame *frame)
{
	Dwarf_Attribute attribute;
	Dwarf_Word value;

	if (!dwarf_formudata(dwarf_attr(&scope->die, DW_AT_call_line, &attribute), &value))
		frame->line = (uint32_t)value;
	if (!dwarf_formudata(dwarf_attr(&scope->die, DW_AT_call_file, &attribute), &value))
		frame->file = path_of(unit, value);
}

static void find_line(struct unit *unit, uint64_t address, struct dwarfscopes_frame *frame)
{
	Dwarf_Line *line = dwarf_getsrc_die(&unit->die, address);
	Dwarf_Files *files;
	size_t index;
	int number;

	if (!line)
		return;
	if (!dwarf_line_file(line, &files, &index))
		frame->file = path_of(unit, index);
	if (!dwarf_lineno(line, &number) && number > 0)
		frame->line = (uint32_t)number;
}

unsigned int dwarfscopes_find(struct dwarfscopes *scopes, uint64_t address,
			      struct dwarfscopes_frame *frames, unsigned int max)
{
	unsigned int count = 0;
	struct unit *unit;
	uint32_t id;

	if (!scopes->listed) {
		scopes->listed = true;
		if (list_units(scopes))
			intervals_free(&scopes->map);
	}
	if (!max || !intervals_find(&scopes->map, address, &id))
		return 0;
	unit = &scopes->units[id];
	if (!unit->built)
		build(scopes, unit);
	frames[0] = (struct dwarfscopes_frame){ 0 };
	find_line(unit, address, &frames[0]);
	if (!intervals_find(&unit->map, address, &id))
		return frames[0].file ? 1 : 0;
	for (;;) {
		struct scope *scope = &unit->scopes[id];

		frames[count++].function = name_of(scope);
		if (!scope->inlined || scope->parent == NO_SCOPE || count == max)
			return count;
		frames[count] = (struct dwarfscopes_frame){ 0 };
		find_call(unit, scope, &frames[count]);
		id = scope->parent;
	}
}

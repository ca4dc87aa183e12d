/* SPDX-License-Identifier: BSD-2-Clause */
/* Offsets of Go's runtime structures from DWARF and symbols. See godwarf.h. */
#include "tools/layout/godwarf.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <gelf.h>
#include <string.h>

/* The two structures that have fields of ours. */
struct runtime_types {
	Dwarf_Die g, m;
	bool has_g, has_m;
};

/* Go's own units come among those of C code. */
static bool is_go_unit(Dwarf_Die *unit)
{
	return dwarf_srclang(unit) == DW_LANG_Go;
}

static void note_type(Dwarf_Die *die, struct runtime_types *types)
{
	const char *name = dwarf_diename(die);

	if (dwarf_tag(die) != DW_TAG_structure_type || !name)
		return;
	if (strcmp(name, "runtime.g") == 0) {
		types->g = *die;
		types->has_g = true;
	} else if (strcmp(name, "runtime.m") == 0) {
		types->m = *die;
		types->has_m = true;
	}
}

static void find_types(Dwarf *dwarf, struct runtime_types *ret)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die unit, die;

	memset(ret, 0, sizeof(*ret));
	while (dwarf_get_units(dwarf, cu, &cu, NULL, NULL, &unit, NULL) == 0) {
		if (!is_go_unit(&unit) || dwarf_child(&unit, &die) != 0)
			continue;
		do {
			note_type(&die, ret);
			if (ret->has_g && ret->has_m)
				return;
		} while (dwarf_siblingof(&die, &die) == 0);
	}
}

static bool find_member(Dwarf_Die *type, const char *name, size_t length, Dwarf_Die *ret_member)
{
	if (dwarf_child(type, ret_member) != 0)
		return false;
	do {
		const char *member = dwarf_diename(ret_member);

		if (dwarf_tag(ret_member) == DW_TAG_member && member &&
		    strlen(member) == length && strncmp(member, name, length) == 0)
			return true;
	} while (dwarf_siblingof(ret_member, ret_member) == 0);
	return false;
}

static bool member_type(Dwarf_Die *member, Dwarf_Die *ret_type)
{
	Dwarf_Attribute attribute;

	return dwarf_attr_integrate(member, DW_AT_type, &attribute) &&
	       dwarf_formref_die(&attribute, ret_type) &&
	       dwarf_peel_type(ret_type, ret_type) == 0;
}

/* The offset of "sched.sp" within a type: member by member. */
static bool resolve_path(Dwarf_Die type, const char *path, __s64 *ret)
{
	Dwarf_Attribute attribute;
	Dwarf_Die member;
	Dwarf_Word offset;

	*ret = 0;
	for (;;) {
		size_t length = strcspn(path, ".");

		if (!find_member(&type, path, length, &member) ||
		    !dwarf_attr_integrate(&member, DW_AT_data_member_location, &attribute) ||
		    dwarf_formudata(&attribute, &offset) != 0)
			return false;
		*ret += (__s64)offset;
		if (path[length] == '\0')
			return true;
		path += length + 1;
		if (!member_type(&member, &type))
			return false;
	}
}

/* A field's name is its path in Go: "g.sched.sp". */
static void read_field(const struct runtime_types *types, enum golayout_field field,
		       struct godwarf *ret)
{
	const char *name = golayout_field_name(field);
	bool known = false;

	if (strncmp(name, "g.", 2) == 0 && types->has_g)
		known = resolve_path(types->g, name + 2, &ret->value[field]);
	else if (strncmp(name, "m.", 2) == 0 && types->has_m)
		known = resolve_path(types->m, name + 2, &ret->value[field]);
	ret->is_known[field] = known;
	ret->count += known;
}

static bool find_symbol(Elf *elf, const char *name, GElf_Sym *ret)
{
	Elf_Scn *section = NULL;
	GElf_Shdr shdr;

	while ((section = elf_nextscn(elf, section))) {
		Elf_Data *data = elf_getdata(section, NULL);

		if (!gelf_getshdr(section, &shdr) || shdr.sh_type != SHT_SYMTAB || !data)
			continue;
		for (int i = 0; gelf_getsym(data, i, ret); i++) {
			const char *found = elf_strptr(elf, shdr.sh_link, ret->st_name);

			if (found && strcmp(found, name) == 0)
				return true;
		}
	}
	return false;
}

/*
 * x86-64's TLS variant II: the executable's block ends at the FS base, rounded up
 * to its alignment; the symbol's value counts from the block's start. What a
 * library's block gets only the dynamic linker knows.
 */
static void read_tls(const struct gofile *file, struct godwarf *ret)
{
	const struct goimage *image = &file->image;
	GElf_Sym symbol;
	__u64 size;

	if (!image->is_executable || image->tls_align == 0)
		return;
	if (!find_symbol(file->elf, "runtime.tlsg", &symbol))
		return;
	size = image->tls_mem_size + image->tls_vaddr % image->tls_align;
	size = (size + image->tls_align - 1) / image->tls_align * image->tls_align;
	size -= image->tls_vaddr % image->tls_align;
	ret->value[GOLAYOUT_TLS_OFFSET] = (__s64)(symbol.st_value - size);
	ret->is_known[GOLAYOUT_TLS_OFFSET] = true;
	ret->count++;
}

void godwarf_read(const struct gofile *file, struct godwarf *ret)
{
	Dwarf *dwarf = dwarf_begin_elf(file->elf, DWARF_C_READ, NULL);
	struct runtime_types types;

	memset(ret, 0, sizeof(*ret));
	read_tls(file, ret);
	if (!dwarf)
		return;
	find_types(dwarf, &types);
	for (unsigned i = GOLAYOUT_TLS_OFFSET + 1; i < GOLAYOUT_FIELD_COUNT; i++)
		read_field(&types, i, ret);
	dwarf_end(dwarf);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Three maps, asked in the order of how much they know: symbols with a size;
 * symbols without one, which reach to the next symbol (hand-written assembly, and
 * believed only from .symtab, for in .dynsym the next symbol may be far away);
 * and the starts of functions in .eh_frame_hdr.
 *
 * Many symbols share an address. The one shown is global before weak before
 * local, then the one with fewer leading underscores, then the shorter: read,
 * not __GI___libc_read.
 */
#include "tools/symbols/elfsymbols.h"

#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "tools/symbols/demangle.h"
#include "tools/tables/intervals.h"

struct symbol {
	uint64_t address;
	uint64_t size;
	uint64_t section_end;
	const char *name;	/* as in the file; in libelf's memory */
	char *plain;		/* what to show, made on first use */
	uint8_t rank;		/* lower is better */
};

struct elfsymbols {
	struct symbol *symbols;
	size_t count;
	struct intervals sized;
	struct intervals unsized;
	struct intervals starts;	/* id is the index in `start_addresses` */
	uint64_t *start_addresses;
};

/* The symbol table that knows most: .symtab of either file, else .dynsym. */
static Elf_Scn *find_table(Elf *elf, uint32_t type, GElf_Shdr *ret_header)
{
	Elf_Scn *section = NULL;

	while (elf && (section = elf_nextscn(elf, section)))
		if (gelf_getshdr(section, ret_header) && ret_header->sh_type == type &&
		    ret_header->sh_entsize)
			return section;
	return NULL;
}

static uint8_t rank_of(const char *name, unsigned binding)
{
	size_t underscores = strspn(name, "_");
	uint8_t rank = binding == STB_GLOBAL ? 0 : binding == STB_WEAK ? 16 : 32;

	/* A mangled name's underscore is not a mark of something internal. */
	if (!strncmp(name, "_Z", 2))
		underscores = 0;
	return rank + (underscores < 15 ? underscores : 15);
}

/* Does this symbol lie in code? Then also where its section ends. */
static bool is_code(Elf *elf, const GElf_Sym *symbol, uint64_t *ret_section_end)
{
	unsigned type = GELF_ST_TYPE(symbol->st_info);
	GElf_Shdr header;

	if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE)
		return false;
	if (symbol->st_shndx == SHN_UNDEF || symbol->st_shndx >= SHN_LORESERVE)
		return false;
	if (!gelf_getshdr(elf_getscn(elf, symbol->st_shndx), &header))
		return false;
	*ret_section_end = header.sh_addr + header.sh_size;
	return header.sh_flags & SHF_EXECINSTR;
}

static int read_table(struct elfsymbols *symbols, Elf *elf, Elf_Scn *section,
		      const GElf_Shdr *header)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t count = data ? data->d_size / header->sh_entsize : 0;

	symbols->symbols = calloc(count ? count : 1, sizeof(*symbols->symbols));
	if (!symbols->symbols)
		return -ENOMEM;
	for (size_t i = 0; i < count && i <= INT32_MAX; i++) {
		struct symbol *out = &symbols->symbols[symbols->count];
		GElf_Sym symbol;

		if (!gelf_getsym(data, (int)i, &symbol) ||
		    !is_code(elf, &symbol, &out->section_end))
			continue;
		out->name = elf_strptr(elf, header->sh_link, symbol.st_name);
		if (!out->name || !*out->name)
			continue;
		out->address = symbol.st_value;
		out->size = symbol.st_size;
		out->rank = rank_of(out->name, GELF_ST_BIND(symbol.st_info));
		symbols->count++;
	}
	return 0;
}

/* By address, and among equals the best name last: intervals prefer what came later. */
static int compare(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;
	size_t x_length, y_length;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	if (x->rank != y->rank)
		return y->rank - x->rank;
	x_length = strlen(x->name);
	y_length = strlen(y->name);
	if (x_length != y_length)
		return x_length > y_length ? -1 : 1;
	return strcmp(y->name, x->name);
}

static uint64_t end_of(const struct symbol *symbol)
{
	uint64_t end = symbol->address + symbol->size;

	return end < symbol->address ? UINT64_MAX : end;
}

static int map_symbols(struct elfsymbols *symbols, bool trust_unsized)
{
	uint64_t next = UINT64_MAX;
	int r = 0;

	for (size_t i = 0; i < symbols->count && !r; i++)
		r = intervals_add(&symbols->sized, symbols->symbols[i].address,
				  end_of(&symbols->symbols[i]), (uint32_t)i);
	for (size_t i = symbols->count; trust_unsized && i-- > 0 && !r;) {
		const struct symbol *symbol = &symbols->symbols[i];

		if (i + 1 < symbols->count && symbols->symbols[i + 1].address > symbol->address)
			next = symbols->symbols[i + 1].address;
		if (!symbol->size)
			r = intervals_add(&symbols->unsized, symbol->address,
					  next < symbol->section_end ? next : symbol->section_end,
					  (uint32_t)i);
	}
	if (!r)
		r = intervals_seal(&symbols->sized);
	if (!r)
		r = intervals_seal(&symbols->unsized);
	return r;
}

static int read_symbols(struct elfsymbols *symbols, Elf *elf, Elf *debug)
{
	GElf_Shdr header;
	Elf *owner = elf;
	Elf_Scn *section = find_table(elf, SHT_SYMTAB, &header);
	int r;

	if (!section)
		section = find_table(owner = debug, SHT_SYMTAB, &header);
	if (!section)
		section = find_table(owner = elf, SHT_DYNSYM, &header);
	if (!section)
		return 0;
	r = read_table(symbols, owner, section, &header);
	if (r)
		return r;
	qsort(symbols->symbols, symbols->count, sizeof(*symbols->symbols), compare);
	return map_symbols(symbols, header.sh_type == SHT_SYMTAB);
}

/* The shape that every linker writes: 4-byte values, a table relative to its own start. */
struct eh_frame_hdr {
	uint8_t version;
	uint8_t frame_encoding;
	uint8_t count_encoding;
	uint8_t table_encoding;
	int32_t frame;
	uint32_t count;
	struct {
		int32_t function;
		int32_t fde;
	} table[];
} __attribute__((packed)); /* a hostile file puts it at any address */

#define EH_VERSION 1
#define EH_PCREL_SDATA4 0x1b
#define EH_UDATA4 0x03
#define EH_DATAREL_SDATA4 0x3b

static const struct eh_frame_hdr *find_index(Elf *elf, uint64_t *ret_address, size_t *ret_count)
{
	size_t count = 0;

	if (elf_getphdrnum(elf, &count))
		return NULL;
	for (size_t i = 0; i < count && i <= INT32_MAX; i++) {
		const struct eh_frame_hdr *index;
		GElf_Phdr header;
		Elf_Data *data;

		if (!gelf_getphdr(elf, (int)i, &header) || header.p_type != PT_GNU_EH_FRAME)
			continue;
		data = elf_getdata_rawchunk(elf, (int64_t)header.p_offset, header.p_filesz,
					    ELF_T_BYTE);
		if (!data || data->d_size < sizeof(*index))
			return NULL;
		index = data->d_buf;
		*ret_address = header.p_vaddr;
		*ret_count = (data->d_size - sizeof(*index)) / sizeof(index->table[0]);
		if (index->count < *ret_count)
			*ret_count = index->count;
		return index;
	}
	return NULL;
}

static bool is_usual(const struct eh_frame_hdr *index)
{
	return index->version == EH_VERSION && index->frame_encoding == EH_PCREL_SDATA4 &&
	       index->count_encoding == EH_UDATA4 && index->table_encoding == EH_DATAREL_SDATA4;
}

/* The end of the executable segment that holds `address`; 0: none does. */
static uint64_t segment_end(Elf *elf, uint64_t address)
{
	size_t count = 0;
	GElf_Phdr header;

	if (elf_getphdrnum(elf, &count))
		return 0;
	for (size_t i = 0; i < count && i <= INT32_MAX; i++)
		if (gelf_getphdr(elf, (int)i, &header) && header.p_type == PT_LOAD &&
		    header.p_flags & PF_X && address >= header.p_vaddr &&
		    address - header.p_vaddr < header.p_memsz)
			return header.p_vaddr + header.p_memsz;
	return 0;
}

/* A function reaches to the next one: padding between the two is never sampled. */
static int read_starts(struct elfsymbols *symbols, Elf *elf)
{
	uint64_t base, *starts;
	size_t count;
	const struct eh_frame_hdr *index = find_index(elf, &base, &count);
	int r = 0;

	if (!index || !is_usual(index) || !count)
		return 0;
	starts = symbols->start_addresses = calloc(count, sizeof(*starts));
	if (!starts)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		starts[i] = base + (uint64_t)(int64_t)index->table[i].function;
	for (size_t i = 0; i < count && !r; i++)
		r = intervals_add(&symbols->starts, starts[i],
				  i + 1 < count ? starts[i + 1] : segment_end(elf, starts[i]),
				  (uint32_t)i);
	return r ? r : intervals_seal(&symbols->starts);
}

static bool is_ours(Elf *elf)
{
	GElf_Ehdr header;

	return elf_kind(elf) == ELF_K_ELF && gelf_getehdr(elf, &header) &&
	       header.e_machine == EM_X86_64 && header.e_ident[EI_CLASS] == ELFCLASS64;
}

int elfsymbols_open(Elf *elf, Elf *debug, struct elfsymbols **ret_symbols)
{
	struct elfsymbols *symbols;
	int r;

	if (!is_ours(elf) || (debug && !is_ours(debug)))
		return -EBADMSG;
	symbols = calloc(1, sizeof(*symbols));
	if (!symbols)
		return -ENOMEM;
	r = read_symbols(symbols, elf, debug);
	if (!r)
		r = read_starts(symbols, elf);
	if (r) {
		elfsymbols_close(symbols);
		return r;
	}
	*ret_symbols = symbols;
	return 0;
}

void elfsymbols_close(struct elfsymbols *symbols)
{
	if (!symbols)
		return;
	for (size_t i = 0; i < symbols->count; i++)
		free(symbols->symbols[i].plain);
	free(symbols->symbols);
	free(symbols->start_addresses);
	intervals_free(&symbols->sized);
	intervals_free(&symbols->unsized);
	intervals_free(&symbols->starts);
	free(symbols);
}

const char *elfsymbols_name(struct elfsymbols *symbols, uint64_t address)
{
	struct symbol *symbol;
	uint32_t id;

	if (!intervals_find(&symbols->sized, address, &id) &&
	    !intervals_find(&symbols->unsized, address, &id))
		return NULL;
	symbol = &symbols->symbols[id];
	if (!symbol->plain)
		symbol->plain = demangle_symbol(symbol->name);
	return symbol->plain;
}

bool elfsymbols_start(const struct elfsymbols *symbols, uint64_t address, uint64_t *ret_start)
{
	uint32_t id;

	if (!intervals_find(&symbols->starts, address, &id))
		return false;
	*ret_start = symbols->start_addresses[id];
	return true;
}

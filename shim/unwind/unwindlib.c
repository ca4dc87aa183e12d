/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/unwind/unwindlib.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "shim/unwind/modules.h"
#include "shim/unwind/unwind.sig.h"

/* libunwind.so.8's binary interface, so that its header is not needed. */
struct cursor {
	__u64 opaque[127];
};

enum { INIT_SIGNAL_FRAME = 1 };

static struct {
	int (*init_local2)(struct cursor *, ucontext_t *, int flags);
	int (*step)(struct cursor *);
	int (*get_reg)(struct cursor *, int reg, __u64 *ret);
	int (*is_signal_frame)(struct cursor *);
} libunwind;

typedef int iterate_fn(int (*callback)(struct dl_phdr_info *, size_t, void *), void *data);

/* This thread is in a handler, inside libunwind. */
static __thread bool in_handler;

/* ---------------------------------------------------------------- one step */

/* gregs' index of each register, by DWARF number; libunwind counts as DWARF does. */
static const int greg_of[CFI_REGISTERS] = {
	REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_R8,
	REG_R9,	 REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP,
};

static const __u8 followed[] = { CFI_RBX, CFI_RBP, CFI_RSP, CFI_R12, 13, 14, CFI_R15, CFI_PC };

static enum goidshim_stack_end read_caller(struct cursor *cursor, struct cfi_registers *regs)
{
	__u64 sp = regs->r[CFI_RSP];

	regs->known = 0;
	for (unsigned i = 0; i < sizeof(followed); i++)
		if (libunwind.get_reg(cursor, followed[i], &regs->r[followed[i]]) >= 0)
			regs->known |= 1u << followed[i];
	regs->exact = libunwind.is_signal_frame(cursor) > 0;
	return regs->exact || regs->r[CFI_RSP] > sp ? GOIDSHIM_STACK_NONE : GOIDSHIM_STACK_STUCK;
}

/* Runs in a handler. */
static enum goidshim_stack_end step(struct cfi_registers *regs)
{
	enum goidshim_stack_end end;
	struct cursor cursor;
	ucontext_t context;
	int r;

	for (unsigned i = 0; i < CFI_REGISTERS; i++)
		context.uc_mcontext.gregs[greg_of[i]] = (greg_t)regs->r[i];
	in_handler = true;
	r = libunwind.init_local2(&cursor, &context, regs->exact ? INIT_SIGNAL_FRAME : 0);
	if (r >= 0)
		r = libunwind.step(&cursor);
	if (r > 0)
		end = read_caller(&cursor, regs);
	else
		end = r == 0 ? GOIDSHIM_STACK_THREAD : GOIDSHIM_STACK_NO_CFI;
	in_handler = false;
	return end;
}

/* ------------------------------------------------- the modules, without a lock */

struct iteration {
	int (*callback)(struct dl_phdr_info *, size_t, void *);
	void *data;
};

static int tell(const struct module *module, void *arg)
{
	const struct iteration *iteration = arg;
	struct dl_phdr_info info = {
		.dlpi_addr = module->bias,
		.dlpi_name = module->path,
		.dlpi_phdr = (const ElfW(Phdr) *)module->phdr,
		.dlpi_phnum = module->phnum,
		.dlpi_adds = modules_count(),
	};

	return iteration->callback(&info, sizeof(info), iteration->data);
}

static int iterate(int (*callback)(struct dl_phdr_info *, size_t, void *), void *data)
{
	struct iteration iteration = { .callback = callback, .data = data };

	/* A tail call: the C library looks at who called it. */
	if (!in_handler)
		return dl_iterate_phdr(callback, data);
	return modules_each(tell, &iteration);
}

/* ------------------------------------------------------------- its reference */

struct references {
	const char *strings;
	const ElfW(Sym) *symbols;
	const ElfW(Rela) *rela[2];
	size_t size[2];
};

static void read_dynamic(const struct link_map *map, struct references *ret)
{
	*ret = (struct references){ 0 };
	for (const ElfW(Dyn) *d = map->l_ld; d->d_tag != DT_NULL; d++) {
		if (d->d_tag == DT_STRTAB)
			ret->strings = (const char *)d->d_un.d_ptr;
		else if (d->d_tag == DT_SYMTAB)
			ret->symbols = (const ElfW(Sym) *)d->d_un.d_ptr;
		else if (d->d_tag == DT_JMPREL)
			ret->rela[0] = (const ElfW(Rela) *)d->d_un.d_ptr;
		else if (d->d_tag == DT_PLTRELSZ)
			ret->size[0] = d->d_un.d_val;
		else if (d->d_tag == DT_RELA)
			ret->rela[1] = (const ElfW(Rela) *)d->d_un.d_ptr;
		else if (d->d_tag == DT_RELASZ)
			ret->size[1] = d->d_un.d_val;
	}
}

static bool replace(iterate_fn **slot, iterate_fn *function)
{
	long page = sysconf(_SC_PAGESIZE);
	void *start = (void *)((__u64)slot & ~((__u64)page - 1));

	if (mprotect(start, (size_t)page, PROT_READ | PROT_WRITE) != 0)
		return false;
	__atomic_store_n(slot, function, __ATOMIC_RELEASE);
	return true;
}

/* Leads every reference of one module to dl_iterate_phdr to `iterate`. */
static bool lead_references(const struct link_map *map)
{
	struct references r;
	bool found = false;

	read_dynamic(map, &r);
	for (int table = 0; table < 2; table++) {
		for (size_t i = 0; i < r.size[table] / sizeof(ElfW(Rela)); i++) {
			const ElfW(Rela) *rela = &r.rela[table][i];
			const ElfW(Sym) *symbol = &r.symbols[ELF64_R_SYM(rela->r_info)];

			if (strcmp(r.strings + symbol->st_name, "dl_iterate_phdr") != 0)
				continue;
			if (!replace((iterate_fn **)(map->l_addr + rela->r_offset), iterate))
				return false;
			found = true;
		}
	}
	return found;
}

static bool find_functions(void *library)
{
	*(void **)&libunwind.init_local2 = dlsym(library, "_ULx86_64_init_local2");
	*(void **)&libunwind.step = dlsym(library, "_ULx86_64_step");
	*(void **)&libunwind.get_reg = dlsym(library, "_ULx86_64_get_reg");
	*(void **)&libunwind.is_signal_frame = dlsym(library, "_ULx86_64_is_signal_frame");
	return libunwind.init_local2 && libunwind.step && libunwind.get_reg &&
	       libunwind.is_signal_frame;
}

int unwindlib_open(void)
{
	void *library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	struct link_map *map;

	if (library == NULL)
		return -ENOENT;
	if (!find_functions(library) || dlinfo(library, RTLD_DI_LINKMAP, &map) != 0 ||
	    !lead_references(map)) {
		dlclose(library);
		return -ENOENT;
	}
	unwind.libunwind_step = step;
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/modules.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "probe/sys.sig.h"
#include "shim/cfi.h"

enum { ENTRIES_MAX = 4096, CHUNK_SIZE = 1 << 16 };

/*
 * The program waits while we compile, half a microsecond for each function: in
 * one process so many functions and no more, 15 ms. Handlers read the call-frame
 * information of a module that would exceed it in place.
 */
enum { FUNCTIONS_MAX = 30000 };

static const struct modules_entry *entries[ENTRIES_MAX];
static unsigned entry_count;
static unsigned long long seen_adds, seen_subs;
static bool seen_any;
static unsigned compiled;	/* functions */
static bool busy;		/* a thread is refreshing */

/* Bump allocation: entries are never freed. */
static char *chunk;
static size_t chunk_left;

static void *allocate(size_t size)
{
	void *at;

	size = (size + 15) & ~(size_t)15;
	if (size > chunk_left) {
		long mapped = sys_call6(__NR_mmap, 0, CHUNK_SIZE, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (size > CHUNK_SIZE || (mapped < 0 && mapped > -4096))
			return NULL;
		chunk = (char *)mapped;
		chunk_left = CHUNK_SIZE;
	}
	at = chunk;
	chunk += size;
	chunk_left -= size;
	return at;
}

/* ------------------------------------------------------------ reading a module */

/* The entry being read: one thread at a time refreshes. */
static union {
	struct modules_entry entry;
	char room[sizeof(struct modules_entry) + 4096];
} scratch;

static void read_path(const struct dl_phdr_info *info, char *room, size_t size)
{
	long length;

	if (strncmp(info->dlpi_name, "linux-vdso", 10) == 0) {
		strcpy(room, "[vdso]");
	} else if (info->dlpi_name[0] != '\0') {
		strncpy(room, info->dlpi_name, size - 1);
		room[size - 1] = '\0';
	} else {
		length = sys_call4(__NR_readlink, (long)"/proc/self/exe", (long)room,
				   (long)size - 1, 0);
		room[length > 0 ? length : 0] = '\0';
	}
}

static void read_file_identity(struct modules_entry *e)
{
	struct stat st;

	if (sys_call4(__NR_newfstatat, AT_FDCWD, (long)e->path, (long)&st, 0) != 0)
		return;
	e->inode = st.st_ino;
	e->device = st.st_dev;
	e->file_size = (__u64)st.st_size;
	e->mtime_ns = (__u64)st.st_mtim.tv_sec * 1000000000 + (__u64)st.st_mtim.tv_nsec;
}

static void read_notes(struct modules_entry *e, __u64 at, __u64 size)
{
	const __u64 end = at + size;

	while (end - at >= sizeof(ElfW(Nhdr)) && end >= at) {
		const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)at;
		__u64 name = at + sizeof(*note);
		__u64 desc = name + ((note->n_namesz + 3ull) & ~3ull);

		if (desc > end || note->n_descsz > end - desc)
			return;
		if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 &&
		    memcmp((const char *)name, "GNU", 4) == 0 && note->n_descsz <= 32) {
			memcpy(e->build_id, (const char *)desc, note->n_descsz);
			e->build_id_size = (__u8)note->n_descsz;
			e->module.stamp_at = desc;
			return;
		}
		at = desc + ((note->n_descsz + 3ull) & ~3ull);
	}
}

static void read_load_segment(struct modules_entry *e, const ElfW(Phdr) *p)
{
	struct modules_module *m = &e->module;
	__u64 start = m->bias + p->p_vaddr;
	__u64 end = start + p->p_memsz;

	if (start < m->start)
		m->start = start;
	if (end > m->end)
		m->end = end;
	if (p->p_flags & PF_X && e->segments < 4) {
		e->segment[e->segments].start = start;
		e->segment[e->segments++].end = end;
	}
	if (m->section.hdr >= start && m->section.hdr < start + p->p_filesz) {
		m->section.lo = start;
		m->section.hi = start + p->p_filesz;
	}
}

static const ElfW(Phdr) *find_phdr(const struct dl_phdr_info *info, unsigned type)
{
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == type)
			return &info->dlpi_phdr[i];
	return NULL;
}

/* What tells this module from another at the same address, and is cheap to read. */
static void read_stamp(struct modules_entry *e)
{
	struct modules_module *m = &e->module;

	if (m->stamp_at == 0 || e->build_id_size < sizeof(m->stamp))
		m->stamp_at = m->section.hdr != 0 ? m->section.hdr : m->start;
	memcpy(m->stamp, (const void *)m->stamp_at, sizeof(m->stamp));
}

static void read_phdrs(struct modules_entry *e, const struct dl_phdr_info *info)
{
	const ElfW(Phdr) *eh_frame_hdr = find_phdr(info, PT_GNU_EH_FRAME);
	struct modules_module *m = &e->module;

	e->phdr = info->dlpi_phdr;
	e->phnum = info->dlpi_phnum;
	m->bias = info->dlpi_addr;
	m->start = ~0ull;
	if (eh_frame_hdr != NULL)
		m->section.hdr = m->bias + eh_frame_hdr->p_vaddr;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type == PT_LOAD)
			read_load_segment(e, p);
		else if (p->p_type == PT_NOTE && e->build_id_size == 0)
			read_notes(e, m->bias + p->p_vaddr, p->p_filesz);
	}
	if (m->section.hi == 0)
		m->section.hdr = 0;	/* outside every segment */
	if (m->end > m->start)
		read_stamp(e);
}

static struct modules_entry *read_module(const struct dl_phdr_info *info)
{
	struct modules_entry *e = &scratch.entry;

	memset(e, 0, sizeof(*e));
	read_path(info, e->path, sizeof(scratch) - sizeof(*e));
	read_file_identity(e);
	read_phdrs(e, info);
	return e;
}

/* ------------------------------------------------------------- known or new? */

static bool has_same_inode(const struct modules_entry *a, const struct modules_entry *b)
{
	return a->inode == b->inode && a->device == b->device && a->file_size == b->file_size &&
	       a->mtime_ns == b->mtime_ns;
}

/* What is on disk may have changed since it was mapped: a build id counts for more. */
static bool is_same_file(const struct modules_entry *a, const struct modules_entry *b)
{
	return strcmp(a->path, b->path) == 0 && a->build_id_size == b->build_id_size &&
	       memcmp(a->build_id, b->build_id, sizeof(a->build_id)) == 0 &&
	       memcmp(a->module.stamp, b->module.stamp, sizeof(a->module.stamp)) == 0 &&
	       (a->build_id_size > 0 || has_same_inode(a, b));
}

static bool overlaps(const struct modules_entry *a, const struct modules_entry *b)
{
	return a->module.start < b->module.end && b->module.start < a->module.end;
}

/*
 * The entry that already stands for this mapping. An older one will not do if
 * another module has been there since: readers tell the two apart by order.
 */
static const struct modules_entry *find_known(const struct modules_entry *e)
{
	for (unsigned i = entry_count; i-- > 0;) {
		if (!overlaps(entries[i], e))
			continue;
		if (entries[i]->module.bias == e->module.bias && is_same_file(entries[i], e))
			return entries[i];
		return NULL;
	}
	return NULL;
}

static const struct cfi_table *find_table(const struct modules_entry *e)
{
	for (unsigned i = 0; i < entry_count; i++)
		if (entries[i]->module.cfi != NULL && is_same_file(entries[i], e))
			return entries[i]->module.cfi;
	return NULL;
}

/* False: it would take too long. One without a search table is no place to read in. */
static bool can_compile(const struct modules_module *m)
{
	__u64 eh_frame, table;
	__u32 count = 0;

	if (!ehframe_header(&m->section, &eh_frame, &table, &count))
		return false;
	if (count > FUNCTIONS_MAX - compiled)
		return false;
	compiled += count;
	return true;
}

static void compile(struct modules_entry *e)
{
	struct modules_module *m = &e->module;
	struct cfi_source source = {
		.section = m->section,
		.bias = m->bias,
		.lo = m->start,
		.hi = m->end,
	};
	struct cfi_table *table;

	if (m->section.hdr == 0)
		return;
	m->cfi = find_table(e);
	if (m->cfi == NULL && can_compile(m) && cfi_compile(&source, &table) == 0)
		m->cfi = table;
}

/* -------------------------------------------------------------------- refresh */

struct refresh {
	bool with_cfi;
	void (*on_new)(const struct modules_entry *);
	bool any;
	int error;
};

static const struct modules_entry *add_entry(const struct modules_entry *read,
					     struct refresh *refresh)
{
	const size_t size = sizeof(*read) + strlen(read->path) + 1;
	struct modules_entry *e;

	if (entry_count == ENTRIES_MAX)
		return NULL;
	e = allocate(size);
	if (e == NULL) {
		refresh->error = -ENOMEM;
		return NULL;
	}
	memcpy(e, read, size);
	if (refresh->with_cfi)
		compile(e);
	e->module.index = entry_count;
	entries[entry_count] = e;
	__atomic_store_n(&entry_count, entry_count + 1, __ATOMIC_RELEASE);
	if (refresh->on_new != NULL)
		refresh->on_new(e);
	return e;
}

static void publish_segments(const struct modules_entry *e)
{
	for (unsigned i = 0; i < e->segments; i++)
		modules_snapshot_add(e->segment[i].start, e->segment[i].end, &e->module);
}

static int refresh_module(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct refresh *refresh = arg;
	const struct modules_entry *read, *known;

	if (!refresh->any) {
		if (seen_any && info->dlpi_adds == seen_adds && info->dlpi_subs == seen_subs)
			return 1;
		refresh->any = true;
		modules_snapshot_begin();
	}
	seen_any = true;
	seen_adds = info->dlpi_adds;
	seen_subs = info->dlpi_subs;
	read = read_module(info);
	known = find_known(read);
	if (known == NULL)
		known = add_entry(read, refresh);
	if (known != NULL)
		publish_segments(known);
	return 0;
}

static void find_loader_lookup(void)
{
	static bool done;
	void *function;

	if (done)
		return;
	done = true;
	function = dlsym(RTLD_DEFAULT, "_dl_find_object");
	if (function != NULL)
		modules_set_find_object(function);
}

int modules_refresh(bool with_cfi, void (*on_new)(const struct modules_entry *))
{
	struct refresh refresh = { .with_cfi = with_cfi, .on_new = on_new };
	int saved_errno = errno;

	if (__atomic_exchange_n(&busy, true, __ATOMIC_ACQUIRE))
		return 0;
	find_loader_lookup();
	dl_iterate_phdr(refresh_module, &refresh);
	if (refresh.any)
		modules_snapshot_publish();
	__atomic_store_n(&busy, false, __ATOMIC_RELEASE);
	errno = saved_errno;
	return refresh.error;
}

unsigned modules_count(void)
{
	return __atomic_load_n(&entry_count, __ATOMIC_ACQUIRE);
}

const struct modules_entry *modules_at(unsigned index)
{
	return index < modules_count() ? entries[index] : NULL;
}

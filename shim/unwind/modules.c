/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim/unwind/modules.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>

#include "probe/sys.sig.h"
#include "shim/unwind/cfi.h"
#include "shim/unwind/listing.sig.h"
#include "shim/unwind/pages.h"

enum { ENTRIES_MAX = 4096, CHUNK_SIZE = 1 << 16 };

/*
 * The program waits while we compile, most of a microsecond for each function: in
 * one process so many functions and no more, 15 to 20 ms. Handlers read the call-frame
 * information of a module that would exceed it in place.
 */
enum { FUNCTIONS_MAX = 24000 };

static const struct module *entries[ENTRIES_MAX];
static unsigned entry_count;
static unsigned long long seen_adds, seen_subs;
static bool seen_any;
static unsigned compiled;	/* functions */
static struct gaps_budget gaps_budget = { .bytes = 8 << 20, .steps = 50000 };
static bool busy;		/* a thread is refreshing */

/* Bump allocation: entries are never freed. */
static char *chunk;
static size_t chunk_left;

static void *allocate(size_t size)
{
	void *at;

	size = (size + 15) & ~(size_t)15;
	if (size > chunk_left) {
		char *mapped = pages_map(CHUNK_SIZE);

		if (size > CHUNK_SIZE || mapped == NULL)
			return NULL;
		chunk = mapped;
		chunk_left = CHUNK_SIZE;
	}
	at = chunk;
	chunk += size;
	chunk_left -= size;
	return at;
}

/* ------------------------------------------------------------- known or new? */

static bool is_same_file(const struct module *a, const struct module *b)
{
	return strcmp(a->path, b->path) == 0 && module_is_same_file(a, b);
}

/* The newest entry that has been at these addresses, or NULL. */
static const struct module *newest_entry(const struct module *m)
{
	const struct module *newest = NULL;

	for (unsigned i = 0; i < entry_count; i++)
		if (entries[i]->start < m->end && m->start < entries[i]->end &&
		    (newest == NULL || entries[i]->index > newest->index))
			newest = entries[i];
	return newest;
}

/* The newest that a handler has listed there, if it is newer than every entry; or NULL. */
static const struct module *newest_listed(const struct module *m, const struct module *entry)
{
	return listing_newest(0, m->start, m->end, entry != NULL ? (__s64)entry->index : -1);
}

/*
 * The entry that already stands for this mapping. An older one will not do if
 * another module has been there since: readers tell the two apart by order.
 */
static const struct module *find_known(const struct module *m)
{
	const struct module *entry = newest_entry(m);

	if (entry == NULL || newest_listed(m, entry) != NULL)
		return NULL;
	return entry->bias == m->bias && is_same_file(entry, m) ? entry : NULL;
}

/* A handler was here before, and has told of this mapping; or NULL. */
static const struct module *find_listed(const struct module *m)
{
	const struct module *listed = newest_listed(m, newest_entry(m));

	if (listed == NULL || listed->bias != m->bias || !module_is_same_file(listed, m))
		return NULL;
	return listed;
}

static const struct cfi_table *find_table(const struct module *m)
{
	for (unsigned i = 0; i < entry_count; i++)
		if (entries[i]->cfi != NULL && is_same_file(entries[i], m))
			return entries[i]->cfi;
	return NULL;
}

/* False: it would take too long. One without a search table is no place to read in. */
static bool can_compile(const struct module *m)
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

static void compile(struct module *m)
{
	struct gaps_module gaps = {
		.bias = m->bias,
		.phdr = (const void *)m->phdr,
		.phnum = m->phnum,
		.budget = &gaps_budget,
	};
	struct cfi_source source = {
		.section = m->section,
		.bias = m->bias,
		.lo = m->start,
		.hi = m->end,
		.gaps = &gaps,
	};
	struct cfi_table *table;

	if (m->section.hdr == 0)
		return;
	m->cfi = find_table(m);
	if (m->cfi == NULL && can_compile(m) && cfi_compile(&source, &table) == 0)
		m->cfi = table;
}

/* -------------------------------------------------------------------- refresh */

struct refresh {
	bool with_cfi;
	bool any;
	bool complete;
	int error;
};

/* Room for a module and its path, which is in *ret->path. NULL: there is none. */
static struct module *make_entry(const struct module *read)
{
	struct module *m;
	char *path;

	if (entry_count == ENTRIES_MAX)
		return NULL;
	m = allocate(sizeof(*m) + strlen(read->path) + 1);
	if (m == NULL)
		return NULL;
	path = (char *)(m + 1);
	*m = *read;
	m->path = strcpy(path, read->path);
	return m;
}

static const struct module *add_entry(const struct module *read, bool with_cfi)
{
	struct module *m = make_entry(read);
	const struct module *listed;

	if (m == NULL)
		return NULL;
	if (with_cfi)
		compile(m);
	listed = find_listed(m);
	m->index = listed != NULL ? listed->index : listing_next_index();
	entries[entry_count] = m;
	__atomic_store_n(&entry_count, entry_count + 1, __ATOMIC_RELEASE);
	if (listed == NULL)
		listing_new(m);
	return m;
}

static bool publish_segments(const struct module *m)
{
	bool all = true;

	for (unsigned i = 0; i < m->segments; i++)
		all &= modules_snapshot_add(m->segment[i].start, m->segment[i].end, m);
	return all;
}

static void refresh_one(const struct module *read, struct refresh *refresh)
{
	const struct module *known = find_known(read);

	if (known == NULL)
		known = add_entry(read, refresh->with_cfi);
	if (known == NULL && entry_count < ENTRIES_MAX)
		refresh->error = -ENOMEM;
	if (known == NULL || !publish_segments(known))
		refresh->complete = false;
}

static int refresh_module(struct dl_phdr_info *info, size_t size, void *arg)
{
	static char path[4096];	/* one thread at a time refreshes */
	struct refresh *refresh = arg;
	struct module read;

	if (!refresh->any) {
		if (seen_any && info->dlpi_adds == seen_adds && info->dlpi_subs == seen_subs)
			return 1;
		refresh->any = true;
		modules_snapshot_begin();
	}
	seen_any = true;
	seen_adds = info->dlpi_adds;
	seen_subs = info->dlpi_subs;
	if (!module_read(info->dlpi_addr, (__u64)info->dlpi_phdr, info->dlpi_phnum, &read))
		return 0;
	module_read_path((__u64)info->dlpi_name, path, sizeof(path));
	module_read_file(path, &read);
	read.path = path;
	refresh_one(&read, refresh);
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

int modules_refresh(bool with_cfi)
{
	struct refresh refresh = { .with_cfi = with_cfi, .complete = true };
	int saved_errno = errno;

	if (__atomic_exchange_n(&busy, true, __ATOMIC_ACQUIRE))
		return 0;
	find_loader_lookup();
	dl_iterate_phdr(refresh_module, &refresh);
	if (refresh.any)
		modules_snapshot_publish(refresh.complete);
	__atomic_store_n(&busy, false, __ATOMIC_RELEASE);
	errno = saved_errno;
	return refresh.error;
}

unsigned modules_count(void)
{
	return __atomic_load_n(&entry_count, __ATOMIC_ACQUIRE);
}

const struct module *modules_at(unsigned place)
{
	return place < modules_count() ? entries[place] : NULL;
}

const struct module *modules_find_bias(__u64 load_bias)
{
	for (unsigned i = modules_count(); i-- > 0;)
		if (entries[i]->bias == load_bias)
			return entries[i];
	return NULL;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/process/procmaps.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#define DELETED " (deleted)"

/* One line of maps. `path` points into it. */
struct line {
	__u64 start, end, offset, inode;
	unsigned major, minor;
	char mode[5];
	char *path;
};

static bool line_parse(char *text, struct line *ret)
{
	int at = -1;

	if (sscanf(text, "%llx-%llx %4s %llx %x:%x %llu %n", &ret->start, &ret->end, ret->mode,
		   &ret->offset, &ret->major, &ret->minor, &ret->inode, &at) < 7 || at < 0)
		return false;
	ret->path = text + at;
	ret->path[strcspn(ret->path, "\n")] = '\0';
	return ret->inode != 0 && ret->path[0] == '/';
}

static void strip_deleted(char *path)
{
	size_t length = strlen(path), suffix = strlen(DELETED);

	if (length > suffix && strcmp(path + length - suffix, DELETED) == 0)
		path[length - suffix] = '\0';
}

static bool is_continuation(const struct procmaps_module *m, const struct line *l)
{
	return m->inode == l->inode && m->device == makedev(l->major, l->minor) &&
	       l->offset > m->offset;
}

static int module_add(struct procmaps *maps, const struct line *l)
{
	struct procmaps_module *grown, *m;

	grown = reallocarray(maps->modules, maps->count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	maps->modules = grown;
	m = &grown[maps->count];
	*m = (struct procmaps_module){
		.start = l->start, .first_end = l->end, .offset = l->offset,
		.inode = l->inode, .device = makedev(l->major, l->minor),
		.is_shared = l->mode[3] == 's', .path = strdup(l->path),
	};
	if (!m->path)
		return -ENOMEM;
	strip_deleted(m->path);
	maps->count++;
	return 0;
}

static int line_take(struct procmaps *maps, const struct line *l)
{
	struct procmaps_module *last = maps->count ? &maps->modules[maps->count - 1] : NULL;
	int r;

	if (!last || !is_continuation(last, l)) {
		r = module_add(maps, l);
		if (r < 0)
			return r;
		last = &maps->modules[maps->count - 1];
	}
	last->end = l->end;
	last->is_executable |= l->mode[2] == 'x';
	return 0;
}

int procmaps_read(pid_t pid, struct procmaps *ret)
{
	struct procmaps maps = { .pid = pid };
	char *text = NULL, path[64];
	size_t size = 0;
	struct line l;
	int r = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return errno == ENOENT ? -ESRCH : -errno;
	while (r == 0 && getline(&text, &size, f) > 0)
		if (line_parse(text, &l))
			r = line_take(&maps, &l);
	free(text);
	fclose(f);
	if (r < 0)
		procmaps_free(&maps);
	else
		*ret = maps;
	return r;
}

void procmaps_free(struct procmaps *maps)
{
	for (size_t i = 0; i < maps->count; i++)
		free(maps->modules[i].path);
	free(maps->modules);
	*maps = (struct procmaps){ 0 };
}

const struct procmaps_module *procmaps_find(const struct procmaps *maps, __u64 address)
{
	for (size_t i = 0; i < maps->count; i++)
		if (address >= maps->modules[i].start && address < maps->modules[i].end)
			return &maps->modules[i];
	return NULL;
}

const struct procmaps_module *procmaps_find_name(const struct procmaps *maps, const char *name)
{
	for (size_t i = 0; i < maps->count; i++)
		if (strcmp(strrchr(maps->modules[i].path, '/') + 1, name) == 0)
			return &maps->modules[i];
	return NULL;
}

int procmaps_link(const struct procmaps *maps, const struct procmaps_module *module, char *ret,
		  size_t size)
{
	int length = snprintf(ret, size, "/proc/%d/map_files/%llx-%llx", (int)maps->pid,
			      module->start, module->first_end);

	return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

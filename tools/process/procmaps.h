/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * procmaps: the files that a running process has mapped, from /proc/<pid>/maps.
 * Lines of one file are joined to one module, as the dynamic linker laid it out.
 * Ordinary code.
 */
#ifndef TOOLS_PROCMAPS_H
#define TOOLS_PROCMAPS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct procmaps_module {
	__u64 start;		/* lowest mapped address */
	__u64 end;		/* one past the highest */
	__u64 first_end;	/* end of the first mapping: names it in /proc/<pid>/map_files */
	__u64 offset;		/* file offset at `start` */
	__u64 inode;
	__u64 device;		/* as makedev(3) gives it */
	bool is_executable;	/* some of it may be executed */
	bool is_shared;		/* mapped MAP_SHARED */
	char *path;		/* as in maps, without a trailing " (deleted)" */
};

struct procmaps {
	pid_t pid;
	size_t count;
	struct procmaps_module *modules;	/* by address */
};

/* Returns 0, -ESRCH if there is no such process, -EACCES, or -ENOMEM. Free with procmaps_free. */
int procmaps_read(pid_t pid, struct procmaps *ret);
void procmaps_free(struct procmaps *maps);

/* The module whose range holds `address`, or NULL. */
const struct procmaps_module *procmaps_find(const struct procmaps *maps, __u64 address);

/* The module whose file is named `name`, any folder, or NULL. */
const struct procmaps_module *procmaps_find_name(const struct procmaps *maps, const char *name);

/*
 * A path that opens the very file that is mapped, even if it was replaced or
 * lives in another mount namespace. Needs CAP_SYS_ADMIN or
 * CAP_CHECKPOINT_RESTORE to be followed. Returns 0 or -ENAMETOOLONG.
 */
int procmaps_link(const struct procmaps *maps, const struct procmaps_module *module, char *ret,
		  size_t size);

#endif

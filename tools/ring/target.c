/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/ring/target.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static ssize_t read_file(const char *path, char *buffer, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buffer, size - 1);
	buffer[n > 0 ? n : 0] = '\0';
	close(fd);
	return n;
}

/* Field 22 of /proc/<pid>/stat; 0 if there is no such process. */
static __u64 start_ticks(__u32 pid)
{
	char path[32], stat[1024];
	char *at;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	if (read_file(path, stat, sizeof(stat)) <= 0)
		return 0;
	/* The name, field 2, may contain anything, also blanks and brackets. */
	at = strrchr(stat, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at, NULL, 10) : 0;
}

static bool read_boot_id(__u8 ret[static 16])
{
	char text[64];
	unsigned digits = 0;

	if (read_file("/proc/sys/kernel/random/boot_id", text, sizeof(text)) <= 0)
		return false;
	memset(ret, 0, 16);
	for (const char *c = text; *c && digits < 32; c++) {
		if (!isxdigit((unsigned char)*c))
			continue;
		ret[digits / 2] = (__u8)(ret[digits / 2] << 4 |
					 (isdigit((unsigned char)*c) ? *c - '0' : (*c | 32) - 'a' + 10));
		digits++;
	}
	return digits == 32;
}

static bool is_this_boot(const struct goidshim_header *header)
{
	static const __u8 unknown[16];
	__u8 here[16];

	if (memcmp(header->boot_id, unknown, sizeof(unknown)) == 0 || !read_boot_id(here))
		return true;
	return memcmp(header->boot_id, here, sizeof(here)) == 0;
}

enum target_state target_state(const struct goidshim_header *header)
{
	__u64 ticks;

	if (!is_this_boot(header))
		return TARGET_ELSEWHERE;
	ticks = start_ticks(header->pid);
	return ticks != 0 && ticks == header->pid_start_ticks ? TARGET_ALIVE : TARGET_ENDED;
}

void target_identify(__u32 pid, struct goidshim_header *ret_header)
{
	ret_header->pid = pid;
	ret_header->pid_start_ticks = start_ticks(pid);
	if (!read_boot_id(ret_header->boot_id))
		memset(ret_header->boot_id, 0, sizeof(ret_header->boot_id));
}

const char *target_exe(const struct reader *reader)
{
	for (size_t i = 0; i < reader_module_count(reader); i++)
		if (reader_module(reader, i)->index == 0)
			return reader_module(reader, i)->path;
	return "?";
}

/* A read lease is granted only on a file that nobody has open for writing. */
bool target_has_writer(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool refused;

	if (fd < 0)
		return false;
	refused = fcntl(fd, F_SETLEASE, F_RDLCK) < 0 && errno == EAGAIN;
	close(fd);
	return refused;
}

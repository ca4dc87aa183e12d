/* SPDX-License-Identifier: BSD-2-Clause */
/* Finding rings, and removing only what nobody can want. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/ringfile.h"
#include "tools/ring/rings.h"
#include "tools/ring/target.h"

TestSuite(rings, .timeout = 20);

#define expect_text(have, want, ...) cr_expect(eq(str, (char *)(have), (char *)(want)), ##__VA_ARGS__)

/* A folder like /dev/shm, on the same file system. */
static char folder[] = "/dev/shm/goidshim-test.XXXXXX";

static void make_folder(void)
{
	cr_assert(mkdtemp(folder) != NULL);
}

static void remove_folder(void)
{
	char *command;

	cr_assert(asprintf(&command, "rm -rf %s", folder) > 0);
	cr_expect(eq(int, system(command), 0));
}

static const char *in_folder(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static bool exists(const char *name)
{
	return access(in_folder(name), F_OK) == 0;
}

/* Saves a ring of process `pid`, which began at `ticks`, `age` seconds after an epoch. */
static void save_ring(const char *name, __u32 pid, __u64 ticks, __u64 age)
{
	const struct ringfile_shape shape = { 0 };
	struct ringfile ring;

	ringfile_open(&ring, &shape);
	ringfile_header(&ring)->pid = pid;
	ringfile_header(&ring)->uid = geteuid();
	ringfile_header(&ring)->pid_start_ticks = ticks;
	ringfile_header(&ring)->start_realtime_ns = age * 1000000000;
	ringfile_save(&ring, in_folder(name));
	ringfile_close(&ring);
}

/* Our own start time, read in another way than tools/ring/target does. */
static __u64 own_ticks(void)
{
	FILE *stat = fopen("/proc/self/stat", "r");
	unsigned long long ticks = 0;

	cr_assert(stat != NULL);
	cr_assert(eq(int, fscanf(stat,
				 "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d "
				 "%*d %*d %*d %*d %*d %llu",
				 &ticks),
		     1));
	fclose(stat);
	return ticks;
}

static FILE *nowhere(void)
{
	return fopen("/dev/null", "w");
}

Test(rings, the_newest_ring_is_the_default, .init = make_folder, .fini = remove_folder)
{
	char *path;

	cr_expect(eq(int, rings_find(folder, NULL, &path), -ENOENT));
	save_ring("goidshim.1", 1, 1, 100);
	save_ring("goidshim.3", 3, 1, 300);
	save_ring("goidshim.2", 2, 1, 200);
	cr_assert(eq(int, rings_find(folder, NULL, &path), 0));
	expect_text(path, in_folder("goidshim.3"));
}

Test(rings, passes_over_what_is_no_ring_of_ours, .init = make_folder, .fini = remove_folder)
{
	char *path;
	int fd;

	cr_assert(eq(int, mkfifo(in_folder("goidshim.5"), 0600), 0));
	cr_assert(eq(int, symlink("/dev/zero", in_folder("goidshim.6")), 0));
	fd = open(in_folder("goidshim.7"), O_CREAT | O_WRONLY, 0600);
	cr_assert(eq(int, close(fd), 0));
	cr_expect(eq(int, rings_find(folder, NULL, &path), -ENOENT));
	save_ring("goidshim.8", 8, 1, 1);
	cr_assert(eq(int, rings_find(folder, NULL, &path), 0));
	expect_text(path, in_folder("goidshim.8"));
	cr_expect(eq(int, rings_list(folder, nowhere()), 1));
}

Test(rings, a_number_is_a_process_before_it_is_a_file, .init = make_folder, .fini = remove_folder)
{
	char *path;

	save_ring("goidshim.42", 42, 1, 1);
	cr_assert(eq(int, chdir(folder), 0));
	cr_assert(eq(int, rings_find(folder, "42", &path), 0));
	expect_text(path, in_folder("goidshim.42"));
	cr_expect(eq(int, rings_find(folder, "43", &path), -ENOENT));
	save_ring("43", 43, 1, 1);
	cr_assert(eq(int, rings_find(folder, "43", &path), 0));
	expect_text(path, "43");
	cr_assert(eq(int, rings_find(folder, "some/file", &path), 0));
	expect_text(path, "some/file");
}

Test(rings, clean_removes_ended_ones_only, .init = make_folder, .fini = remove_folder)
{
	save_ring("goidshim.1", (__u32)getpid(), own_ticks(), 1);
	save_ring("goidshim.2", (__u32)getpid(), own_ticks() + 1, 1);	/* our pid, another process */
	save_ring("goidshim.3", 0x7fffffff, 1, 1);			/* no such pid */
	save_ring("other.4", 0x7fffffff, 1, 1);
	cr_expect(eq(int, rings_list(folder, nowhere()), 3));
	cr_expect(eq(int, rings_clean(folder, nowhere()), 2));
	cr_expect(exists("goidshim.1"));
	cr_expect(not(exists("goidshim.2")));
	cr_expect(not(exists("goidshim.3")));
	cr_expect(exists("other.4"));
}

/* As when the process lives in another pid namespace: its pid means nothing here. */
Test(rings, clean_keeps_what_is_still_written, .init = make_folder, .fini = remove_folder)
{
	void *map;
	int fd;

	save_ring("goidshim.9", 0x7fffffff, 1, 1);
	fd = open(in_folder("goidshim.9"), O_RDWR);
	cr_assert(fd >= 0);
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	cr_assert(map != MAP_FAILED);
	cr_assert(eq(int, close(fd), 0));
	if (!target_has_writer(in_folder("goidshim.9")))
		cr_skip("this kernel grants no leases here");
	cr_expect(eq(int, rings_clean(folder, nowhere()), 0));
	cr_expect(exists("goidshim.9"));
	cr_assert(eq(int, munmap(map, 4096), 0));
	cr_expect(eq(int, rings_clean(folder, nowhere()), 1));
	cr_expect(not(exists("goidshim.9")));
}

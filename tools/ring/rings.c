/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/ring/rings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tools/print/printable.h"
#include "tools/ring/reader.h"
#include "tools/ring/target.h"

static const char prefix[] = "goidshim.";

struct ring {
	char *path;
	struct stat st;
	struct reader *reader;
};

static void ring_close(struct ring *ring)
{
	reader_close(ring->reader);
	free(ring->path);
}

/* Is `name` a ring that belongs to us? 0 with *ret to ring_close, or -errno. */
static int ring_open(const char *folder, const char *name, struct ring *ret)
{
	const char *why;
	int err;

	if (strncmp(name, prefix, strlen(prefix)) != 0)
		return -ENOENT;
	if (asprintf(&ret->path, "%s/%s", folder, name) < 0)
		return -ENOMEM;
	if (lstat(ret->path, &ret->st) < 0)
		err = -errno;
	else if (!S_ISREG(ret->st.st_mode) || ret->st.st_uid != geteuid())
		err = -ENOENT;
	else
		err = reader_open(ret->path, &why, &ret->reader);
	if (err) {
		free(ret->path);
		return err;
	}
	if (reader_header(ret->reader)->uid != ret->st.st_uid) {
		ring_close(ret);
		return -ENOENT;
	}
	return 0;
}

/* Calls visit(ring, data) for each of our rings; counts those for which it returns 1. */
static int for_each_ring(const char *folder, int (*visit)(struct ring *, void *), void *data)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, NULL, alphasort);
	int taken = 0;

	if (count < 0)
		return -errno;
	for (int i = 0; i < count; i++) {
		struct ring ring;

		if (ring_open(folder, entries[i]->d_name, &ring) == 0) {
			taken += visit(&ring, data);
			ring_close(&ring);
		}
		free(entries[i]);
	}
	free(entries);
	return taken;
}

struct newest {
	__u64 start_ns;
	char *path;
};

static int keep_newest(struct ring *ring, void *data)
{
	__u64 start_ns = reader_header(ring->reader)->start_realtime_ns;
	struct newest *newest = data;

	if (newest->path && start_ns <= newest->start_ns)
		return 0;
	free(newest->path);
	newest->start_ns = start_ns;
	newest->path = strdup(ring->path);
	return 1;
}

static int find_newest(const char *folder, char **ret_path)
{
	struct newest newest = { 0 };
	int found = for_each_ring(folder, keep_newest, &newest);

	if (found > 0 && !newest.path)
		return -ENOMEM;
	if (!newest.path)
		return -ENOENT;
	*ret_path = newest.path;
	return 0;
}

static bool is_number(const char *word)
{
	return word[0] && word[strspn(word, "0123456789")] == '\0';
}

int rings_find(const char *folder, const char *word, char **ret_path)
{
	char *path;

	if (!word)
		return find_newest(folder, ret_path);
	if (is_number(word)) {
		if (asprintf(&path, "%s/%s%s", folder, prefix, word) < 0)
			return -ENOMEM;
		if (access(path, F_OK) == 0) {
			*ret_path = path;
			return 0;
		}
		free(path);
		if (access(word, F_OK) < 0)
			return -ENOENT;
	}
	*ret_path = strdup(word);
	return *ret_path ? 0 : -ENOMEM;
}

static const char *state_word(const struct ring *ring)
{
	if (target_state(reader_header(ring->reader)) == TARGET_ALIVE ||
	    target_has_writer(ring->path))
		return "alive";
	return "ended";
}

/* How long ago the recording began: "42 s", "17 min", "5 h", "3 days". */
static void write_age(char *buffer, size_t size, __u64 start_realtime_ns)
{
	__u64 now = (__u64)time(NULL), start = start_realtime_ns / 1000000000;
	__u64 age = now > start ? now - start : 0;

	if (age < 100)
		snprintf(buffer, size, "%llu s ago", age);
	else if (age < 100 * 60)
		snprintf(buffer, size, "%llu min ago", age / 60);
	else if (age < 48 * 3600)
		snprintf(buffer, size, "%llu h ago", age / 3600);
	else
		snprintf(buffer, size, "%llu days ago", age / 86400);
}

struct listing {
	FILE *out;
	unsigned lines;
};

static int list_ring(struct ring *ring, void *data)
{
	const struct goidshim_header *h = reader_header(ring->reader);
	struct listing *l = data;
	char program[256], age[32];

	if (reader_poll(ring->reader, READER_BY_CLAIM) < 0)
		return 0;
	if (l->lines++ == 0)
		fprintf(l->out, "%8s  %-5s  %9s  %10s  %-12s  %s\n", "PID", "STATE", "SIZE", "SAMPLES",
			"BEGAN", "PROGRAM");
	fprintf(l->out, "%8u  %-5s  %5.1f MiB  %10llu  ", h->pid, state_word(ring),
		(double)reader_file_size(ring->reader) / (1 << 20),
		reader_totals(ring->reader)->samples);
	write_age(age, sizeof(age), h->start_realtime_ns);
	printable_copy(program, sizeof(program), target_exe(ring->reader));
	fprintf(l->out, "%-12s  %s\n", age, program);
	return 1;
}

int rings_list(const char *folder, FILE *out)
{
	struct listing listing = { .out = out };

	return for_each_ring(folder, list_ring, &listing);
}

/*
 * "Ended" must be beyond doubt: not this process any more, and nobody who could
 * still write. A ring of another boot in this folder has no process either.
 */
static int clean_ring(struct ring *ring, void *data)
{
	const struct goidshim_header *h = reader_header(ring->reader);
	FILE *out = data;

	if (target_state(h) == TARGET_ALIVE || target_has_writer(ring->path))
		return 0;
	if (unlink(ring->path) < 0) {
		fprintf(out, "%s stays: %s\n", ring->path, strerror(errno));
		return 0;
	}
	fprintf(out, "removed %s (pid %u has ended)\n", ring->path, h->pid);
	return 1;
}

int rings_clean(const char *folder, FILE *out)
{
	return for_each_ring(folder, clean_ring, out);
}

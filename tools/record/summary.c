/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/record/summary.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/profile/report.h"
#include "tools/ring/names.h"
#include "tools/ring/reader.h"

#define RING_PREFIX "goidshim."

static void print_lost(FILE *out, const struct reader *reader)
{
	__u64 lost[GOIDSHIM_LOST_MAX];

	report_lost(reader, false, lost);
	for (unsigned reason = 0; reason < GOIDSHIM_LOST_MAX; reason++)
		if (lost[reason])
			fprintf(out, "goidshim-record: lost %llu: %s\n", lost[reason],
				names_explain_lost(reason));
}

static void print_ring(FILE *out, const char *path, const struct reader *reader)
{
	const struct reader_totals *totals = reader_totals(reader);
	const struct goidshim_header *header = reader_header(reader);
	double rate = report_rate_hz(totals);

	fprintf(out, "goidshim-record: %s: %llu samples", path, totals->samples);
	if (rate > 0)
		fprintf(out, " at %.0f Hz of CPU time (%u asked)", rate, header->rate_hz);
	fprintf(out, "; see: goidshim-dump %s\n", path);
	print_lost(out, reader);
}

int summary_print(FILE *out, const char *path)
{
	struct reader *reader;
	const char *why;
	int r;

	r = reader_open(path, &why, &reader);
	if (r < 0)
		return r;
	r = reader_poll(reader, READER_BY_CLAIM);
	if (r == 0)
		print_ring(out, path, reader);
	reader_close(reader);
	return r;
}

/* Opening a stranger's file could block or disturb: ours, regular, and new only. */
static int is_candidate(const char *path, unsigned long long since_ns)
{
	struct reader *reader;
	struct stat st;
	const char *why;
	int answer;

	if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    reader_open(path, &why, &reader) < 0)
		return 0;
	answer = reader_header(reader)->start_ns >= since_ns;
	reader_close(reader);
	return answer;
}

int summary_print_since(FILE *out, const char *folder, unsigned long long since_ns)
{
	char path[PATH_MAX];
	struct dirent *entry;
	int count = 0;
	DIR *dir;

	dir = opendir(folder);
	if (!dir)
		return 0;
	while ((entry = readdir(dir))) {
		if (strncmp(entry->d_name, RING_PREFIX, sizeof(RING_PREFIX) - 1))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (is_candidate(path, since_ns) && summary_print(out, path) == 0)
			count++;
	}
	closedir(dir);
	return count;
}

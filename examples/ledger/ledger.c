/* SPDX-License-Identifier: BSD-2-Clause */
#include "ledger.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int file;
char *note;

int ledger_open(const char *path)
{
	file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	return file < 0 ? -1 : 0;
}

void ledger_enter(long entry)
{
	pthread_mutex_lock(&lock);
	if (write(file, &entry, sizeof(entry)) == sizeof(entry))
		fsync(file);
	pthread_mutex_unlock(&lock);
}

long ledger_sum(void)
{
	long entry, sum = 0;
	off_t at = 0;

	pthread_mutex_lock(&lock);
	for (; pread(file, &entry, sizeof(entry), at) == sizeof(entry); at += sizeof(entry))
		sum += entry;
	pthread_mutex_unlock(&lock);
	return sum;
}

/* Only the newest note is kept; those before it stay in memory, out of reach. */
void ledger_note(const char *text)
{
	note = strdup(text);
}

void ledger_audit(void)
{
	char answer;
	int peer[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, peer) == 0)
		(void)!recv(peer[0], &answer, 1, 0);
}

void ledger_close(const char *path)
{
	close(file);
	unlink(path);
}

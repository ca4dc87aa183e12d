/* SPDX-License-Identifier: BSD-2-Clause */
/* The names of a ring's threads, by thread id. Signal-safe: no. */
#ifndef TOOLS_THREADS_H
#define TOOLS_THREADS_H

#include "goidshim/format.h"
#include "tools/tables/hashindex.h"

struct thread_name {
	__u32 tid;
	char name[16];		/* printable, NUL-terminated */
};

struct threads {
	struct thread_name *names;
	size_t count;
	size_t room;
	struct hashindex index;
};

/* A thread's last name is kept, and a thread id's last thread. Returns 0 or -ENOMEM. */
int threads_add(struct threads *threads, const struct goidshim_thread *thread);

/* The name of thread `tid`; "" if the ring does not say. */
const char *threads_name(const struct threads *threads, __u32 tid);

void threads_free(struct threads *threads);

#endif

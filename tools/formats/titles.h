/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words for who ran: goroutines, threads, and those who held a lock. Printable.
 * Signal-safe: no.
 */
#ifndef TOOLS_TITLES_H
#define TOOLS_TITLES_H

#include "tools/formats/export.h"
#include "tools/profile/stacks.h"
#include "tools/ring/threads.h"

#define TITLES_NAME_SIZE 512
#define TITLES_SIZE 576

/* Where the goroutine of a series started: "main.worker"; "" where it has no goroutine. */
void titles_start(const struct export_context *context, const struct series *series,
		    char ret[static TITLES_NAME_SIZE]);

/* "goroutine 18: main.worker", or why there is none: "no goroutine: the Go scheduler". */
void titles_goroutine(const struct export_context *context, const struct series *series,
			char ret[static TITLES_SIZE]);

/*
 * Who held what was waited for: "goroutine 24: main.reader", "thread 4711 (sqlite)";
 * "" where nobody is known to.
 */
void titles_holder(const struct export_context *context, const struct threads *threads,
		     const struct stacks_wait *wait, char ret[static TITLES_SIZE]);

/* "thread 4711 (sqlite)". */
void titles_thread(const struct threads *threads, const struct series *series,
		     char ret[static TITLES_SIZE]);

#endif

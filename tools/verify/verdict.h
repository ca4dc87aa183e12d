/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict: says what came of a trial, to people and to programs. Ordinary code.
 */
#ifndef TOOLS_VERDICT_H
#define TOOLS_VERDICT_H

#include <stdio.h>

#include "tools/verify/trial.h"

/* The exit status of goidshim-verify, and what it is called in JSON. */
enum verdict {
	VERDICT_AGREED = 0,
	VERDICT_DISPUTED = 1,
	VERDICT_FAILED = 2,
};

/* `cause` says why there was nothing to judge; only for VERDICT_FAILED. */
enum verdict verdict_reach(const struct trial_sums *sums);

void verdict_print_text(FILE *out, const struct trial *trial, const struct trial_sums *sums,
			const char *cause);
int verdict_print_json(FILE *out, const struct trial *trial, const struct trial_sums *sums,
		       const char *cause);

/* One line of JSON for one reading that was compared. */
int verdict_print_event(FILE *out, const struct evidence_event *event);

/* One line of text that says both sides of a reading. */
void verdict_print_dispute(FILE *out, const struct evidence_event *event);

#endif

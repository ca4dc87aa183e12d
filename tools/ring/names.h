/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Words for the numbers of format.h and goid.h: a key for machines (lower case,
 * as in the enumerator's name) and a clause for people. Every function accepts
 * any number, since they come from files, and returns static text. How the FS
 * base is read is named by fsbase_method_name().
 */
#ifndef TOOLS_NAMES_H
#define TOOLS_NAMES_H

#include "tools/ring/reader.h"

/* Keys; "unknown" for what a newer writer may have added. */
const char *names_class(unsigned class_);
const char *names_reason(unsigned reason);
const char *names_trigger(unsigned trigger);
const char *names_lost(unsigned lost);
const char *names_stack_end(unsigned end);
const char *names_alloc_kind(unsigned kind);
const char *names_lock_kind(unsigned kind);

/* For people. */
const char *names_explain_trigger(unsigned trigger);
const char *names_explain_lost(unsigned lost);
const char *names_explain_unattributed(unsigned class_, unsigned reason);
const char *names_explain_problem(enum reader_problem problem);

#endif

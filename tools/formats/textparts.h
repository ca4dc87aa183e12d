/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of the report for people are set with: headings, facts, and
 * numbers and names as people read them. Signal-safe: no.
 */
#ifndef TOOLS_TEXTPARTS_H
#define TOOLS_TEXTPARTS_H

#include "tools/formats/export.h"

#define TEXTPARTS_WIDTH 100	/* columns */

/* An escape sequence's number, where colour is wanted: "1" bold, "2" dim, "0" neither. */
void textparts_style(const struct export_context *c, const char *style);

/* A line of its own, after an empty one. */
void textparts_heading(const struct export_context *c, const char *text);

/* "  label      words", wrapped. */
__attribute__((format(printf, 3, 4))) void
textparts_fact(const struct export_context *c, const char *label, const char *format, ...);

/* "1234567" -> "1,234,567" */
const char *textparts_grouped(char buffer[static 32], __u64 value);

/* Milliseconds with one decimal: "1,234.5" */
const char *textparts_milliseconds(char buffer[static 32], __u64 ns);

/* "12.3 s", "4.56 ms", "78 us" */
const char *textparts_duration(char buffer[static 32], __u64 ns);

/* "1.5 GiB"; whole bytes below a KiB. */
const char *textparts_bytes(char buffer[static 32], double value);

/* What is after the last slash but `keep`: 0 "a.org/b/pkg.Run" -> "pkg.Run"; 1 "b/pkg.Run" */
const char *textparts_after_slashes(const char *text, unsigned keep);

/* At most `width` columns of `text`, its end if it has more. */
void textparts_shorten(char *to, size_t size, const char *text, size_t width);

#endif

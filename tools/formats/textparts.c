/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/formats/textparts.h"

#include <stdarg.h>
#include <string.h>

#include "tools/print/printable.h"

#define LABEL_WIDTH 13	/* of a fact: "  rate       " */

void textparts_style(const struct export_context *c, const char *style)
{
	if (c->use_color)
		fprintf(c->out, "\033[%sm", style);
}

void textparts_heading(const struct export_context *c, const char *text)
{
	fputc('\n', c->out);
	textparts_style(c, "1");
	fputs(text, c->out);
	textparts_style(c, "0");
	fputc('\n', c->out);
}

const char *textparts_grouped(char buffer[static 32], __u64 value)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%llu", value);
	char *to = buffer;

	for (int i = 0; i < n; i++) {
		if (i > 0 && (n - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return buffer;
}

const char *textparts_milliseconds(char buffer[static 32], __u64 ns)
{
	__u64 tenths = ns / 100000;

	textparts_grouped(buffer, tenths / 10);
	sprintf(buffer + strlen(buffer), ".%u", (unsigned)(tenths % 10));
	return buffer;
}

static void put_wrapped(const struct export_context *c, const char *text)
{
	size_t column = LABEL_WIDTH;

	while (*text) {
		size_t n = strcspn(text, " ");

		if (column > LABEL_WIDTH && column + 1 + n > TEXTPARTS_WIDTH) {
			fprintf(c->out, "\n%*s", LABEL_WIDTH, "");
			column = LABEL_WIDTH;
		} else if (column > LABEL_WIDTH) {
			fputc(' ', c->out);
			column++;
		}
		fwrite(text, 1, n, c->out);
		column += n;
		text += n;
		text += strspn(text, " ");
	}
	fputc('\n', c->out);
}

void textparts_fact(const struct export_context *c, const char *label, const char *format, ...)
{
	char raw[1024], text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(raw, sizeof(raw), format, args);
	va_end(args);
	textparts_style(c, "2");
	fprintf(c->out, "  %-*s", LABEL_WIDTH - 2, label);
	textparts_style(c, "0");
	put_wrapped(c, printable_copy(text, sizeof(text), raw));
}

const char *textparts_after_slashes(const char *text, unsigned keep)
{
	for (const char *c = text + strlen(text); c > text; c--)
		if (c[-1] == '/' && keep-- == 0)
			return c;
	return text;
}

void textparts_shorten(char *to, size_t size, const char *text, size_t width)
{
	if (printable_width(text) <= width)
		snprintf(to, size, "%s", text);
	else
		snprintf(to, size, "..%s", printable_tail(text, width - 2));
}

const char *textparts_duration(char buffer[static 32], __u64 ns)
{
	static const struct {
		double unit;
		const char *name;
	} units[] = { { 1e9, "s" }, { 1e6, "ms" }, { 1e3, "us" }, { 1, "ns" } };
	unsigned i = 0;
	double value;

	while (i < 3 && (double)ns < units[i].unit)
		i++;
	value = (double)ns / units[i].unit;
	snprintf(buffer, 32, "%.*f %s", i == 3 || value >= 100 ? 0 : value >= 10 ? 1 : 2, value,
		 units[i].name);
	return buffer;
}

const char *textparts_bytes(char buffer[static 32], double value)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	unsigned unit = 0;

	for (; value >= 1023.95 && unit < 6; unit++)
		value /= 1024;
	snprintf(buffer, 32, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return buffer;
}

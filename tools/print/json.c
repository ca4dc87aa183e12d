/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/print/json.h"

void json_put_string(FILE *out, const char *text)
{
	putc_unlocked('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putc_unlocked('\\', out);
		if (*text == '<')
			fputs("\\u003c", out);
		else
			putc_unlocked(*text, out);
	}
	putc_unlocked('"', out);
}

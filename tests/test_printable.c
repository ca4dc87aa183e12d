/* SPDX-License-Identifier: BSD-2-Clause */
/* Text from hostile files. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "tools/print/printable.h"

#define expect_text(have, want, ...) cr_expect(eq(str, (char *)(have), (char *)(want)), ##__VA_ARGS__)

TestSuite(printable, .timeout = 5);

static char *copy(const char *from)
{
	static char to[64];

	return printable_copy(to, sizeof(to), from);
}

Test(printable, keeps_text_and_replaces_the_rest)
{
	expect_text(copy("main.(*T\xc2\xb7x).Run \xe2\x82\xac"),
		     "main.(*T\xc2\xb7x).Run \xe2\x82\xac");
	expect_text(copy("\033[31mred\a\n"), "?[31mred??");
	expect_text(copy("C1 \xc2\x9b" "31m"), "C1 ??31m");
	expect_text(copy("cut \xe2\x82"), "cut ??");
	expect_text(copy("overlong \xc0\xaf \xe0\x80\xaf"), "overlong ?? ???");
	expect_text(copy("surrogate \xed\xa0\x80"), "surrogate ???");
	expect_text(copy("beyond \xf4\x90\x80\x80"), "beyond ????");
}

Test(printable, never_cuts_a_character)
{
	char to[4];

	expect_text(printable_copy(to, sizeof(to), "ab\xe2\x82\xac"), "ab");
	expect_text(printable_copy(to, sizeof(to), "\xe2\x82\xac" "c"), "\xe2\x82\xac");
	expect_text(printable_copy(to, 1, "x"), "");
}

Test(printable, counts_columns_and_keeps_tails)
{
	cr_expect(eq(sz, printable_width("a\xe2\x82\xac" "b"), 3));
	expect_text(printable_tail("a\xe2\x82\xac" "b", 2), "\xe2\x82\xac" "b");
	expect_text(printable_tail("abc", 1), "c");
	expect_text(printable_tail("abc", 9), "abc");
}

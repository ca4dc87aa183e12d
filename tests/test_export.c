/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the exporters print: for the golden ring, which later versions must still
 * read the same, and for rings with texts that mean harm.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tests/rendering.h"
#include "tests/ringfile.h"
#include "tools/print/printable.h"

TestSuite(export, .timeout = 20);

#define expect_text(have, want, ...) cr_expect(eq(str, (char *)(have), (char *)(want)), ##__VA_ARGS__)

static char *source_path(const char *name)
{
	const char *srcdir = getenv("srcdir");
	char *path;

	cr_assert(asprintf(&path, "%s/tests/golden/%s", srcdir ? srcdir : ".", name) > 0);
	return path;
}

static char *read_file(const char *path)
{
	char *text = calloc(1, 65536);
	FILE *file = fopen(path, "r");

	cr_assert(file != NULL, "%s", path);
	cr_assert(fread(text, 1, 65535, file) > 0);
	fclose(file);
	return text;
}

static char *render(const char *path, const struct exporter *exporter)
{
	const char *why;
	bool damaged;
	char *text;

	cr_assert(eq(int, rendering_make(path, exporter, &text, &damaged, &why), 0), "%s", why);
	cr_expect(not(damaged));
	return text;
}

Test(export, golden_text)
{
	setenv("TZ", "UTC", 1);
	expect_text(render(source_path("v1.ring"), &export_text), read_file(source_path("v1.txt")));
}

Test(export, golden_json)
{
	expect_text(render(source_path("v1.ring"), &export_json), read_file(source_path("v1.json")));
}

Test(export, golden_ndjson)
{
	expect_text(render(source_path("v1.ring"), &export_ndjson),
		    read_file(source_path("v1.ndjson")));
}

Test(export, every_line_of_ndjson_is_json)
{
	char *text = render(source_path("v1.ring"), &export_ndjson), *save;
	unsigned lines = 0;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		json_t *object = json_loads(line, 0, NULL);

		cr_assert(object != NULL && json_is_object(object), "%s", line);
		cr_assert(json_object_get(object, "type") != NULL);
		json_decref(object);
		lines++;
	}
	cr_expect(eq(uint, lines, 13));
}

static json_t *line_of_type(char *ndjson, const char *type)
{
	char *save;

	for (char *line = strtok_r(ndjson, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		json_t *object = json_loads(line, 0, NULL);

		cr_assert(object != NULL, "%s", line);
		if (!strcmp(json_string_value(json_object_get(object, "type")), type))
			return object;
	}
	cr_assert(0, "no %s in the ring", type);
	return NULL;
}

static const char *word(json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "(none)";
}

static json_int_t figure(json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const struct ringfile_shape with_slots = { .block_size = 4096, .live_slots = 2,
						  .inside_size = 512 };

Test(export, ndjson_has_every_field_of_a_wait)
{
	struct ringfile ring;
	json_t *line;

	ringfile_open(&ring, &with_slots);
	ringfile_fill_events(&ring, 0);
	line = line_of_type(render(ring.path, &export_ndjson), "lock");
	expect_text(word(line, "kind"), "write");
	expect_text(word(line, "address"), "0x7f0000003000");
	expect_text(word(line, "holder_class"), "c");
	expect_text(word(line, "holder_start_pc"), "0x402008");
	cr_expect(eq(i64, figure(line, "start_ns"), 4300000));
	cr_expect(eq(i64, figure(line, "duration_ns"), 700000));
	cr_expect(eq(i64, figure(line, "goid"), 7));
	cr_expect(eq(i64, figure(line, "holder_tid"), 99));
	cr_expect(eq(i64, figure(line, "holder_goid"), 8));
	cr_expect(eq(sz, json_array_size(json_object_get(line, "stack")), 2));
	line = line_of_type(render(ring.path, &export_ndjson), "block");
	expect_text(word(line, "kind"), "read");
	expect_text(word(line, "address"), "0x3");
	cr_expect(eq(i64, figure(line, "duration_ns"), 1800000));
	line = line_of_type(render(ring.path, &export_ndjson), "alloc");
	expect_text(word(line, "kind"), "malloc");
	cr_expect(eq(i64, figure(line, "size"), 4096));
	line = line_of_type(render(ring.path, &export_ndjson), "wall");
	cr_expect(eq(i64, figure(line, "periods"), 1));
}

Test(export, json_has_every_event)
{
	json_t *root, *lock, *holder;
	struct ringfile ring;

	ringfile_open(&ring, &with_slots);
	ringfile_fill_events(&ring, 0);
	root = json_loads(render(ring.path, &export_json), 0, NULL);
	cr_assert(root != NULL);
	cr_expect(eq(i64, figure(json_object_get(root, "c_memory"), "in_use_bytes"), 4096));
	cr_expect(eq(i64, figure(json_object_get(root, "wall"), "wall_ns"), 10000000));
	cr_expect(eq(i64, figure(json_object_get(root, "blocked"), "delay_ns"), 1800000));
	lock = json_object_get(root, "lock_waits");
	cr_expect(eq(i64, figure(lock, "count"), 1));
	cr_expect(eq(i64, figure(lock, "delay_ns"), 700000));
	lock = json_array_get(json_object_get(lock, "locks"), 0);
	expect_text(word(lock, "kind"), "write");
	holder = json_array_get(json_object_get(lock, "holders"), 0);
	cr_expect(eq(i64, figure(holder, "goid"), 8));
	cr_expect(eq(i64, figure(holder, "tid"), 99));
	expect_text(word(holder, "meanwhile"), "0x401000");
}

Test(export, text_has_a_section_for_every_event)
{
	static const char *const wanted[] = {
		"Goroutines by CPU time", "Goroutines by wall time", "C memory by goroutine",
		"Lock waits by goroutine", "held by goroutine 8: 0x402008 (100 %)",
		"write 0x7f0000003000", "meanwhile in 0x401000",
		"Blocked in the kernel by goroutine", "in read 1.80 ms (1)",
	};
	struct ringfile ring;
	char *text;

	ringfile_open(&ring, &with_slots);
	ringfile_fill_events(&ring, 0);
	text = render(ring.path, &export_text);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		cr_expect(strstr(text, wanted[i]) != NULL, "%s in:\n%s", wanted[i], text);
}

/* A ring whose every text is an attack on a terminal and on JSON. */
static void fill_hostile(const struct ringfile *ring)
{
	static const char attack[] = "\033]0;owned\a\"\\\xff\xc0\xaf\n\xc2\x9b";
	struct goidshim_header *h = ringfile_header(ring);

	strcpy(h->objects[0].go_version, attack);
	strcpy(h->fsbase_note, attack);
	strcpy(h->trigger_note, attack);
	ringfile_module(ring, 0, attack, 0x400000, 0x500000);
	ringfile_message(ring, attack);
	ringfile_claim(ring, 0, 0);
	ringfile_thread(ring, 0, 1, "\033[2J\"\\\xff");
	ringfile_sample(ring, 0, 2, 1, 0);
}

Test(export, prints_no_control_characters)
{
	const struct ringfile_shape shape = { 0 };
	struct ringfile ring;

	ringfile_open(&ring, &shape);
	fill_hostile(&ring);
	for (const struct exporter *const *e = export_all; *e; e++) {
		char *text;

		if ((*e)->is_binary)
			continue;
		text = render(ring.path, *e);
		/* A page's own text may be indented and is UTF-8; control is what must not be. */
		for (const char *c = text; *c; c++) {
			bool control = (*c >= 0 && *c < ' ' && *c != '\n' && *c != '\t') || *c == 0x7f;
			bool c1 = c[0] == '\xc2' && c[1] < '\xa0';
			bool printable = !control && !c1;

			cr_assert(printable, "%s: %#x in %s", (*e)->name, *c, text);
		}
	}
}

Test(export, json_holds_whatever_the_ring_holds)
{
	const struct ringfile_shape shape = { 0 };
	struct ringfile ring;
	json_t *root;

	ringfile_open(&ring, &shape);
	fill_hostile(&ring);
	ringfile_header(&ring)->lost[GOIDSHIM_LOST_NO_LANE] = -1ull;
	ringfile_sample(&ring, 0, 3, -1ull, 0)->periods = 0xffffffff;
	root = json_loads(render(ring.path, &export_json), 0, NULL);
	cr_assert(root != NULL);
	cr_expect(eq(i64, json_integer_value(json_object_get(
				json_object_get(json_object_get(root, "sampling"), "lost"),
				"no_lane")),
		     INT64_MAX));
	expect_text(json_string_value(json_object_get(json_object_get(root, "target"), "exe")),
		    "?]0;owned?\"\\\?\?\?\?\?\?");
}

Test(export, text_fits_a_hundred_columns)
{
	const struct ringfile_shape shape = { .notes_size = 8192, .block_size = 4096 };
	struct ringfile ring;
	char *text, *save;
	char words[2048];

	ringfile_open(&ring, &shape);
	memset(words, 'x', sizeof(words));
	for (size_t i = 30; i < sizeof(words); i += 31)
		words[i] = ' ';
	words[sizeof(words) - 1] = '\0';
	ringfile_message(&ring, words);
	ringfile_claim(&ring, 0, 0);
	ringfile_sample(&ring, 0, 1, -1ull, 0)->periods = 0xffffffff;
	ringfile_sample(&ring, 0, 2, 1ull << 60, 0)->parent_goid = 123456;
	text = render(ring.path, &export_text);
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		cr_expect(printable_width(line) <= 100, "%zu columns: %s", printable_width(line),
			  line);
}

Test(export, text_of_an_empty_ring_says_so)
{
	const struct ringfile_shape shape = { 0 };
	struct ringfile ring;

	ringfile_open(&ring, &shape);
	cr_expect(strstr(render(ring.path, &export_text), "no samples") != NULL);
}

Test(export, text_keeps_to_the_limit)
{
	const struct ringfile_shape shape = { .blocks = 1, .block_size = 16384 };
	struct ringfile ring;

	ringfile_open(&ring, &shape);
	ringfile_claim(&ring, 0, 0);
	for (__u64 goid = 1; goid <= 50; goid++)
		ringfile_sample(&ring, 0, goid, goid, 0);
	cr_expect(strstr(render(ring.path, &export_text), "and 10 more") != NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/symbolizer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probe/gobinary.h"
#include "tools/gofile.h"

/*
 * A file of the target, opened when the first address in it is asked about.
 */
struct file {
	const struct goidshim_module *module;
	bool was_tried;
	bool has_go;
	int fd;
	struct gofile gofile;
	struct gobinary binary;
};

struct symbolizer {
	const struct reader *reader;
	struct modulefile_paths paths;
	struct file **files;		/* one for each module note, by its place among them */
	size_t file_count;
	char **problems;
	size_t problem_count;
};

int symbolizer_open(const struct reader *reader, const struct modulefile_paths *paths,
		    struct symbolizer **ret_symbolizer)
{
	struct symbolizer *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->reader = reader;
	s->paths = *paths;
	*ret_symbolizer = s;
	return 0;
}

static void file_close(struct file *file)
{
	if (file->has_go) {
		gofile_close(&file->gofile);
		close(file->fd);
	}
	free(file);
}

void symbolizer_close(struct symbolizer *symbolizer)
{
	for (size_t i = 0; i < symbolizer->file_count; i++)
		file_close(symbolizer->files[i]);
	for (size_t i = 0; i < symbolizer->problem_count; i++)
		free(symbolizer->problems[i]);
	free(symbolizer->files);
	free(symbolizer->problems);
	free(symbolizer);
}

/* Remembers why the names of a file are not to be had. Without memory, in silence. */
static void add_problem(struct symbolizer *s, const struct goidshim_module *module,
			const char *why)
{
	char **grown = reallocarray(s->problems, s->problem_count + 1, sizeof(*grown));

	if (!grown)
		return;
	s->problems = grown;
	if (asprintf(&grown[s->problem_count], "%s %s", module->path, why) > 0)
		s->problem_count++;
}

static const char *explain_file(int err)
{
	switch (err) {
	case -ENOENT:
		return "is no longer there: its addresses stay numbers";
	case -ESTALE:
		return "has been replaced since: its addresses stay numbers";
	case -EBADMSG:
		return "is not an ELF file any more: its addresses stay numbers";
	default:
		return "cannot be read: its addresses stay numbers";
	}
}

static void file_try(struct symbolizer *s, struct file *file)
{
	const char *why;
	int err = modulefile_open_fd(&s->paths, file->module, &file->fd);

	file->was_tried = true;
	if (err) {
		add_problem(s, file->module, explain_file(err));
		return;
	}
	err = gofile_open_fd(file->fd, &file->gofile, &why);
	if (err)
		goto out_fd;
	err = gobinary_find(&file->gofile.image, &file->binary);
	if (err)
		goto out_gofile;
	file->has_go = true;
	return;

out_gofile:
	gofile_close(&file->gofile);
out_fd:
	close(file->fd);
	add_problem(s, file->module, "has no Go function table that can be read");
}

/* Modules may be noted while the ring is followed. */
static int add_files(struct symbolizer *s)
{
	size_t count = reader_module_count(s->reader);
	struct file **grown;

	if (count <= s->file_count)
		return 0;
	grown = reallocarray(s->files, count, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	s->files = grown;
	for (; s->file_count < count; s->file_count++) {
		struct file *file = calloc(1, sizeof(*file));

		if (!file)
			return -ENOMEM;
		file->module = reader_module(s->reader, s->file_count);
		s->files[s->file_count] = file;
	}
	return 0;
}

/* The file at pc: of two that were there one after the other, the later. */
static struct file *find_file(struct symbolizer *s, __u64 pc)
{
	if (add_files(s) < 0)
		return NULL;
	for (size_t i = s->file_count; i-- > 0;)
		if (pc >= s->files[i]->module->start && pc < s->files[i]->module->end)
			return s->files[i];
	return NULL;
}

/* File and line come from the innermost frame: where the source says `go f()`. */
static void fill_symbol(const struct gopclntab *functions, const struct gopclntab_function *function,
			__u64 pc, struct symbol *ret)
{
	struct gopclntab_frames frames;
	struct gopclntab_frame frame;

	*ret = (struct symbol){ .function = function->name };
	gopclntab_frames_begin(functions, function, pc, &frames);
	if (!gopclntab_frames_next(&frames, &frame) || strcmp(frame.file, "?") == 0)
		return;
	ret->file = frame.file;
	ret->line = frame.line > 0 ? (__u32)frame.line : 0;
}

int symbolizer_go(struct symbolizer *symbolizer, __u64 pc, struct symbol *ret)
{
	struct file *file = find_file(symbolizer, pc);
	struct gopclntab_function function;
	__u64 address;

	if (!file)
		return -ENOENT;
	if (!file->was_tried)
		file_try(symbolizer, file);
	if (!file->has_go)
		return -ENOENT;
	address = pc - file->module->load_bias;
	if (gopclntab_find(&file->binary.functions, address, &function) < 0)
		return -ENOENT;
	fill_symbol(&file->binary.functions, &function, address, ret);
	return 0;
}

size_t symbolizer_problem_count(const struct symbolizer *symbolizer)
{
	return symbolizer->problem_count;
}

const char *symbolizer_problem(const struct symbolizer *symbolizer, size_t i)
{
	return symbolizer->problems[i];
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/symbols/symbolizer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probe/gobinary.h"
#include "probe/gowrapper.h"
#include "tools/ring/record.h"
#include "tools/symbols/gofile.h"
#include "tools/symbols/modulemap.h"

/*
 * A file of the target, opened when the first address in it is asked about.
 */
struct file {
	const struct goidshim_module *module;
	bool was_tried;
	bool has_go;
	bool was_reported;
	int fd;
	struct gofile gofile;
	struct gobinary binary;
};

struct symbolizer {
	const struct reader *reader;
	struct modulefile_paths paths;
	struct modulemap *modules;
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
	if (modulemap_open(reader, paths, &s->modules)) {
		free(s);
		return -ENOMEM;
	}
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
	modulemap_close(symbolizer->modules);
	free(symbolizer->files);
	free(symbolizer->problems);
	free(symbolizer);
}

/* Remembers, once, why the names of a file are not to be had. Without memory, in silence. */
static void add_problem(struct symbolizer *s, struct file *file, const char *why)
{
	char **grown = reallocarray(s->problems, s->problem_count + 1, sizeof(*grown));

	if (!grown)
		return;
	s->problems = grown;
	if (file->was_reported)
		return;
	file->was_reported = true;
	if (asprintf(&grown[s->problem_count], "%s %s", file->module->path, why) > 0)
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
		add_problem(s, file, explain_file(err));
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
	add_problem(s, file, "has no Go function table that can be read");
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

static struct file *find_file(struct symbolizer *s, __u64 pc)
{
	/* Go code stays where it is: its runtime cannot be unloaded. */
	uint32_t module = modulemap_find(s->modules, pc, MODULEMAP_LATEST);

	if (module == MODULEMAP_NONE || add_files(s) < 0)
		return NULL;
	return s->files[module];
}

/* File and line come from the innermost frame: where the source says `go f()`. */
static void fill_symbol(const struct gopclntab *functions,
			const struct gopclntab_function *function,
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

/* The Go function at pc, an address of the process; *ret_address is that of the file. */
static int find_function(struct symbolizer *s, __u64 pc, struct file **ret_file,
			 struct gopclntab_function *ret_function, __u64 *ret_address)
{
	struct file *file = find_file(s, pc);

	if (!file)
		return -ENOENT;
	if (!file->was_tried)
		file_try(s, file);
	if (!file->has_go)
		return -ENOENT;
	*ret_file = file;
	*ret_address = pc - file->module->load_bias;
	return gopclntab_find(&file->binary.functions, *ret_address, ret_function) < 0 ? -ENOENT :
											 0;
}

int symbolizer_go(struct symbolizer *symbolizer, __u64 pc, struct symbol *ret)
{
	struct gopclntab_function function;
	struct file *file;
	__u64 address;

	if (find_function(symbolizer, pc, &file, &function, &address))
		return -ENOENT;
	fill_symbol(&file->binary.functions, &function, address, ret);
	return 0;
}

int symbolizer_start(struct symbolizer *symbolizer, __u64 pc, struct symbol *ret)
{
	struct gopclntab_function function;
	struct file *file;
	__u64 address;

	if (find_function(symbolizer, pc, &file, &function, &address))
		return -ENOENT;
	fill_symbol(&file->binary.functions, &function, address, ret);
	ret->function = gowrapper_target(&file->binary, &function);
	return 0;
}

static unsigned go_frames(struct symbolizer *s, __u64 pc,
			  struct symbol frames[static SYMBOLIZER_FRAMES_MAX])
{
	struct gopclntab_function function;
	struct gopclntab_frames walk;
	struct gopclntab_frame frame;
	struct file *file;
	unsigned count = 0;
	__u64 address;

	if (find_function(s, pc, &file, &function, &address))
		return 0;
	gopclntab_frames_begin(&file->binary.functions, &function, address, &walk);
	while (count < SYMBOLIZER_FRAMES_MAX && gopclntab_frames_next(&walk, &frame)) {
		frames[count++] = (struct symbol){
			.function = frame.name,
			.file = strcmp(frame.file, "?") ? frame.file : NULL,
			.line = frame.line > 0 ? (__u32)frame.line : 0,
		};
	}
	return count;
}

static unsigned c_frames(struct symbolizer *s, __u64 pc, __u32 era,
			 struct symbol frames[static SYMBOLIZER_FRAMES_MAX])
{
	struct csymbols_frame found[CSYMBOLS_FRAMES_MAX];
	uint32_t module = modulemap_find(s->modules, pc, era);
	unsigned count;

	_Static_assert(CSYMBOLS_FRAMES_MAX <= SYMBOLIZER_FRAMES_MAX, "frames of C fit");
	if (module == MODULEMAP_NONE || add_files(s) < 0)
		return 0;
	count = modulemap_frames(s->modules, module, pc, found);
	/* The kernel's own code in the process has no file to complain of. */
	if (!count && s->files[module]->module->path[0] == '/')
		add_problem(s, s->files[module], explain_file(modulemap_error(s->modules, module)));
	for (unsigned i = 0; i < count; i++)
		frames[i] = (struct symbol){ found[i].function, found[i].file, found[i].line };
	return count;
}

/* Is this Go code, by what the shim found? */
static bool is_go(const struct reader *reader, __u64 pc)
{
	const struct goidshim_header *header = reader_header(reader);

	for (__u32 i = 0; i < header->object_count && i < GOIDSHIM_MAX_OBJECTS; i++)
		if (pc >= header->objects[i].layout.text && pc < header->objects[i].layout.etext)
			return true;
	return false;
}

unsigned symbolizer_frames(struct symbolizer *symbolizer, __u64 pc, __u32 era,
			   struct symbol frames[static SYMBOLIZER_FRAMES_MAX], bool *ret_is_go)
{
	unsigned count = 0;

	*ret_is_go = is_go(symbolizer->reader, pc);
	if (*ret_is_go)
		count = go_frames(symbolizer, pc, frames);
	return count ? count : c_frames(symbolizer, pc, era, frames);
}

__u32 symbolizer_era(struct symbolizer *symbolizer, const struct goidshim_sample *sample)
{
	if (!sample->stack_depth)
		return modulemap_era(symbolizer->modules, sample->time_ns, &sample->pc, 1);
	return modulemap_era(symbolizer->modules, sample->time_ns, record_frames(sample),
			     sample->stack_depth);
}

__u32 symbolizer_module(struct symbolizer *symbolizer, __u64 pc, __u32 era)
{
	uint32_t module = modulemap_find(symbolizer->modules, pc, era);

	return module == MODULEMAP_NONE ? SYMBOLIZER_NO_MODULE : module;
}

size_t symbolizer_problem_count(const struct symbolizer *symbolizer)
{
	return symbolizer->problem_count;
}

const char *symbolizer_problem(const struct symbolizer *symbolizer, size_t i)
{
	return symbolizer->problems[i];
}

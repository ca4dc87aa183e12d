# SPDX-License-Identifier: BSD-2-Clause
# tools/: what did we learn? Depends on bpf, on the public headers, and on probe's
# ordinary code and its reader of Go's function table. Its folders, each of which
# may depend on those before it:
#
#	tables	 containers
#	print	 text that is safe to print, JSON, progress on a terminal
#	ring	 a ring's file and its records
#	symbols	 names of a program's and its modules' code
#	profile	 what samples, waits and allocations add up to
#	formats	 how that is written
#	process	 a process that runs, or is to be started
#
# and the commands, each with its man page, which use all of them but not each other:
# dump, layout, record, verify.

# Which function, file and line an address of a module is.
noinst_LTLIBRARIES += libcsymbols.la
libcsymbols_la_CPPFLAGS = $(AM_CPPFLAGS) $(LIBDW_CFLAGS) $(LIBELF_CFLAGS) $(ZLIB_CFLAGS)
libcsymbols_la_SOURCES = \
	%D%/tables/intervals.c %D%/tables/intervals.h \
	%D%/symbols/csymbols.c %D%/symbols/csymbols.h \
	%D%/symbols/demangle.c %D%/symbols/demangle.h \
	%D%/symbols/dwarfscopes.c %D%/symbols/dwarfscopes.h \
	%D%/symbols/elfsymbols.c %D%/symbols/elfsymbols.h \
	%D%/symbols/modulefile.c %D%/symbols/modulefile.h
libcsymbols_la_LIBADD = $(LIBDW_LIBS) $(LIBELF_LIBS) $(ZLIB_LIBS) $(DEMANGLE_LIBS)

# What is in a ring: reading it, adding it up, writing it.
noinst_LTLIBRARIES += libtools.la
libtools_la_CPPFLAGS = $(AM_CPPFLAGS) $(LIBELF_CFLAGS) $(JANSSON_CFLAGS) $(PROTOBUF_C_CFLAGS) \
	-DFLAMEGRAPH_HTML='"$(srcdir)/%D%/formats/flamegraph.html"'
libtools_la_SOURCES = \
	%D%/tables/array.c %D%/tables/array.h \
	%D%/tables/hashindex.c %D%/tables/hashindex.h \
	%D%/tables/strings.c %D%/tables/strings.h \
	%D%/print/json.c %D%/print/json.h \
	%D%/print/printable.c %D%/print/printable.h \
	%D%/print/progress.c %D%/print/progress.h \
	%D%/ring/events.c %D%/ring/events.h \
	%D%/ring/image.c %D%/ring/image.h \
	%D%/ring/labels.c %D%/ring/labels.h \
	%D%/ring/names.c %D%/ring/names.h \
	%D%/ring/notes.c %D%/ring/notes.h \
	%D%/ring/reader.c %D%/ring/reader.h \
	%D%/ring/record.c %D%/ring/record.h \
	%D%/ring/rings.c %D%/ring/rings.h \
	%D%/ring/syscalls.c %D%/ring/syscalls.h \
	%D%/ring/target.c %D%/ring/target.h \
	%D%/ring/threads.c %D%/ring/threads.h \
	%D%/symbols/modulemap.c %D%/symbols/modulemap.h \
	%D%/symbols/symbolizer.c %D%/symbols/symbolizer.h \
	%D%/profile/callsites.c %D%/profile/callsites.h \
	%D%/profile/calltree.c %D%/profile/calltree.h \
	%D%/profile/filter.c %D%/profile/filter.h \
	%D%/profile/holders.c %D%/profile/holders.h \
	%D%/profile/locations.c %D%/profile/locations.h \
	%D%/profile/memory.c %D%/profile/memory.h \
	%D%/profile/profile.c %D%/profile/profile.h \
	%D%/profile/report.c %D%/profile/report.h \
	%D%/profile/residence.c %D%/profile/residence.h \
	%D%/profile/stacks.c %D%/profile/stacks.h \
	%D%/profile/waits.c %D%/profile/waits.h \
	%D%/formats/export-folded.c \
	%D%/formats/export-html.c \
	%D%/formats/export-json.c \
	%D%/formats/export-ndjson.c \
	%D%/formats/export-perfetto.c \
	%D%/formats/export-pprof.c \
	%D%/formats/export-text.c \
	%D%/formats/export.c %D%/formats/export.h \
	%D%/formats/foldedlines.c %D%/formats/foldedlines.h \
	%D%/formats/htmlwriter.c %D%/formats/htmlwriter.h \
	%D%/formats/memorytext.c %D%/formats/memorytext.h \
	%D%/formats/pprofwriter.c %D%/formats/pprofwriter.h \
	%D%/formats/profiled.c %D%/formats/profiled.h \
	%D%/formats/reading.c %D%/formats/reading.h \
	%D%/formats/stuck.c %D%/formats/stuck.h \
	%D%/formats/tally.c %D%/formats/tally.h \
	%D%/formats/textparts.c %D%/formats/textparts.h \
	%D%/formats/titles.c %D%/formats/titles.h \
	%D%/formats/waitsjson.c %D%/formats/waitsjson.h \
	%D%/formats/waitstext.c %D%/formats/waitstext.h \
	%D%/formats/whereabouts.c %D%/formats/whereabouts.h
nodist_libtools_la_SOURCES = %D%/formats/pprof.pb-c.c
libtools_la_LIBADD = libcsymbols.la libgofile.la $(JANSSON_LIBS) $(PROTOBUF_C_LIBS) $(ZLIB_LIBS) \
	-lm

# The page that the assembler takes into htmlwriter.o.
EXTRA_DIST += %D%/formats/flamegraph.html
$(libtools_la_OBJECTS): %D%/formats/flamegraph.html

# pprof's messages. One run of the compiler makes both files.
EXTRA_DIST += %D%/formats/pprof.proto
BUILT_SOURCES += %D%/formats/pprof.pb-c.h
CLEANFILES += %D%/formats/pprof.pb-c.c %D%/formats/pprof.pb-c.h
%D%/formats/pprof.pb-c.c: %D%/formats/pprof.proto
	$(AM_V_GEN)$(MKDIR_P) %D%/formats && \
		$(PROTOC_C) --proto_path=$(srcdir)/%D%/formats --c_out=%D%/formats pprof.proto
%D%/formats/pprof.pb-c.h: %D%/formats/pprof.pb-c.c
$(libtools_la_OBJECTS): %D%/formats/pprof.pb-c.h

bin_PROGRAMS += goidshim-dump
goidshim_dump_CPPFLAGS = $(AM_CPPFLAGS) $(LIBELF_CFLAGS) $(JANSSON_CFLAGS)
goidshim_dump_SOURCES = \
	%D%/dump/goidshim-dump.c \
	%D%/dump/dumpoptions.c %D%/dump/dumpoptions.h \
	%D%/dump/diff.c %D%/dump/diff.h \
	%D%/dump/diffjson.c %D%/dump/diffjson.h \
	%D%/dump/difftable.c %D%/dump/difftable.h \
	%D%/dump/difftext.c %D%/dump/difftext.h
goidshim_dump_LDADD = libtools.la $(JANSSON_LIBS)
dist_man_MANS += %D%/dump/goidshim-dump.1

# A Go program's file, read with the shim's own code; and what it says of itself.
noinst_LTLIBRARIES += libgofile.la
libgofile_la_CPPFLAGS = $(AM_CPPFLAGS) $(LIBELF_CFLAGS)
libgofile_la_SOURCES = %D%/symbols/gofile.c %D%/symbols/gofile.h
libgofile_la_LIBADD = libprobe.la libprobesig.la $(LIBELF_LIBS)

bin_PROGRAMS += goidshim-layout
dist_man_MANS += %D%/layout/goidshim-layout.1
goidshim_layout_CPPFLAGS = $(AM_CPPFLAGS) $(LIBELF_CFLAGS) $(LIBDW_CFLAGS) $(JANSSON_CFLAGS)
goidshim_layout_SOURCES = \
	%D%/layout/goidshim-layout.c \
	%D%/layout/godwarf.c %D%/layout/godwarf.h \
	%D%/layout/layout.c %D%/layout/layout.h \
	%D%/layout/layout-c.c \
	%D%/layout/layout-json.c \
	%D%/layout/layout-text.c
goidshim_layout_LDADD = libgofile.la $(LIBDW_LIBS) $(JANSSON_LIBS)

# A running process: its maps, its Go runtimes, its ring; a command to be started.
noinst_LTLIBRARIES += libtarget.la
libtarget_la_CPPFLAGS = $(AM_CPPFLAGS) $(LIBELF_CFLAGS) -DLIBDIR='"$(libdir)"'
libtarget_la_SOURCES = \
	%D%/process/goprocess.c %D%/process/goprocess.h \
	%D%/process/launch.c %D%/process/launch.h \
	%D%/process/preload.c %D%/process/preload.h \
	%D%/process/procmaps.c %D%/process/procmaps.h \
	%D%/ring/ringpath.c %D%/ring/ringpath.h \
	%D%/process/ringwatch.c %D%/process/ringwatch.h
libtarget_la_LIBADD = libgofile.la libprobe.la libprobesig.la

bin_PROGRAMS += goidshim-record
goidshim_record_CPPFLAGS = $(AM_CPPFLAGS) $(LIBELF_CFLAGS) $(LIBDW_CFLAGS)
goidshim_record_SOURCES = \
	%D%/record/goidshim-record.c \
	%D%/record/summary.c %D%/record/summary.h
goidshim_record_LDADD = libtarget.la libtools.la
dist_man_MANS += %D%/record/goidshim-record.1
EXTRA_DIST += %D%/verify/goidshim-verify.8

if HAVE_BPF
goidshim_record_SOURCES += \
	%D%/record/kernelrecord.c %D%/record/kernelrecord.h \
	%D%/record/modulenote.c %D%/record/modulenote.h \
	%D%/record/ringwriter.c %D%/record/ringwriter.h \
	%D%/record/weigher.c %D%/record/weigher.h
goidshim_record_LDADD += libwitness.la $(LIBDW_LIBS) $(LIBELF_LIBS)

bin_PROGRAMS += goidshim-verify
goidshim_verify_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(LIBELF_CFLAGS)
goidshim_verify_SOURCES = \
	%D%/verify/goidshim-verify.c \
	%D%/verify/trial.c %D%/verify/trial.h \
	%D%/verify/verdict.c %D%/verify/verdict.h
man_MANS += %D%/verify/goidshim-verify.8
goidshim_verify_LDADD = libwitness.la libtarget.la libtools.la $(JANSSON_LIBS)
endif

# SPDX-License-Identifier: BSD-2-Clause

# C code's names: which function, file and line an address of a module is.
noinst_LTLIBRARIES += libcsymbols.la
libcsymbols_la_CPPFLAGS = $(AM_CPPFLAGS) $(LIBDW_CFLAGS) $(LIBELF_CFLAGS) $(ZLIB_CFLAGS)
libcsymbols_la_SOURCES = \
	%D%/csymbols.c %D%/csymbols.h \
	%D%/demangle.c %D%/demangle.h \
	%D%/dwarfscopes.c %D%/dwarfscopes.h \
	%D%/elfsymbols.c %D%/elfsymbols.h \
	%D%/intervals.c %D%/intervals.h \
	%D%/modulefile.c %D%/modulefile.h
libcsymbols_la_LIBADD = $(LIBDW_LIBS) $(LIBELF_LIBS) $(ZLIB_LIBS) $(DEMANGLE_LIBS)

# What is in a ring: reading it, adding it up, printing it.
noinst_LTLIBRARIES += libtools.la
libtools_la_CPPFLAGS = $(AM_CPPFLAGS) $(LIBELF_CFLAGS) $(JANSSON_CFLAGS) $(PROTOBUF_C_CFLAGS) \
	-DFLAMEGRAPH_HTML='"$(srcdir)/%D%/flamegraph.html"'
libtools_la_SOURCES = \
	%D%/array.c %D%/array.h \
	%D%/callsites.c %D%/callsites.h \
	%D%/calltree.c %D%/calltree.h \
	%D%/diff.c %D%/diff.h \
	%D%/difftext.c %D%/difftext.h \
	%D%/events.c %D%/events.h \
	%D%/export.c %D%/export.h \
	%D%/export-folded.c \
	%D%/export-html.c \
	%D%/export-json.c \
	%D%/export-ndjson.c \
	%D%/export-perfetto.c \
	%D%/export-pprof.c \
	%D%/export-text.c \
	%D%/filter.c %D%/filter.h \
	%D%/foldedlines.c %D%/foldedlines.h \
	%D%/hashindex.c %D%/hashindex.h \
	%D%/holders.c %D%/holders.h \
	%D%/image.c %D%/image.h \
	%D%/json.c %D%/json.h \
	%D%/labels.c %D%/labels.h \
	%D%/locations.c %D%/locations.h \
	%D%/memory.c %D%/memory.h \
	%D%/memorytext.c %D%/memorytext.h \
	%D%/modulemap.c %D%/modulemap.h \
	%D%/names.c %D%/names.h \
	%D%/notes.c %D%/notes.h \
	%D%/pprofwriter.c %D%/pprofwriter.h \
	%D%/printable.c %D%/printable.h \
	%D%/profile.c %D%/profile.h \
	%D%/profiled.c %D%/profiled.h \
	%D%/progress.c %D%/progress.h \
	%D%/reader.c %D%/reader.h \
	%D%/reading.c %D%/reading.h \
	%D%/record.c %D%/record.h \
	%D%/report.c %D%/report.h \
	%D%/residence.c %D%/residence.h \
	%D%/rings.c %D%/rings.h \
	%D%/stacks.c %D%/stacks.h \
	%D%/strings.c %D%/strings.h \
	%D%/symbolizer.c %D%/symbolizer.h \
	%D%/stuck.c %D%/stuck.h \
	%D%/syscalls.c %D%/syscalls.h \
	%D%/tally.c %D%/tally.h \
	%D%/target.c %D%/target.h \
	%D%/textparts.c %D%/textparts.h \
	%D%/threads.c %D%/threads.h \
	%D%/titles.c %D%/titles.h \
	%D%/waits.c %D%/waits.h \
	%D%/waitsjson.c %D%/waitsjson.h \
	%D%/waitstext.c %D%/waitstext.h \
	%D%/whereabouts.c %D%/whereabouts.h
nodist_libtools_la_SOURCES = %D%/pprof.pb-c.c
libtools_la_LIBADD = libcsymbols.la libgofile.la $(JANSSON_LIBS) $(PROTOBUF_C_LIBS) $(ZLIB_LIBS) \
	-lm

# The page that the assembler takes into export-html.o.
EXTRA_DIST += %D%/flamegraph.html
$(libtools_la_OBJECTS): %D%/flamegraph.html

# pprof's messages. One run of the compiler makes both files.
EXTRA_DIST += %D%/pprof.proto
BUILT_SOURCES += %D%/pprof.pb-c.h
CLEANFILES += %D%/pprof.pb-c.c %D%/pprof.pb-c.h
%D%/pprof.pb-c.c: %D%/pprof.proto
	$(AM_V_GEN)$(MKDIR_P) %D% && $(PROTOC_C) --proto_path=$(srcdir)/%D% --c_out=%D% pprof.proto
%D%/pprof.pb-c.h: %D%/pprof.pb-c.c
$(libtools_la_OBJECTS): %D%/pprof.pb-c.h

bin_PROGRAMS += goidshim-dump
goidshim_dump_CPPFLAGS = $(AM_CPPFLAGS) $(LIBELF_CFLAGS)
goidshim_dump_SOURCES = \
	%D%/goidshim-dump.c \
	%D%/dumpoptions.c %D%/dumpoptions.h
goidshim_dump_LDADD = libtools.la
dist_man_MANS += %D%/goidshim-dump.1

# A Go program's file, read with the shim's own code; and what it says of itself.
noinst_LTLIBRARIES += libgofile.la
libgofile_la_CPPFLAGS = $(AM_CPPFLAGS) $(LIBELF_CFLAGS)
libgofile_la_SOURCES = %D%/gofile.c %D%/gofile.h
libgofile_la_LIBADD = libprobe.la libprobesig.la $(LIBELF_LIBS)

bin_PROGRAMS += goidshim-layout
dist_man_MANS += %D%/goidshim-layout.1
goidshim_layout_CPPFLAGS = $(AM_CPPFLAGS) $(LIBELF_CFLAGS) $(LIBDW_CFLAGS) $(JANSSON_CFLAGS)
goidshim_layout_SOURCES = \
	%D%/goidshim-layout.c \
	%D%/godwarf.c %D%/godwarf.h \
	%D%/layout.c %D%/layout.h \
	%D%/layout-c.c \
	%D%/layout-json.c \
	%D%/layout-text.c
goidshim_layout_LDADD = libgofile.la $(LIBDW_LIBS) $(JANSSON_LIBS)

# A running process: its maps, its Go runtimes, its ring; a command to be started.
noinst_LTLIBRARIES += libtarget.la
libtarget_la_CPPFLAGS = $(AM_CPPFLAGS) $(LIBELF_CFLAGS) -DLIBDIR='"$(libdir)"'
libtarget_la_SOURCES = \
	%D%/goprocess.c %D%/goprocess.h \
	%D%/launch.c %D%/launch.h \
	%D%/preload.c %D%/preload.h \
	%D%/procmaps.c %D%/procmaps.h \
	%D%/ringpath.c %D%/ringpath.h \
	%D%/ringwatch.c %D%/ringwatch.h
libtarget_la_LIBADD = libgofile.la libprobe.la libprobesig.la

bin_PROGRAMS += goidshim-record
goidshim_record_CPPFLAGS = $(AM_CPPFLAGS) $(LIBELF_CFLAGS) $(LIBDW_CFLAGS)
goidshim_record_SOURCES = \
	%D%/goidshim-record.c \
	%D%/summary.c %D%/summary.h
goidshim_record_LDADD = libtarget.la libtools.la
dist_man_MANS += %D%/goidshim-record.1
EXTRA_DIST += %D%/goidshim-verify.8

if HAVE_BPF
goidshim_record_SOURCES += \
	%D%/kernelrecord.c %D%/kernelrecord.h \
	%D%/modulenote.c %D%/modulenote.h \
	%D%/ringwriter.c %D%/ringwriter.h \
	%D%/weigher.c %D%/weigher.h
goidshim_record_LDADD += libwitness.la $(LIBDW_LIBS) $(LIBELF_LIBS)

bin_PROGRAMS += goidshim-verify
goidshim_verify_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(LIBELF_CFLAGS)
goidshim_verify_SOURCES = \
	%D%/goidshim-verify.c \
	%D%/trial.c %D%/trial.h \
	%D%/verdict.c %D%/verdict.h
man_MANS += %D%/goidshim-verify.8
goidshim_verify_LDADD = libwitness.la libtarget.la libtools.la $(JANSSON_LIBS)
endif

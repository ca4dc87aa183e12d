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

# SPDX-License-Identifier: BSD-2-Clause
# shim/: what do we do inside the target? Depends on probe.
lib_LTLIBRARIES += libgoidshim.la
noinst_LTLIBRARIES += libshimsig.la

shimincludedir = $(includedir)/goidshim
shiminclude_HEADERS = %D%/goidshim/format.h

libshimsig_la_CFLAGS = $(SIG_CFLAGS)
libshimsig_la_SOURCES = %D%/usdt.sig.c %D%/usdt.sig.h \
	%D%/cfi.sig.c %D%/cfi.sig.h

libgoidshim_la_CFLAGS = $(SHIM_CFLAGS)
libgoidshim_la_SOURCES = %D%/init.c \
	%D%/cfi.c %D%/cfi.h
libgoidshim_la_LIBADD = libshimsig.la libprobesig.la libprobe.la
libgoidshim_la_LDFLAGS = -module -avoid-version -shared -Wl,-z,defs -Wl,-z,now -Wl,-z,nodelete \
	-Wl,--version-script=$(srcdir)/%D%/goidshim.map
EXTRA_libgoidshim_la_DEPENDENCIES = %D%/goidshim.map
EXTRA_DIST += %D%/goidshim.map

# libtool's .la file has no use for a library that is preloaded.
install-exec-hook:
	rm -f $(DESTDIR)$(libdir)/libgoidshim.la

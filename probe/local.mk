# SPDX-License-Identifier: BSD-2-Clause
# probe/: whose thread is this? Depends on nothing.
noinst_LTLIBRARIES += libprobesig.la libprobe.la

probeincludedir = $(includedir)/goidshim
probeinclude_HEADERS = %D%/goidshim/goid.h

libprobesig_la_CFLAGS = $(SIG_CFLAGS)
libprobesig_la_SOURCES = %D%/sys.sig.c %D%/sys.sig.h \
	%D%/peek.sig.c %D%/peek.sig.h \
	%D%/fsbase.sig.c %D%/fsbase.sig.h \
	%D%/segment.sig.h

libprobe_la_CFLAGS = $(SHIM_CFLAGS)
libprobe_la_SOURCES = \
	%D%/fsbase.c %D%/fsbase.h

libprobesig_la_SOURCES += %D%/goid.sig.c %D%/goid.sig.h \
	%D%/goself.sig.c %D%/goself.sig.h \
	%D%/golabels.sig.c %D%/golabels.sig.h \
	%D%/gopclntab.sig.c %D%/gopclntab.sig.h

libprobe_la_SOURCES += \
	%D%/gobinary.c %D%/gobinary.h \
	%D%/gocode.c %D%/gocode.h \
	%D%/goimage.c %D%/goimage.h \
	%D%/golayout.c %D%/golayout.h \
	%D%/gowrapper.c %D%/gowrapper.h

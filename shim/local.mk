# SPDX-License-Identifier: BSD-2-Clause
# shim/: what do we do inside the target? Depends on probe.
lib_LTLIBRARIES += libgoidshim.la
noinst_LTLIBRARIES += libshimsig.la

shimincludedir = $(includedir)/goidshim
shiminclude_HEADERS = %D%/goidshim/format.h
dist_man_MANS += %D%/goidshim-format.5

libshimsig_la_CFLAGS = $(SIG_CFLAGS)
libshimsig_la_SOURCES = \
	%D%/sampler.sig.c %D%/sampler.sig.h \
	%D%/call.sig.c %D%/call.sig.h \
	%D%/heap.sig.c %D%/heap.sig.h \
	%D%/inside.sig.c %D%/inside.sig.h \
	%D%/holder.sig.c %D%/holder.sig.h \
	%D%/lock.sig.c %D%/lock.sig.h \
	%D%/ring.sig.c %D%/ring.sig.h \
	%D%/rate.sig.c %D%/rate.sig.h \
	%D%/random.sig.h \
	%D%/wall.sig.c %D%/wall.sig.h \
	%D%/fault.sig.c %D%/fault.sig.h \
	%D%/owner.sig.c %D%/owner.sig.h \
	%D%/usdt.sig.c %D%/usdt.sig.h \
	%D%/cfi.sig.c %D%/cfi.sig.h \
	%D%/cfiprogram.sig.c %D%/cfiprogram.sig.h \
	%D%/ehbytes.sig.c %D%/ehbytes.sig.h \
	%D%/ehframe.sig.c %D%/ehframe.sig.h \
	%D%/ehrows.sig.c %D%/ehrows.sig.h \
	%D%/module.sig.c %D%/module.sig.h \
	%D%/listing.sig.c %D%/listing.sig.h \
	%D%/modules.sig.c %D%/modules.sig.h \
	%D%/notes.sig.c %D%/notes.sig.h \
	%D%/unwind.sig.c %D%/unwind.sig.h \
	%D%/mem.sig.c

# C++ exceptions pass through it.
noinst_LTLIBRARIES += libshimcxx.la
libshimcxx_la_CFLAGS = $(SHIM_CFLAGS) -fexceptions
libshimcxx_la_SOURCES = %D%/cxxnew.c %D%/cxxnew.h

libgoidshim_la_CFLAGS = $(SHIM_CFLAGS)
libgoidshim_la_SOURCES = \
	%D%/init.c %D%/init.h \
	%D%/interpose.c %D%/interpose.h \
	%D%/heap.c %D%/heap.h \
	%D%/lock.c %D%/lock.h \
	%D%/block.c %D%/block.h \
	%D%/threads.c \
	%D%/exec.c \
	%D%/sigwait.c \
	%D%/config.c %D%/config.h \
	%D%/log.c %D%/log.h \
	%D%/objects.c %D%/objects.h \
	%D%/segment.c %D%/segment.h \
	%D%/trigger.c %D%/trigger.h \
	%D%/threadtimer.c %D%/threadtimer.h \
	%D%/wall.c %D%/wall.h \
	%D%/handler.c %D%/handler.h \
	%D%/signal.c \
	%D%/cfi.c %D%/cfi.h \
	%D%/gaps.c %D%/gaps.h \
	%D%/flow.c %D%/flow.h \
	%D%/insn.c %D%/insn.h \
	%D%/pages.c %D%/pages.h \
	%D%/modules.c %D%/modules.h \
	%D%/unwindlib.c %D%/unwindlib.h \
	%D%/unwind.c %D%/unwind.h
libgoidshim_la_LIBADD = libshimcxx.la libshimsig.la libprobesig.la libprobe.la
libgoidshim_la_LDFLAGS = -module -avoid-version -shared -Wl,-z,defs -Wl,-z,now -Wl,-z,nodelete \
	-Wl,--version-script=$(srcdir)/%D%/goidshim.map
EXTRA_libgoidshim_la_DEPENDENCIES = %D%/goidshim.map
EXTRA_DIST += %D%/goidshim.map
dist_man_MANS += %D%/goidshim.7

# libtool's .la file has no use for a library that is preloaded.
install-exec-hook:
	rm -f $(DESTDIR)$(libdir)/libgoidshim.la

uninstall-hook:
	rm -f $(DESTDIR)$(libdir)/libgoidshim.so

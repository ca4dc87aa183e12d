# SPDX-License-Identifier: BSD-2-Clause
# shim/: what do we do inside the target? Depends on probe. In its folder unwind, who
# called whom: tables from call-frame information, or derived from instructions,
# and the walk of a stack by them. That depends on nothing else of the shim.
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
	%D%/unwind/cfi.sig.c %D%/unwind/cfi.sig.h \
	%D%/unwind/cfiprogram.sig.c %D%/unwind/cfiprogram.sig.h \
	%D%/unwind/ehbytes.sig.c %D%/unwind/ehbytes.sig.h \
	%D%/unwind/ehframe.sig.c %D%/unwind/ehframe.sig.h \
	%D%/unwind/ehrows.sig.c %D%/unwind/ehrows.sig.h \
	%D%/unwind/module.sig.c %D%/unwind/module.sig.h \
	%D%/unwind/listing.sig.c %D%/unwind/listing.sig.h \
	%D%/unwind/modules.sig.c %D%/unwind/modules.sig.h \
	%D%/notes.sig.c %D%/notes.sig.h \
	%D%/unwind/unwind.sig.c %D%/unwind/unwind.sig.h \
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
	%D%/unwind/cfi.c %D%/unwind/cfi.h \
	%D%/unwind/gaps.c %D%/unwind/gaps.h \
	%D%/unwind/flow.c %D%/unwind/flow.h \
	%D%/unwind/insn.c %D%/unwind/insn.h \
	%D%/unwind/pages.c %D%/unwind/pages.h \
	%D%/unwind/modules.c %D%/unwind/modules.h \
	%D%/unwind/unwindlib.c %D%/unwind/unwindlib.h \
	%D%/unwind/unwind.c %D%/unwind/unwind.h
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

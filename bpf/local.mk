# SPDX-License-Identifier: BSD-2-Clause
# bpf/: what does the kernel say? Depends on the public headers.
bpfincludedir = $(includedir)/goidshim
bpfinclude_HEADERS = %D%/goidshim.bpf.h
dist_man_MANS += %D%/goidshim.bpf.5
EXTRA_DIST += %D%/sampler.bpf.c %D%/witness.bpf.c

if HAVE_BPF
noinst_LTLIBRARIES += libwitness.la

libwitness_la_SOURCES = \
	%D%/evidence.h \
	%D%/kernel.c %D%/kernel.h \
	%D%/sampler.c %D%/sampler.h \
	%D%/witness.c %D%/witness.h
nodist_libwitness_la_SOURCES = %D%/sampler.skel.h %D%/witness.skel.h
libwitness_la_LIBADD = $(LIBBPF_LIBS)

# BUILT_SOURCES covers only all, check and install. (No per-target flags in this
# library: automake would take the dependency for a rule of ours and drop its own.)
BUILT_SOURCES += %D%/sampler.skel.h %D%/witness.skel.h
%D%/sampler.lo: %D%/sampler.skel.h
%D%/witness.lo: %D%/witness.skel.h
CLEANFILES += %D%/*.bpf.o %D%/*.bpf.d %D%/*.bpf.linked.o %D%/*.skel.h

AM_V_BPF = $(am__v_BPF_@AM_V@)
am__v_BPF_ = $(am__v_BPF_@AM_DEFAULT_V@)
am__v_BPF_0 = @echo "  BPF     " $@;
AM_V_SKEL = $(am__v_SKEL_@AM_V@)
am__v_SKEL_ = $(am__v_SKEL_@AM_DEFAULT_V@)
am__v_SKEL_0 = @echo "  SKEL    " $@;

# The kernel's and the C library's headers live in the multiarch folder, which a
# compiler for another target does not search.
BPF_CFLAGS = -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Wno-unused-parameter -D__TARGET_ARCH_x86 \
	-idirafter /usr/include/$(BPF_MULTIARCH)
bpf_compile = $(AM_V_BPF)$(MKDIR_P) $(@D) && $(CLANG) $(BPF_CFLAGS) -I$(top_srcdir) \
	-I$(top_srcdir)/probe -I$(top_srcdir)/shim $(LIBBPF_CFLAGS) -MMD -MP -MF $(@:.o=.d) -o $@ -c

%D%/sampler.bpf.o: %D%/sampler.bpf.c
	$(bpf_compile) $(srcdir)/bpf/sampler.bpf.c
%D%/witness.bpf.o: %D%/witness.bpf.c
	$(bpf_compile) $(srcdir)/bpf/witness.bpf.c
-include %D%/sampler.bpf.d %D%/witness.bpf.d

# Linking an object to itself drops DWARF and keeps BTF.
bpf_skeleton = $(AM_V_SKEL)$(BPFTOOL) gen object $(@:.skel.h=.bpf.linked.o) $(@:.skel.h=.bpf.o) && \
	$(BPFTOOL) gen skeleton $(@:.skel.h=.bpf.linked.o) name `basename $@ .skel.h`_bpf > $@.tmp && mv $@.tmp $@

%D%/sampler.skel.h: %D%/sampler.bpf.o
	$(bpf_skeleton)
%D%/witness.skel.h: %D%/witness.bpf.o
	$(bpf_skeleton)
endif

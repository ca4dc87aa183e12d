# SPDX-License-Identifier: BSD-2-Clause
# tests/: how do we know? May depend on everything.
#
# To add a test, append its name to one of these lists:
#
#	criterion_tests	a program of Criterion tests (tests/test_<module>.c); give it
#			_SOURCES and _LDADD = $(unit_libs)
#	stress_tests	a program with a plain main, for races and signals; name it
#			<subject>.stress; exit 0, 1, 77 (skip), 99 (cannot run)
#	script_tests	a script: .sh with the same exit codes, .tap if it prints TAP;
#			it runs in the build directory and finds sources by $srcdir
#	bench_programs	a benchmark (tests/bench/bench_<subject>.c, see bench.h);
#			`make bench` runs it, `make check` only sees that it runs
#	bench_scripts	the same as a script, which prints lines of the same shape
#
# `make check-long` runs stress programs and scripts with GOIDSHIM_TEST_LONG=1.
criterion_tests =
stress_tests =
script_tests =
bench_programs =
bench_scripts =
EXTRA_PROGRAMS =

# Criterion programs print TAP, so that each test has its own line and result.
TEST_EXTENSIONS = .sh .tap .stress
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
AM_LOG_DRIVER_FLAGS = --ignore-exit
TAP_LOG_DRIVER = $(LOG_DRIVER)
AM_TAP_LOG_DRIVER_FLAGS = $(AM_LOG_DRIVER_FLAGS)

# In front of every test: `timeout 900`, say, so that one that hangs has a name.
DEADLINE =
LOG_COMPILER = $(DEADLINE)
SH_LOG_COMPILER = $(DEADLINE)
TAP_LOG_COMPILER = $(DEADLINE)
STRESS_LOG_COMPILER = $(DEADLINE)

# What scripts want to know of the build. The sanitizers leave our faults to us.
AM_TESTS_ENVIRONMENT = \
	CRITERION_OUTPUTS=tap:/dev/stdout CRITERION_JOBS=1 \
	ASAN_OPTIONS=handle_segv=0:handle_sigbus=0:detect_leaks=0 \
	CC='$(CC)' CLANG='$(CLANG)' GO='$(GO)' \
	CRITERION_CFLAGS='$(CRITERION_CFLAGS)' CRITERION_LIBS='$(CRITERION_LIBS)' \
	SANITIZE_CFLAGS='$(SANITIZE_CFLAGS)' BENCH_PROGRAMS='$(bench_programs)' \
	BENCH_SCRIPTS='$(bench_scripts)'; \
	export CRITERION_OUTPUTS CRITERION_JOBS ASAN_OPTIONS CC CLANG GO \
	CRITERION_CFLAGS CRITERION_LIBS SANITIZE_CFLAGS BENCH_PROGRAMS BENCH_SCRIPTS;

# The rooms' code once more, with ordinary flags: freestanding to ship, sanitized
# to test.
check_LTLIBRARIES += libprobetest.la
libprobetest_la_SOURCES = $(libprobesig_la_SOURCES) $(libprobe_la_SOURCES)
unit_libs = libprobetest.la $(CRITERION_LIBS)

check_PROGRAMS += $(stress_tests) $(bench_programs)
dist_check_SCRIPTS += $(script_tests)
TESTS += $(stress_tests) $(script_tests)
if HAVE_CRITERION
check_PROGRAMS += $(criterion_tests)
TESTS += $(criterion_tests)
else
script_tests += %D%/no-criterion.sh
endif
EXTRA_DIST += %D%/no-criterion.sh

check-long:
	GOIDSHIM_TEST_LONG=1 $(MAKE) $(AM_MAKEFLAGS) check TESTS='$(stress_tests) $(script_tests)'

# 77: cannot be measured here, and said why.
bench: all $(bench_programs) %D%/bench/startup
	@for b in $(bench_programs); do ./$$b || test $$? = 77 || exit 1; done
	@for b in $(bench_scripts); do \
		srcdir=$(srcdir) CC='$(CC)' GO='$(GO)' $(srcdir)/$$b || test $$? = 77 || exit 1; \
	done

.PHONY: check-long bench

#
# The house's rules
#
script_tests += %D%/check-includes.sh %D%/check-sig-symbols.sh %D%/check-exports.sh
EXTRA_DIST += %D%/sig-symbols.allow

#
# probe/
#
criterion_tests += %D%/test_fsbase %D%/test_peek %D%/test_segment
%C%_test_fsbase_SOURCES = %D%/test_fsbase.c
%C%_test_fsbase_LDADD = $(unit_libs)
%C%_test_segment_SOURCES = %D%/test_segment.c
%C%_test_segment_LDADD = $(unit_libs)
%C%_test_peek_SOURCES = %D%/test_peek.c
%C%_test_peek_LDADD = $(unit_libs)

stress_tests += %D%/fsbase_fault.stress
%C%_fsbase_fault_stress_SOURCES = %D%/stress_fsbase_fault.c
%C%_fsbase_fault_stress_LDADD = libprobetest.la

script_tests += %D%/compilers.tap

# A Go object written by hand, for every test of a reader.
check_LTLIBRARIES += libgosynth.la
libgosynth_la_SOURCES = %D%/gosynth.c %D%/gosynth.h

criterion_tests += %D%/test_gobinary %D%/test_golayout %D%/test_gopclntab
%C%_test_gobinary_SOURCES = %D%/test_gobinary.c
%C%_test_gobinary_LDADD = libgosynth.la $(unit_libs)
%C%_test_golayout_SOURCES = %D%/test_golayout.c
%C%_test_golayout_LDADD = libgosynth.la $(unit_libs)
%C%_test_gopclntab_SOURCES = %D%/test_gopclntab.c
%C%_test_gopclntab_LDADD = libgosynth.la $(unit_libs)

check_PROGRAMS += %D%/gosynth-seeds
%C%_gosynth_seeds_SOURCES = %D%/gosynth-seeds.c
%C%_gosynth_seeds_LDADD = libgosynth.la libprobetest.la

# Built on demand, with clang; see the head of the file.
EXTRA_PROGRAMS += %D%/fuzz_gobinary
%C%_fuzz_gobinary_SOURCES = %D%/fuzz_gobinary.c $(libgofile_la_SOURCES)
%C%_fuzz_gobinary_CPPFLAGS = $(AM_CPPFLAGS) $(LIBELF_CFLAGS)
%C%_fuzz_gobinary_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
%C%_fuzz_gobinary_LDADD = libprobetest.la $(LIBELF_LIBS)

script_tests += %D%/check-layout.tap
EXTRA_DIST += %D%/fixtures/layout-host.c \
	%D%/fixtures/golayout/go.mod %D%/fixtures/golayout/layout.go \
	%D%/fixtures/golayout/plain/main.go %D%/fixtures/golayout/rt/rt.go \
	%D%/fixtures/golayout/rt/rt_amd64.s %D%/fixtures/golayout/tls.go \
	%D%/fixtures/golayout/truth.go
check_PROGRAMS += %D%/golookup %D%/layout-live
%C%_golookup_CPPFLAGS = $(AM_CPPFLAGS) $(LIBELF_CFLAGS)
%C%_golookup_SOURCES = %D%/golookup.c
%C%_golookup_LDADD = libgofile.la
%C%_layout_live_SOURCES = %D%/layout-live.c
%C%_layout_live_LDADD = libprobetest.la

#
# shim/
#
cfi_sources = shim/unwind/cfi.sig.c shim/unwind/cfiprogram.sig.c shim/unwind/ehbytes.sig.c \
	shim/unwind/ehframe.sig.c shim/unwind/ehrows.sig.c shim/unwind/cfi.c \
	shim/unwind/gaps.c shim/unwind/flow.c shim/unwind/insn.c shim/unwind/pages.c
criterion_tests += %D%/test_cfi
%C%_test_cfi_SOURCES = %D%/test_cfi.c $(cfi_sources)
%C%_test_cfi_CPPFLAGS = $(AM_CPPFLAGS) $(LIBDW_CFLAGS)
%C%_test_cfi_LDADD = $(unit_libs) $(LIBDW_LIBS) $(LIBELF_LIBS)

criterion_tests += %D%/test_flow %D%/test_gaps %D%/test_insn
%C%_test_gaps_SOURCES = %D%/test_gaps.c %D%/fixtures/uncovered.c %D%/fixtures/uncovered.h \
	$(cfi_sources) shim/unwind/module.sig.c
%C%_test_gaps_LDADD = $(unit_libs)
%C%_test_flow_SOURCES = %D%/test_flow.c $(cfi_sources) shim/unwind/module.sig.c
%C%_test_flow_LDADD = $(unit_libs)
%C%_test_insn_SOURCES = %D%/test_insn.c shim/unwind/insn.c
%C%_test_insn_LDADD = $(unit_libs)

criterion_tests += %D%/test_ring
%C%_test_ring_SOURCES = %D%/test_ring.c %D%/ring-memory.h shim/ring.sig.c
%C%_test_ring_LDADD = $(unit_libs)
criterion_tests += %D%/test_heap
%C%_test_heap_SOURCES = %D%/test_heap.c %D%/heap-alone.c %D%/heap-alone.h shim/heap.sig.c \
	shim/usdt.sig.c
%C%_test_heap_LDADD = $(unit_libs) -lm
criterion_tests += %D%/test_holder
%C%_test_holder_SOURCES = %D%/test_holder.c shim/holder.sig.c $(fakeg)
%C%_test_holder_LDADD = $(unit_libs)
stress_tests += %D%/heap.stress
%C%_heap_stress_SOURCES = %D%/stress_heap.c %D%/heap-alone.c %D%/heap-alone.h shim/heap.sig.c \
	shim/usdt.sig.c
%C%_heap_stress_LDADD = libprobetest.la -lpthread
criterion_tests += %D%/test_wall
%C%_test_wall_SOURCES = %D%/test_wall.c shim/wall.sig.c
%C%_test_wall_LDADD = $(unit_libs) -lm
criterion_tests += %D%/test_config
%C%_test_config_SOURCES = %D%/test_config.c shim/config.c
%C%_test_config_LDADD = $(unit_libs)

# Once as it is, once watched by the thread sanitizer. That one does not know the
# fences of claiming and reading; all data that they order is atomic.
stress_tests += %D%/ring.stress %D%/ring-tsan.stress
%C%_ring_stress_SOURCES = %D%/stress_ring.c %D%/ring-memory.h shim/ring.sig.c
%C%_ring_tsan_stress_SOURCES = $(%C%_ring_stress_SOURCES)
%C%_ring_tsan_stress_CFLAGS = $(WARN_CFLAGS) -Wno-tsan -fsanitize=thread -fno-omit-frame-pointer
%C%_ring_tsan_stress_LDFLAGS = -fsanitize=thread
# What unwinds, with the flags that it ships with.
check_LTLIBRARIES += libunwindtest.la
libunwindtest_la_CFLAGS = $(SHIM_CFLAGS)
libunwindtest_la_SOURCES = $(cfi_sources) shim/unwind/module.sig.c shim/unwind/listing.sig.c \
	shim/unwind/modules.sig.c shim/unwind/modules.c shim/unwind/unwind.sig.c shim/unwind/unwind.c
libunwindtest_la_LIBADD = libprobesig.la libprobe.la

# Built on demand, with clang; see the head of the file.
EXTRA_PROGRAMS += %D%/fuzz_cfi
%C%_fuzz_cfi_SOURCES = %D%/fuzz_cfi.c %D%/fuzz-place.h $(cfi_sources)
%C%_fuzz_cfi_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
%C%_fuzz_cfi_LDADD = libprobetest.la
EXTRA_PROGRAMS += %D%/fuzz_gaps
%C%_fuzz_gaps_SOURCES = %D%/fuzz_gaps.c %D%/fuzz-place.h $(cfi_sources)
%C%_fuzz_gaps_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
%C%_fuzz_gaps_LDADD = libprobetest.la

criterion_tests += %D%/test_modules %D%/test_unwind
%C%_test_unwind_SOURCES = %D%/test_unwind.c %D%/bench/faults.c %D%/bench/faults.h \
	%D%/fixtures/uncovered.c %D%/fixtures/uncovered.h
%C%_test_unwind_LDADD = libunwindtest.la $(CRITERION_LIBS)
%C%_test_modules_SOURCES = %D%/test_modules.c %D%/bench/faults.c %D%/bench/faults.h
%C%_test_modules_CPPFLAGS = $(AM_CPPFLAGS) $(LIBDW_CFLAGS)
%C%_test_modules_LDADD = libunwindtest.la $(CRITERION_LIBS) $(LIBDW_LIBS) $(LIBELF_LIBS)

# Code to be unwound: as compilers make it, whatever flags the build has.
check_LTLIBRARIES += libsteps.la
libsteps_la_CFLAGS = -O2 -fomit-frame-pointer
libsteps_la_CXXFLAGS = -O2 -fomit-frame-pointer
libsteps_la_SOURCES = %D%/fixtures/steps.c %D%/fixtures/steps_exceptions.cc %D%/fixtures/steps.h \
	%D%/fixtures/uncovered.c %D%/fixtures/uncovered.h

stress_tests += %D%/unwind-churn.stress
%C%_unwind_churn_stress_SOURCES = %D%/unwind_churn.c %D%/bench/faults.c %D%/bench/faults.h
%C%_unwind_churn_stress_LDADD = libsteps.la libunwindtest.la -lstdc++

if HAVE_LIBUNWIND
stress_tests += %D%/unwind-steps.stress
%C%_unwind_steps_stress_SOURCES = %D%/unwind_steps.c
%C%_unwind_steps_stress_CPPFLAGS = $(AM_CPPFLAGS) $(LIBUNWIND_CFLAGS)
%C%_unwind_steps_stress_LDADD = libsteps.la libunwindtest.la -lstdc++

bench_programs += %D%/bench/bench_unwind
%C%_bench_bench_unwind_SOURCES = %D%/bench/bench_unwind.c $(bench_sources) \
	%D%/bench/faults.c %D%/bench/faults.h
%C%_bench_bench_unwind_CPPFLAGS = $(AM_CPPFLAGS) $(LIBUNWIND_CFLAGS) \
	-DSRCDIR='"$(abs_top_srcdir)"'
%C%_bench_bench_unwind_CFLAGS = $(AM_CFLAGS) -fno-omit-frame-pointer
%C%_bench_bench_unwind_LDADD = libunwindtest.la
endif
EXTRA_DIST += %D%/fixtures/depth/depth.go

#
# tools/: C symbols
#
criterion_tests += %D%/test_intervals %D%/test_csymbols
%C%_test_intervals_SOURCES = %D%/test_intervals.c
%C%_test_intervals_LDADD = libcsymbols.la $(unit_libs)
%C%_test_csymbols_SOURCES = %D%/test_csymbols.c
%C%_test_csymbols_LDADD = libcsymbols.la $(LIBDW_LIBS) $(LIBELF_LIBS) $(unit_libs)

# Built on demand, with clang; see the head of the file.
EXTRA_PROGRAMS += %D%/fuzz_csymbols
%C%_fuzz_csymbols_SOURCES = %D%/fuzz_csymbols.c $(libcsymbols_la_SOURCES)
%C%_fuzz_csymbols_CPPFLAGS = $(AM_CPPFLAGS) $(LIBDW_CFLAGS) $(LIBELF_CFLAGS)
%C%_fuzz_csymbols_CFLAGS = $(AM_CFLAGS) -fsanitize=fuzzer-no-link
%C%_fuzz_csymbols_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
%C%_fuzz_csymbols_LDADD = $(LIBDW_LIBS) $(LIBELF_LIBS) $(ZLIB_LIBS) $(DEMANGLE_LIBS)

# Known code to be named: as compilers make it, whatever flags the build has.
check_PROGRAMS += %D%/fixture_native
%C%_fixture_native_SOURCES = %D%/fixtures/native.cc
%C%_fixture_native_CXXFLAGS = -O2 -g
%C%_fixture_native_LDFLAGS = -no-install -Wl,--build-id=sha1
%C%_test_csymbols_DEPENDENCIES = libcsymbols.la libprobetest.la %D%/fixture_native

#
# end to end: programs under the shim
#
script_tests += %D%/check-heap.tap %D%/check-locks.tap
EXTRA_DIST += %D%/fixtures/locks/locks.go %D%/fixtures/locks/locks.c \
	%D%/fixtures/locks/locks.h %D%/fixtures/locks/standard.cc \
	%D%/fixtures/lockcodes/lockcodes.go %D%/fixtures/lockcodes/lockcodes.c \
	%D%/fixtures/lockcodes/lockcodes.h %D%/fixtures/deadlock/deadlock.go
EXTRA_DIST += %D%/fixtures/leaks/leaks.go %D%/fixtures/leaks/leaks.c \
	%D%/fixtures/leaks/leaks.h %D%/fixtures/leaks/leaks_new.cc \
	%D%/fixtures/leaks/leaks_library.c %D%/fixtures/plugin-host.c %D%/fixtures/plugin.cc
script_tests += \
	%D%/check-block.tap \
	%D%/check-crowd.tap \
	%D%/check-dump.tap \
	%D%/check-eintr.tap \
	%D%/check-ends.tap \
	%D%/check-fuzz.tap \
	%D%/check-environment.tap \
	%D%/check-execs.tap \
	%D%/check-guest.tap \
	%D%/check-kill.tap \
	%D%/check-ring-file.tap \
	%D%/check-shares.tap \
	%D%/check-labels.tap \
	%D%/check-signals.tap \
	%D%/check-stacks.tap \
	%D%/check-storm.tap \
	%D%/check-plugins.tap \
	%D%/check-strange.tap \
	%D%/check-truth.tap \
	%D%/check-wall.tap
dist_noinst_SCRIPTS += %D%/go-toolchains
EXTRA_DIST += %D%/preload.sh %D%/truth.sh \
	%D%/fixtures/blocks/blocks.go %D%/fixtures/blocks/blocks.h \
	%D%/fixtures/blocks/costs.c %D%/fixtures/blocks/fails.c %D%/fixtures/blocks/waits.c \
	%D%/fixtures/eintr.c \
	%D%/fixtures/execs/execs.go \
	%D%/fixtures/signals-host.c \
	%D%/fixtures/strange.c \
	%D%/fixtures/signals/signals.go \
	%D%/fixtures/signals/ptr.go \
	%D%/fixtures/truth/truth.go %D%/fixtures/truth/truth.c %D%/fixtures/truth/truth.h \
	%D%/fixtures/guest/guest.go \
	%D%/fixtures/guest/guest.c \
	%D%/fixtures/guest/guest.h \
	%D%/fixtures/libraries/openssl/openssl.go \
	%D%/fixtures/libraries/zstd/zstd.go \
	%D%/fixtures/plugins/plugins.go \
	%D%/fixtures/starts/starts.go \
	%D%/fixtures/labels/main.go \
	%D%/fixtures/stacks/stacks.go %D%/fixtures/stacks/stacks.c \
	%D%/fixtures/stacks/stacks.h %D%/fixtures/stacks-host.c \
	%D%/fixtures/truth-host.c \
	%D%/fixtures/storm/storm.go %D%/fixtures/storm/storm.c %D%/fixtures/storm/storm.h \
	%D%/fixtures/storm/storm_throw.cc \
	%D%/fixtures/walls/walls.go %D%/fixtures/walls/walls.c %D%/fixtures/walls/walls.h

check_PROGRAMS += %D%/truth-judge %D%/fixtures/without
%C%_truth_judge_SOURCES = %D%/truth-judge.c %D%/fixtures/truth/truth.h
%C%_truth_judge_LDADD = libtools.la
%C%_fixtures_without_SOURCES = %D%/fixtures/without.c

#
# tools/: the ring and the report
#
# A ring written by hand, for every test of a reader.
check_LTLIBRARIES += libringfile.la
libringfile_la_SOURCES = %D%/ringfile.c %D%/ringfile.h

criterion_tests += %D%/test_waits
criterion_tests += %D%/test_export %D%/test_printable %D%/test_profile %D%/test_reader \
	%D%/test_residence %D%/test_rings
%C%_test_export_SOURCES = %D%/test_export.c %D%/rendering.c %D%/rendering.h
%C%_test_export_CPPFLAGS = $(AM_CPPFLAGS) $(LIBELF_CFLAGS) $(JANSSON_CFLAGS)
%C%_test_export_LDADD = libringfile.la libtools.la $(unit_libs) $(JANSSON_LIBS)
%C%_test_residence_SOURCES = %D%/test_residence.c
%C%_test_residence_LDADD = libtools.la $(unit_libs)
%C%_test_rings_SOURCES = %D%/test_rings.c
%C%_test_rings_LDADD = libringfile.la libtools.la $(unit_libs)
%C%_test_printable_SOURCES = %D%/test_printable.c
%C%_test_printable_LDADD = libtools.la $(unit_libs)
%C%_test_waits_SOURCES = %D%/test_waits.c
%C%_test_waits_LDADD = libtools.la $(unit_libs)
%C%_test_profile_SOURCES = %D%/test_profile.c
%C%_test_profile_LDADD = libtools.la $(unit_libs)
%C%_test_reader_SOURCES = %D%/test_reader.c
%C%_test_reader_LDADD = libringfile.la libtools.la $(unit_libs)

#
# bpf/: the witness and the sampler
#
criterion_tests += %D%/test_weigher
%C%_test_weigher_SOURCES = %D%/test_weigher.c tools/record/weigher.c
%C%_test_weigher_LDADD = $(unit_libs)

# They say themselves what they miss: BPF, root, BTF, a Go toolchain.
script_tests += \
	%D%/check-bpf-header.tap \
	%D%/check-record.tap \
	%D%/check-sampler.tap \
	%D%/check-witness.tap \
	%D%/check-witness-fsbase.tap \
	%D%/check-witness-life.tap
EXTRA_DIST += %D%/witness.sh %D%/fixtures/static/static.go

if HAVE_BPF
check_PROGRAMS += %D%/fixtures/mover
%C%_fixtures_mover_SOURCES = %D%/fixtures/mover.c shim/usdt.sig.c $(fakeg)
%C%_fixtures_mover_CFLAGS = $(WARN_CFLAGS) -fno-stack-protector

# The shim that lies: its own sources, with lies forced in (fixtures/lies.h).
check_LTLIBRARIES += %D%/liblyingsig.la %D%/liblying.la
%C%_liblyingsig_la_CFLAGS = $(SIG_CFLAGS) -include $(srcdir)/%D%/fixtures/lie-sample.h
%C%_liblyingsig_la_SOURCES = $(libshimsig_la_SOURCES) %D%/fixtures/lie-sample.h
%C%_liblying_la_CFLAGS = $(SHIM_CFLAGS) -include $(srcdir)/%D%/fixtures/lie-layout.h
%C%_liblying_la_SOURCES = $(libgoidshim_la_SOURCES) \
	%D%/fixtures/lies.c %D%/fixtures/lies.h %D%/fixtures/lie-layout.h
%C%_liblying_la_LIBADD = libshimcxx.la %D%/liblyingsig.la libprobesig.la libprobe.la
%C%_liblying_la_LDFLAGS = -rpath /nowhere $(libgoidshim_la_LDFLAGS)

bench_programs += %D%/bench/bench_sampler %D%/bench/bench_witness
%C%_bench_bench_sampler_SOURCES = %D%/bench/bench_sampler.c $(bench_sources)
%C%_bench_bench_sampler_LDADD = libwitness.la
%C%_bench_bench_witness_SOURCES = %D%/bench/bench_witness.c $(bench_sources) \
	shim/usdt.sig.c $(fakeg)
%C%_bench_bench_witness_LDADD = libwitness.la
endif

#
# bench/
#
EXTRA_DIST += %D%/fixtures/pairs/pairs.go %D%/fixtures/pairs/pairs.c \
	%D%/fixtures/pairs/pairs.h \
	%D%/fixtures/lockcosts/lockcosts.go
script_tests += %D%/bench/bench-runs.sh
bench_scripts += %D%/bench/block.sh %D%/bench/heap.sh %D%/bench/locks.sh %D%/bench/rates.sh \
	%D%/bench/startup.sh
dist_noinst_SCRIPTS += $(bench_scripts)
EXTRA_DIST += %D%/bench/bench.sh
EXTRA_DIST += %D%/fixtures/rates/rates.go %D%/fixtures/large/large.go
check_PROGRAMS += %D%/bench/startup
%C%_bench_startup_SOURCES = %D%/bench/startup.c $(bench_sources)
bench_sources = %D%/bench/bench.c %D%/bench/bench.h
fakeg = %D%/fixtures/fakeg.c %D%/fixtures/fakeg.h

bench_programs += %D%/bench/bench_fsbase %D%/bench/bench_peek %D%/bench/bench_segment
%C%_bench_bench_fsbase_SOURCES = %D%/bench/bench_fsbase.c $(bench_sources) \
	%D%/bench/faults.c %D%/bench/faults.h
%C%_bench_bench_fsbase_LDADD = libprobe.la libprobesig.la
%C%_bench_bench_peek_SOURCES = %D%/bench/bench_peek.c $(bench_sources) \
	%D%/bench/faults.c %D%/bench/faults.h
%C%_bench_bench_peek_LDADD = libprobesig.la
%C%_bench_bench_segment_SOURCES = %D%/bench/bench_segment.c $(bench_sources)
bench_programs += %D%/bench/bench_goid
%C%_bench_bench_goid_SOURCES = %D%/bench/bench_goid.c $(bench_sources) $(fakeg)
%C%_bench_bench_goid_LDADD = libprobesig.la
bench_programs += %D%/bench/bench_handler
%C%_bench_bench_handler_SOURCES = %D%/bench/bench_handler.c %D%/ring-memory.h $(bench_sources) $(fakeg)
%C%_bench_bench_handler_LDADD = libshimsig.la libprobesig.la
bench_programs += %D%/bench/bench_ring
%C%_bench_bench_ring_SOURCES = %D%/bench/bench_ring.c %D%/ring-memory.h shim/ring.sig.c $(bench_sources)
EXTRA_DIST += %D%/golden/v1.ring %D%/golden/v1.json %D%/golden/v1.ndjson %D%/golden/v1.txt

# Everything that reads a ring, with sanitizers whatever the build has.
stress_tests += %D%/hostile_ring.stress
%C%_hostile_ring_stress_SOURCES = %D%/stress_hostile_ring.c %D%/rendering.c %D%/ringfile.c \
	$(libtools_la_SOURCES)
nodist_%C%_hostile_ring_stress_SOURCES = $(nodist_libtools_la_SOURCES)
%C%_hostile_ring_stress_CPPFLAGS = $(libtools_la_CPPFLAGS)
%C%_hostile_ring_stress_CFLAGS = $(WARN_CFLAGS) -g -O1 $(HOSTILE_CFLAGS)
%C%_hostile_ring_stress_LDFLAGS = $(HOSTILE_CFLAGS)
%C%_hostile_ring_stress_LDADD = $(libtools_la_LIBADD)

check_PROGRAMS += %D%/ringfile-seeds
%C%_ringfile_seeds_SOURCES = %D%/ringfile-seeds.c
%C%_ringfile_seeds_LDADD = libringfile.la

# Built on demand, with clang; see the head of the file.
EXTRA_PROGRAMS += %D%/fuzz_reader
%C%_fuzz_reader_SOURCES = %D%/fuzz_reader.c %D%/rendering.c
%C%_fuzz_reader_CPPFLAGS = $(AM_CPPFLAGS) $(LIBELF_CFLAGS)
%C%_fuzz_reader_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
%C%_fuzz_reader_LDADD = libtools.la
bench_programs += %D%/bench/bench_reader
%C%_bench_bench_reader_SOURCES = %D%/bench/bench_reader.c %D%/rendering.c $(bench_sources)
%C%_bench_bench_reader_CPPFLAGS = $(AM_CPPFLAGS) $(LIBELF_CFLAGS)
%C%_bench_bench_reader_LDADD = libringfile.la libtools.la

#
# tools/: formats for profile viewers
#
check_PROGRAMS += %D%/profile-ring
%C%_profile_ring_SOURCES = %D%/profile-ring.c
%C%_profile_ring_LDADD = libringfile.la libtools.la libgofile.la libprobetest.la $(LIBDW_LIBS) $(LIBELF_LIBS)
criterion_tests += %D%/test_modulemap %D%/test_stacks
%C%_test_modulemap_SOURCES = %D%/test_modulemap.c
%C%_test_modulemap_LDADD = libringfile.la libtools.la $(unit_libs)
%C%_test_stacks_SOURCES = %D%/test_stacks.c
%C%_test_stacks_LDADD = libtools.la $(unit_libs)
script_tests += %D%/check-formats.tap %D%/check-html.tap
bench_programs += %D%/bench/bench_formats
%C%_bench_bench_formats_SOURCES = %D%/bench/bench_formats.c %D%/bench/bench.c %D%/bench/bench.h
EXTRA_DIST += %D%/browser.py
CLEANFILES += bench_formats.ring check-html.ring check-html.html \
	check-formats.ring check-formats.ring.bad check-formats.pb.gz check-formats.so

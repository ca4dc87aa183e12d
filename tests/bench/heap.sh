#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# What a pair of malloc and free costs (fixtures/pairs): bare; with the shim and
# nothing recorded; with event heap at the default interval, where nearly every
# pair goes unsampled; with every allocation recorded. 77: there is no Go.
#
# And what other heap profilers make of the same loop, in a program without Go, for
# heaptrack records next to nothing in one with it: heaptrack (every allocation),
# gperftools (every allocation) beside its allocator alone, and jemalloc (a sample
# for each 512 KiB) beside its allocator alone.
srcdir=${srcdir:-.}
GO=${GO:-go}
command -v "$GO" >/dev/null || { echo "heap: skipped, no Go"; exit 77; }
work=$(mktemp -d) && trap 'rm -rf "$work" /dev/shm/goidshim-bench.$$' EXIT
all=${GOIDSHIM_BENCH_QUICK:+20000}
few=${GOIDSHIM_BENCH_QUICK:+2000}
few=${few:-50000}
shim=$PWD/.libs/libgoidshim.so
unset GOIDSHIM_BENCH_QUICK
pairs=$(cd "$srcdir/tests/fixtures/pairs" && pwd)
(cd "$pairs" && GO111MODULE=off GOFLAGS='' "$GO" build -o "$work/pairs" .) || exit 1
${CC:-cc} -O2 -pthread -DPAIRS_ALONE -o "$work/alone" "$pairs/pairs.c" || exit 1

# row NAME PAIRS PROGRAM [SETTING...]
row() {
	name=$1
	n=$2
	program=$3
	shift 3
	rm -f "/dev/shm/goidshim-bench.$$"
	env "$@" "$work/$program" ${n:+"$n"} 2>/dev/null | while read -r what ns; do
		printf 'heap        %-34s %10s ns\n' "$name, $what" "$ns"
	done
}

# other NAME PAIRS LIBRARY [SETTING...]: where the library is installed.
other() {
	name=$1
	n=$2
	library=$(find /usr/lib -name "$3" 2>/dev/null | head -1)
	shift 3
	if [ -n "$library" ]; then
		row "$name" "$n" alone LD_PRELOAD="$library" "$@"
	else
		echo "heap: $name skipped, not installed"
	fi
}

ring=GOIDSHIM_RING=/dev/shm/goidshim-bench.$$
row "bare" "$all" pairs
row "shim, heap off" "$all" pairs LD_PRELOAD="$shim" "$ring"
row "heap, unsampled" "$all" pairs LD_PRELOAD="$shim" "$ring" GOIDSHIM_EVENTS=heap
row "heap, all sampled" "$few" pairs LD_PRELOAD="$shim" "$ring" GOIDSHIM_EVENTS=heap \
	GOIDSHIM_HEAP_INTERVAL=1
row "no Go, bare" "$all" alone
other "heaptrack" "$few" libheaptrack_preload.so DUMP_HEAPTRACK_OUTPUT="$work/heaptrack"
other "tcmalloc" "$all" libtcmalloc.so.4
other "gperftools" "$few" libtcmalloc.so.4 HEAPPROFILE="$work/gperftools"
other "jemalloc" "$all" libjemalloc.so.2
other "jemalloc prof" "$all" libjemalloc.so.2 MALLOC_CONF=prof:true,prof_prefix:"$work/jemalloc"

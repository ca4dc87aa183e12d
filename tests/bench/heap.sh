#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# What a pair of malloc and free costs (fixtures/pairs): bare; with the shim and
# nothing recorded; with event heap at the default interval, where nearly every
# pair goes unsampled; with every allocation recorded.
#
# And what other heap profilers make of the same loop, in a program without Go, for
# heaptrack records next to nothing in one with it: heaptrack (every allocation),
# gperftools (every allocation) beside its allocator alone, and jemalloc (a sample
# for each 512 KiB) beside its allocator alone.
. "${srcdir:?}/tests/bench/bench.sh"

go_build "$goroot" "$fixtures/pairs" "$work/pairs" || exit 99
$cc -O2 -pthread -DPAIRS_ALONE -o "$work/alone" "$fixtures/pairs/pairs.c" || exit 99
all=${quick:+20000}
few=${quick:+2000}
few=${few:-50000}

# row NAME PAIRS PROGRAM [SETTING...]
row() {
	name=$1
	n=$2
	program=$3
	shift 3
	rm -f "$ring"
	env "$@" "$work/$program" ${n:+"$n"} 2>/dev/null | while read -r what ns; do
		printf '%s\t%s\n' "$name, $what" "$ns"
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
		echo "heap: $name skipped, not installed" >&2
	fi
}

set_ring=GOIDSHIM_RING=$ring

all_rows() {
	row "bare" "$all" pairs
	row "shim, heap off" "$all" pairs LD_PRELOAD="$shim" "$set_ring"
	row "heap, unsampled" "$all" pairs LD_PRELOAD="$shim" "$set_ring" GOIDSHIM_EVENTS=heap
	row "heap, all sampled" "$few" pairs LD_PRELOAD="$shim" "$set_ring" GOIDSHIM_EVENTS=heap \
		GOIDSHIM_HEAP_INTERVAL=1
	row "no Go, bare" "$all" alone
	other "heaptrack" "$few" libheaptrack_preload.so DUMP_HEAPTRACK_OUTPUT="$work/heaptrack"
	other "tcmalloc" "$all" libtcmalloc.so.4
	other "gperftools" "$few" libtcmalloc.so.4 HEAPPROFILE="$work/gperftools"
	other "jemalloc" "$all" libjemalloc.so.2
	other "jemalloc prof" "$all" libjemalloc.so.2 MALLOC_CONF=prof:true,prof_prefix:"$work/jemalloc"
}

in_turns heap all_rows

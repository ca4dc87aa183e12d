#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# What a pair of malloc and free costs (fixtures/pairs): bare; with the shim and
# nothing recorded; with event heap at the default interval, where nearly every
# pair goes unsampled; with every allocation recorded; and under heaptrack, where
# it is installed. 77: there is no Go.
srcdir=${srcdir:-.}
GO=${GO:-go}
command -v "$GO" >/dev/null || { echo "heap: skipped, no Go"; exit 77; }
work=$(mktemp -d) && trap 'rm -rf "$work" /dev/shm/goidshim-bench.$$' EXIT
pairs=${GOIDSHIM_BENCH_QUICK:+20000}
shim=$PWD/.libs/libgoidshim.so
unset GOIDSHIM_BENCH_QUICK
(cd "$srcdir/tests/fixtures/pairs" && GO111MODULE=off GOFLAGS='' "$GO" build -o "$work/pairs" .) ||
	exit 1

# row NAME COMMAND...
row() {
	name=$1
	shift
	rm -f "/dev/shm/goidshim-bench.$$"
	"$@" "$work/pairs" ${pairs:+"$pairs"} 2>/dev/null | while read -r what ns; do
		printf 'heap        %-34s %10s ns\n' "$name, $what" "$ns"
	done
}

row "bare" env
row "shim, heap off" env LD_PRELOAD="$shim" GOIDSHIM_RING="/dev/shm/goidshim-bench.$$"
row "heap, unsampled" env LD_PRELOAD="$shim" GOIDSHIM_RING="/dev/shm/goidshim-bench.$$" \
	GOIDSHIM_EVENTS=heap
pairs=${pairs:-50000}
row "heap, all sampled" env LD_PRELOAD="$shim" GOIDSHIM_RING="/dev/shm/goidshim-bench.$$" \
	GOIDSHIM_EVENTS=heap GOIDSHIM_HEAP_INTERVAL=1
for preload in /usr/lib/heaptrack/libheaptrack_preload.so \
	/usr/lib/*/heaptrack/libheaptrack_preload.so; do
	[ -f "$preload" ] || continue
	row "heaptrack" env LD_PRELOAD="$preload" DUMP_HEAPTRACK_OUTPUT=/dev/null
	break
done

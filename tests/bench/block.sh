#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# What short calls take (fixtures/blocks): bare; with the shim and nothing of them
# recorded; and with event block, which writes down where each call stands before
# it is made, and records none of these. 77: there is no Go.
srcdir=${srcdir:-.}
GO=${GO:-go}
command -v "$GO" >/dev/null || { echo "block: skipped, no Go"; exit 77; }
work=$(mktemp -d) && trap 'rm -rf "$work" /dev/shm/goidshim-bench.$$' EXIT
calls=${GOIDSHIM_BENCH_QUICK:+1000}
shim=$PWD/.libs/libgoidshim.so
unset GOIDSHIM_BENCH_QUICK
(cd "$srcdir/tests/fixtures/blocks" &&
	GO111MODULE=off GOFLAGS='' "$GO" build -o "$work/blocks" .) || exit 1

# row NAME [SETTING...]
row() {
	name=$1
	shift
	rm -f "/dev/shm/goidshim-bench.$$"
	env "$@" "$work/blocks" costs "${calls:-50000}" 2>/dev/null | while read -r ns what; do
		printf 'block       %-34s %10s ns\n' "$name, $what" "$ns"
	done
}

ring=GOIDSHIM_RING=/dev/shm/goidshim-bench.$$
row "bare"
row "shim, block off" LD_PRELOAD="$shim" "$ring"
row "block" LD_PRELOAD="$shim" "$ring" GOIDSHIM_EVENTS=block
row "block, no stacks" LD_PRELOAD="$shim" "$ring" GOIDSHIM_EVENTS=block GOIDSHIM_STACK=0

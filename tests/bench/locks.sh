#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# What a pair of lock and unlock costs that nobody else is in the way of
# (fixtures/lockcosts): bare; with the shim and nothing of locks recorded; with
# event lock. "no-wait" is a mutex that refuses its own thread at once: with event
# lock that is what is done before a wait, and in the last rows also its record,
# which is what is done with a lock in hand. The runs go in turns, and the least of
# each counts. 77: there is no Go.
srcdir=${srcdir:-.}
GO=${GO:-go}
command -v "$GO" >/dev/null || { echo "locks: skipped, no Go"; exit 77; }
work=$(mktemp -d) && trap 'rm -rf "$work" /dev/shm/goidshim-bench.$$' EXIT
pairs=${GOIDSHIM_BENCH_QUICK:+2000}
turns=${GOIDSHIM_BENCH_QUICK:+1}
shim=$PWD/.libs/libgoidshim.so
unset GOIDSHIM_BENCH_QUICK
(cd "$srcdir/tests/fixtures/lockcosts" &&
	GO111MODULE=off GOFLAGS='' "$GO" build -o "$work/lockcosts" .) || exit 1

# run NAME COMMAND...: lines "NAME, WHAT<tab>NANOSECONDS"
run() {
	name=$1
	shift
	rm -f "/dev/shm/goidshim-bench.$$"
	"$@" "$work/lockcosts" ${pairs:+"$pairs"} 2>/dev/null |
		awk -v OFS='\t' -v name="$name" '{ print name ", " $1, $2 }'
}

shimmed() {
	env LD_PRELOAD="$shim" GOIDSHIM_RING="/dev/shm/goidshim-bench.$$" "$@"
}

for turn in $(seq "${turns:-3}"); do
	run "bare" env
	run "shim, lock off" shimmed
	run "lock" shimmed GOIDSHIM_EVENTS=lock GOIDSHIM_LOCK_MIN=1s
	run "lock, all recorded" shimmed GOIDSHIM_EVENTS=lock GOIDSHIM_LOCK_MIN=0
done | awk -F '\t' '
	!($1 in least) { order[++n] = $1; least[$1] = $2 }
	$2 + 0 < least[$1] + 0 { least[$1] = $2 }
	END {
		for (i = 1; i <= n; i++)
			printf "locks       %-34s %10s ns\n", order[i], least[order[i]]
	}'

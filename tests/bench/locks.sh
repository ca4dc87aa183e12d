#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# What a pair of lock and unlock costs that nobody else is in the way of
# (fixtures/lockcosts): bare; with the shim and nothing of locks recorded; with
# event lock. "no-wait" is a mutex that refuses its own thread at once: with event
# lock that is what is done before a wait, and in the last rows also its record,
# which is what is done with a lock in hand. The runs go in turns, and the least of
# each counts.
# preload.sh clears what is set for tests.
quick=${GOIDSHIM_BENCH_QUICK-}
. "${srcdir:?}/tests/preload.sh"

goroot=$(any_goroot)
[ -n "$goroot" ] || exit 77
go_build "$goroot" "$fixtures/lockcosts" "$work/lockcosts" || exit 99
pairs=${quick:+2000}
turns=${quick:+1}

# run NAME [SETTING...]: lines "NAME, WHAT<tab>NANOSECONDS"
run() {
	name=$1
	shift
	rm -f "$ring"
	env "$@" "$work/lockcosts" ${pairs:+"$pairs"} 2>/dev/null |
		awk -v OFS='\t' -v name="$name" '{ print name ", " $1, $2 }'
}

on="GOIDSHIM_RING=$ring LD_PRELOAD=$shim"
# shellcheck disable=SC2086 # lists of words
for _ in $(seq "${turns:-3}"); do
	run "bare"
	run "shim, lock off" $on
	run "lock" $on GOIDSHIM_EVENTS=lock GOIDSHIM_LOCK_MIN=1s
	run "lock, all recorded" $on GOIDSHIM_EVENTS=lock GOIDSHIM_LOCK_MIN=0
done | awk -F '\t' '
	!($1 in least) { order[++n] = $1; least[$1] = $2 }
	$2 + 0 < least[$1] + 0 { least[$1] = $2 }
	END {
		for (i = 1; i <= n; i++)
			printf "locks       %-34s %10s ns\n", order[i], least[order[i]]
	}'

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# What a pair of lock and unlock costs that nobody else is in the way of
# (fixtures/lockcosts): bare; with the shim and nothing of locks recorded; with
# event lock. "no-wait" is a mutex that refuses its own thread at once: with event
# lock that is what is done before a wait, and in the last rows also its record,
# which is what is done with a lock in hand.
. "${srcdir:?}/tests/bench/bench.sh"

go_build "$goroot" "$fixtures/lockcosts" "$work/lockcosts" || exit 99
pairs=${quick:+2000}

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
all() {
	run "bare"
	run "shim, lock off" $on
	run "lock" $on GOIDSHIM_EVENTS=lock GOIDSHIM_LOCK_MIN=1s
	run "lock, all recorded" $on GOIDSHIM_EVENTS=lock GOIDSHIM_LOCK_MIN=0
}

in_turns locks all

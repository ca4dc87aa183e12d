#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# What short calls take (fixtures/blocks): bare; with the shim and nothing of them
# recorded; and with event block, which writes down where each call stands before
# it is made, and records none of these.
. "${srcdir:?}/tests/bench/bench.sh"

go_build "$goroot" "$fixtures/blocks" "$work/blocks" || exit 99
calls=${quick:+1000}

# row NAME [SETTING...]
row() {
	name=$1
	shift
	rm -f "$ring"
	env "$@" "$work/blocks" costs "${calls:-50000}" 2>/dev/null | while read -r ns what; do
		printf '%s\t%s\n' "$name, $what" "$ns"
	done
}

set_ring=GOIDSHIM_RING=$ring

all() {
	row "bare"
	row "shim, block off" LD_PRELOAD="$shim" "$set_ring"
	row "block" LD_PRELOAD="$shim" "$set_ring" GOIDSHIM_EVENTS=block
	row "block, no stacks" LD_PRELOAD="$shim" "$set_ring" GOIDSHIM_EVENTS=block GOIDSHIM_STACK=0
}

in_turns block all

# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
#
# bench.sh - for benchmarks to source: what they need of the tests, a Go toolchain, and
# figures as other work on the machine has disturbed them least.

# preload.sh clears what is set for tests.
quick=${GOIDSHIM_BENCH_QUICK-}
# shellcheck source=tests/preload.sh
. "${srcdir:?}/tests/preload.sh"

goroot=$(any_goroot)
[ -n "$goroot" ] || exit 77

# Commands run in turns, and the least of each figure counts.
#
# in_turns SUBJECT COMMAND: the command prints lines "NAME<tab>NANOSECONDS"; it runs
# three times, or once where it must be quick.
in_turns() {
	for _ in $(if [ "$quick" ]; then seq 1; else seq 3; fi); do "$2"; done |
		awk -F '\t' -v subject="$1" '
		!($1 in least) { order[++n] = $1; least[$1] = $2 }
		$2 + 0 < least[$1] + 0 { least[$1] = $2 }
		END {
			for (i = 1; i <= n; i++)
				printf "%-11s %-34s %10s ns\n", subject, order[i], least[order[i]]
		}'
}

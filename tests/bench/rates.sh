#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# How many of the samples asked for are taken: by each trigger, at three rates,
# with a few threads and with many. Two CPU seconds each.
. "${srcdir:?}/tests/bench/bench.sh"

go_build "$goroot" "$fixtures/rates" "$work/rates" || exit 99

counts='1 8 64'
rates='99 999 4999'
ms=2000
[ "$quick" ] && counts=1 rates=999 ms=200

for trigger in sigtrap perf timer; do
	for rate in $rates; do
		for threads in $counts; do
			rm -f "$ring"*
			shimmed GOIDSHIM_RING="$ring%p" GOIDSHIM_LOG=quiet \
				GOIDSHIM_TRIGGER="$trigger" GOIDSHIM_RATE="$rate" \
				"$work/rates" "$threads" "$ms" || exit 1
			"$dump" --format=json "$ring"* | jq -r --arg threads "$threads" '.sampling |
				"\(.trigger) \(.rate_asked_hz) \($threads) \(.rate_achieved_hz)"' |
			while read -r used asked number achieved; do
				printf '%-10s %-36s ' rates "$used at $asked Hz, threads: $number"
				echo "$achieved $asked" |
					awk '{ printf "%10.2f %% of the rate\n", 100 * $1 / $2 }'
			done
		done
	done
done

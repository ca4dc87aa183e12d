#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Every benchmark runs to its end and prints figures that are numbers. How good
# they are is for `make bench` and a quiet machine to say.
set -u

status=0
scripts=
for script in $BENCH_SCRIPTS; do scripts="$scripts ${srcdir:?}/$script"; done

for program in $BENCH_PROGRAMS $scripts; do
	case $program in
	*.sh) said=$(GOIDSHIM_BENCH_QUICK=1 "$program") ;;
	*) said=$(GOIDSHIM_BENCH_QUICK=1 "./$program") ;;
	esac
	code=$?
	echo "$said"
	if [ $code = 77 ]; then
		echo "$program: skipped"
		continue
	fi
	if [ $code != 0 ] || ! echo "$said" | grep -q '[0-9]\.[0-9]' ||
	   echo "$said" | grep -qE '(nan|inf) '; then
		echo "$program: exit status $code, or no figures"
		status=1
	fi
done
exit $status

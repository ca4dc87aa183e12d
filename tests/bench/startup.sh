#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# What the shim adds to the start of a cgo program of 30 MB without symbols.
. "${srcdir:?}/tests/bench/bench.sh"

cp -r "$fixtures/large" "$work/large"
chmod -R u+w "$work/large"
head -c 19000000 /dev/urandom >"$work/large/data"
go_build "$goroot" "$work/large" "$work/program" -ldflags='-s -w' || exit 99
GOIDSHIM_BENCH_QUICK=$quick GOIDSHIM_RING=$ring \
	"$PWD/tests/bench/startup" "$shim" "$work/program" || exit 1
# Else it was measured how it stands down.
[ -e "$ring" ]

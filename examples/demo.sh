#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# demo.sh - the examples under the shim, and what the shim saw. `make demo` runs
# it in the build directory.
set -eu
ring=/dev/shm/goidshim.demo.$$
trap 'rm -f "$ring"' EXIT

# Usage: record "VARIABLE=VALUE..." PROGRAM
record() {
	if ! [ -x "$2" ]; then
		echo "demo: the examples were not built: they need golang-go," \
			"golang-github-mattn-go-sqlite3-dev and libsqlite3-dev" >&2
		exit 1
	fi
	rm -f "$ring"
	echo "\$ $1 LD_PRELOAD=libgoidshim.so $2"
	# shellcheck disable=SC2086 # a list of variables
	env $1 GOIDSHIM_RING="$ring" LD_PRELOAD="$PWD/.libs/libgoidshim.so" "$2"
	echo
}

show() {
	echo "\$ goidshim-dump${*:+ }$*"
	./goidshim-dump "$@" "$ring"
}

record "GOIDSHIM_RATE=999" examples/sqlite/sqlite
show
echo
record "GOIDSHIM_EVENTS=heap,lock,block" examples/ledger/ledger
show
show --stuck=0.1

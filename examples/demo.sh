#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# demo.sh - the SQLite example under the shim, and what the shim saw. `make demo`
# runs it in the build directory.
set -eu
example=examples/sqlite/sqlite
if ! [ -x $example ]; then
	echo "demo: the example was not built: it needs golang-go," \
		"golang-github-mattn-go-sqlite3-dev and libsqlite3-dev" >&2
	exit 1
fi
ring=/dev/shm/goidshim.demo.$$
trap 'rm -f "$ring"' EXIT

echo "\$ GOIDSHIM_RATE=999 LD_PRELOAD=libgoidshim.so $example"
GOIDSHIM_RATE=999 GOIDSHIM_RING=$ring LD_PRELOAD=$PWD/.libs/libgoidshim.so $example
echo
echo "\$ goidshim-dump"
./goidshim-dump "$ring"

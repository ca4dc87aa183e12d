# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2034 # the scripts use what is set here
#
# preload.sh - for the end-to-end tests to source: how a target is built, run
# under the shim, and how a finding is told in TAP. Runs in the build directory.
set -u
: "${srcdir:?run it by make check}"

dump=$PWD/goidshim-dump
judge=$PWD/tests/truth-judge
fixtures=$(cd "$srcdir/tests/fixtures" && pwd)
toolchains=$srcdir/tests/go-toolchains
cc=${CC:-gcc}
cxx=${CXX:-g++}

# Everybody may look into it, wherever this was cloned: some targets run as nobody.
work=$(mktemp -d "${TMPDIR:-/tmp}/goidshim-test.XXXXXX") || exit 99
chmod 755 "$work"
shim=$work/libgoidshim.so
cp .libs/libgoidshim.so "$shim"
# Rings of a test; the name is no prefix of any other test's.
ring=/dev/shm/goidshim-test.$$.
trap 'rm -rf "$work" "$ring"*' EXIT
trap 'exit 99' INT TERM HUP

# Settings of the tests are no settings of the shim, which would remark on them.
long=${GOIDSHIM_TEST_LONG-}
go_cache=${GOIDSHIM_GO_CACHE-}
for variable in $(env | sed -n 's/^\(GOIDSHIM_[A-Z_]*\)=.*/\1/p'); do unset "$variable"; done

#
# TAP
#
tests=0

ok() {
	tests=$((tests + 1))
	echo "ok $tests - $*"
}

not_ok() {
	tests=$((tests + 1))
	echo "not ok $tests - $*"
}

skip() {
	tests=$((tests + 1))
	echo "ok $tests - $1 # SKIP $2"
}

# check NAME COMMAND...: passes if the command does; if not, shows what it said.
check() {
	name=$1
	shift
	if "$@" >"$work/said" 2>&1; then
		ok "$name"
	else
		not_ok "$name"
		sed 's/^/# /' "$work/said"
	fi
}

finish() {
	echo "1..$tests"
	exit 0
}

skip_all() {
	echo "1..0 # SKIP $*"
	exit 0
}

#
# Targets
#

# shimmed [VARIABLE=VALUE...] COMMAND...
shimmed() {
	env LD_PRELOAD="$shim" "$@"
}

# Runs a command as an ordinary user. What it needs must be in $work.
unprivileged() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@"
	else
		"$@"
	fi
}

# How run_both runs a command: by which launcher, and with what settings.
as=
settings=

# run_both COMMAND...: without and with the shim, into $work/{out,err,status}{0,1}.
run_both() {
	# shellcheck disable=SC2086 # lists of words
	$as "$@" >"$work/out0" 2>"$work/err0" </dev/null
	echo $? >"$work/status0"
	# shellcheck disable=SC2086
	$as env GOIDSHIM_RATE=1999 GOIDSHIM_RING="$ring%p" LD_PRELOAD="$shim" $settings \
		"$@" >"$work/out1" 2>"$work/err1" </dev/null
	echo $? >"$work/status1"
}

# same NAME COMMAND...
same() {
	what=$1
	shift
	run_both "$@"
	check "$what: same standard output" diff "$work/out0" "$work/out1"
	check "$what: same standard error" diff "$work/err0" "$work/err1"
	check "$what: same exit status" diff "$work/status0" "$work/status1"
}

# go_build GOROOT DIRECTORY OUTPUT [OPTION...]
go_build() (
	GOROOT=$1
	directory=$2
	output=$3
	shift 3
	cd "$directory" || exit 1
	[ -n "${HOME-}${GOCACHE-}" ] || GOCACHE=$work/go-cache
	export GOROOT ${GOCACHE+GOCACHE}
	GO111MODULE=off GOTOOLCHAIN=local GOFLAGS='' GOPATH=$work/go \
		"$GOROOT/bin/go" build "$@" -o "$output" .
)

# Prints the GOROOT of the Go that most tests use: the system's, or any other.
any_goroot() {
	if [ -n "${GO-}" ]; then
		"$GO" env GOROOT
	else
		GOIDSHIM_GO_CACHE=$go_cache "$toolchains" list | sed -n '1s/^[^ ]* //p'
	fi
}

# Sets `goroot`, or ends the test.
need_go() {
	goroot=$(any_goroot)
	[ -n "$goroot" ] || skip_all "no Go toolchain"
}

# Writes "VERSION GOROOT" lines to $work/versions: three of the toolchains, the oldest
# and the newest among them, or all in the long form. Without any, ends the test.
need_versions() {
	GOIDSHIM_GO_CACHE=$go_cache "$toolchains" list | awk -v all="$long" '
		{ line[NR] = $0 }
		END {
			middle = int((NR + 1) / 2)
			for (i = 1; i <= NR; i++)
				if (all || i == 1 || i == middle || i == NR)
					print line[i]
		}' >"$work/versions"
	[ -s "$work/versions" ] || skip_all "no Go toolchain (tests/go-toolchains fetch)"
}

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# What may run in a signal handler calls nothing but itself: the undefined
# symbols of libprobesig and libshimsig are defined there, or are in
# sig-symbols.allow (what a compiler may call of its own accord, and the
# linker's own). The room probe/ does without shim/.
#
# Then plants a call of the C library in a copy, and sees that it is found.
set -eu
export LC_ALL=C

allow=${srcdir:-.}/tests/sig-symbols.allow
temp=$(mktemp -d) && trap 'rm -rf "$temp"' EXIT

# Prints the symbols that archive $1 wants and neither the list nor an archive has.
strangers() {
	nm -u "$1" | awk '$1 == "U" || $1 == "w" || $1 == "v" { print $2 }' | sort -u > "$temp/wanted"
	{ grep -v '^#' "$allow"; nm --defined-only "$@" | awk 'NF == 3 { print $3 }'; } |
		sort -u > "$temp/had"
	comm -23 "$temp/wanted" "$temp/had"
}

check() {
	said=$(strangers "$@")
	[ -z "$said" ] || { echo "$1 wants:" $said; return 1; }
}

probe=.libs/libprobesig.a
shim=.libs/libshimsig.a
check $probe
check $shim $probe
echo "$(nm --defined-only $probe $shim | grep -c ' T ') functions want nothing of others"

# plant CODE SYMBOL: an archive with this code must be refused for the symbol.
plant() {
	cp $probe "$temp/planted.a"
	printf '%s\n' "$1" > "$temp/planted.c"
	${CC:-cc} -ffreestanding -fPIC -O2 -c -o "$temp/planted.o" "$temp/planted.c"
	ar r "$temp/planted.a" "$temp/planted.o"
	if said=$(check "$temp/planted.a"); then
		echo "NOT FOUND: $1"
		exit 1
	fi
	case " $said " in
	*" $2 "*) ;;
	*) echo "$1 gave: $said"; exit 1 ;;
	esac
}

plant 'int printf(const char *, ...); int planted(void) { return printf("%d", 1); }' printf
plant 'extern int *__errno_location(void); int planted(void) { return *__errno_location(); }' \
	__errno_location
plant '_Thread_local int x; int *planted(void) { return &x; }' __tls_get_addr
plant 'void ring_commit_of_the_shim(void); void planted(void) { ring_commit_of_the_shim(); }' \
	ring_commit_of_the_shim
echo "4 planted calls, all found"

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# libgoidshim.so shows the program what goidshim.map lists and nothing else, and
# needs libc.so.6 and nothing else: whatever else it needed would come before the
# program's own libraries in symbol lookup.
#
# Then shows the checker libraries and maps that it must refuse.
set -eu
export LC_ALL=C

temp=$(mktemp -d) && trap 'rm -rf "$temp"' EXIT

listed() {
	sed 's|/\*.*\*/||; s|#.*||' "$1" | tr ';' '\n' | awk '
		/global:/ { on = 1; sub(/.*global:/, "") }
		/local:/ { on = 0 }
		on && NF == 1 { print $1 }' | sort -u
}

# Symbol versions show as absolute symbols; they are no exports.
exported() {
	nm -D --defined-only "$1" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort -u
}

needed() {
	readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
}

# check LIBRARY MAP
check() {
	listed "$2" > "$temp/listed"
	exported "$1" > "$temp/exported"
	comm -23 "$temp/exported" "$temp/listed" | sed 's/^/exported, not listed: /' > "$temp/said"
	comm -13 "$temp/exported" "$temp/listed" | sed 's/^/listed, not exported: /' >> "$temp/said"
	[ "$(needed "$1")" = libc.so.6 ] || echo "needs:" $(needed "$1") >> "$temp/said"
	cat "$temp/said"
	! [ -s "$temp/said" ]
}

# refuses WHAT LIBRARY MAP COMPLAINT
refuses() {
	if said=$(check "$2" "$3"); then
		echo "NOT FOUND: $1"
		exit 1
	fi
	case $said in
	*"$4"*) ;;
	*) echo "$1 gave: $said"; exit 1 ;;
	esac
}

map=${srcdir:-.}/shim/goidshim.map
library=.libs/libgoidshim.so
check $library "$map"
echo "$(exported $library | wc -l) exports as listed; libc.so.6 is all it needs"

sed 's/local:/planted; local:/' "$map" > "$temp/more.map"
refuses "a name in the map alone" $library "$temp/more.map" "listed, not exported: planted"
sed 's/goidshim_abi_version;//' "$map" > "$temp/less.map"
refuses "an export of no map" $library "$temp/less.map" "exported, not listed: goidshim_abi_version"

echo 'int planted(void) { return 0; }' > "$temp/planted.c"
echo '{ global: planted; local: *; };' > "$temp/planted.map"
${CC:-cc} -shared -fPIC -o "$temp/good.so" "$temp/planted.c" \
	-Wl,--version-script="$temp/planted.map" -Wl,--no-as-needed
check "$temp/good.so" "$temp/planted.map"
${CC:-cc} -shared -fPIC -o "$temp/bad.so" "$temp/planted.c" \
	-Wl,--version-script="$temp/planted.map" -Wl,--no-as-needed -lm
refuses "a library that needs libm" "$temp/bad.so" "$temp/planted.map" "needs: libm.so.6 libc.so.6"
echo "3 planted faults, all found"

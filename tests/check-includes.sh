#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Who includes whom. Prints each include that breaks a rule of the house:
#
#	rooms	the table in `may`, below; quoted includes name their room, except in
#		programs to be sampled (examples/, tests/fixtures/)
#	folders	of a room, likewise: the table in `may_within`
#	.sig	what may run in a signal handler includes only its like, the public
#		headers, and headers of the compiler and the kernel
#	.bpf	what runs in the kernel includes only its like, the public headers,
#		evidence.h, and headers of the kernel and of libbpf
#	public	goidshim/*.h include each other and <linux/types.h>
#	own	x.c includes "x.h" before anything else
#	cycles	no header includes itself by way of others
#
# Then plants one violation of each rule in a copy, and sees that it is found.
set -eu
export LC_ALL=C

rooms="probe shim bpf tools examples tests"

# Prints "FILE KIND INCLUDED" for every include under $1, in order; KIND is " or <.
includes() {
	(cd "$1" && grep -rE --include='*.[ch]' --exclude='*.skel.h' '^[[:space:]]*#[[:space:]]*include' \
		$rooms) | sed 's|^\([^:]*\):[^"<]*\(["<]\)\([^">]*\).*|\1 \2 \3|'
}

# Reads that list; prints complaints.
judge() {
	awk '
	function room(path) { return substr(path, 1, index(path, "/") - 1) }
	function complain(why) { print $1 ": includes " $3 ": " why }
	function is_sig(path) { return path ~ /\.sig\.[ch]$/ }
	function is_bpf(path) { return path ~ /\.bpf\.[ch]$/ }
	# A program to be sampled: it knows nothing of our rooms, and cgo has ways of its own.
	function is_target(path) { return path ~ /^(examples|tests\/fixtures)\// }
	function is_public(path) { return path ~ /goidshim\/(goid|format)\.h$/ }

	# The table: may a file of room `from` include the header `to`?
	function may(from, to) {
		if (from == "tests")
			return 1
		if (to == "config.h" || to == "goidshim/goid.h")
			return from != "examples"
		if (to == "goidshim/format.h")
			return from == "shim" || from == "bpf" || from == "tools"
		if (room(to) == from)
			return 1
		if (from == "shim")
			return room(to) == "probe"
		if (from == "tools")
			return room(to) == "bpf" || to == "probe/gopclntab.sig.h" ||
			       room(to) == "probe" && !is_sig(to)
		return 0
	}

	# Its folder in its room, or nothing.
	function folder(path,    parts) {
		return split(path, parts, "/") > 2 ? parts[2] : ""
	}
	# The other table: both are of one room.
	function may_within(of, from, to,    place) {
		if (of == "shim")
			return from != "unwind" || to == "unwind"
		if (of != "tools" || from == to)
			return 1
		if (from ~ /^(dump|layout|record|verify)$/)
			return to !~ /^(dump|layout|record|verify)$/
		if (from == "process")
			return to == "symbols"
		place = " tables print ring symbols profile formats "
		return index(place, " " to " ") && index(place, " " to " ") < index(place, " " from " ")
	}

	$2 == "\"" && $3 != "config.h" && $3 !~ /^(goidshim|probe|shim|bpf|tools|examples|tests)\// {
		if (!is_target($1))
			complain("a quoted include names its room")
		next
	}
	$2 == "\"" && !may(room($1), $3) {
		complain(room($1) " may not depend on that")
	}
	$2 == "\"" && room($1) == room($3) && !may_within(room($1), folder($1), folder($3)) {
		complain(folder($1) " may not depend on that")
	}
	is_sig($1) && $2 == "\"" && !is_sig($3) && !is_public($3) {
		complain("may run in a signal handler, and that is ordinary code")
	}
	is_sig($1) && $2 == "<" && $3 !~ /^(linux|asm|asm-generic)\// &&
	$3 !~ /^(stdbool|stddef|stdint|stdatomic|stdarg|limits|cpuid|immintrin)\.h$/ {
		complain("may run in a signal handler, and that is the C library")
	}
	is_bpf($1) && $2 == "\"" && !is_bpf($3) && !is_public($3) && $3 != "bpf/evidence.h" {
		complain("runs in the kernel, and that does not")
	}
	is_bpf($1) && $2 == "<" && $3 !~ /^(linux|asm|bpf)\// && $3 !~ /^(stdbool|stddef|stdint)\.h$/ {
		complain("runs in the kernel, and that does not")
	}
	is_public($1) && $3 != "linux/types.h" && !is_public($3) {
		complain("a public header needs nothing but <linux/types.h>")
	}'
}

# Prints every x.c under $1 that does not begin with the x.h beside it.
own_header_late() {
	includes "$1" | awk '!seen[$1]++ { print $1, $3 }' | while read -r file first; do
		own=${file%.c}.h
		if [ -f "$1/$own" ] && [ "$own" != "$file" ] && [ "${first##*/}" != "${own##*/}" ]; then
			echo "$file: includes $first before $own"
		fi
	done
}

cycles() {
	includes "$1" | awk '$2 == "\"" && $1 ~ /\.h$/ {
		sub(/^(probe|shim)\/goidshim\//, "goidshim/", $1)
		print $1, $3
	}' | tsort 2>&1 >/dev/null | sed 's/^tsort: //'
}

check_tree() {
	complaints=$(includes "$1" | judge; own_header_late "$1"; cycles "$1")
	[ -z "$complaints" ] || { echo "$complaints"; return 1; }
}

# plant FILE INCLUDE COMPLAINT: the copy with this line first in FILE must be refused so.
plant() {
	saved=$copy/saved
	if [ -f "$copy/$1" ]; then mv "$copy/$1" "$saved"; else : > "$saved"; fi
	{ echo "#include $2"; cat "$saved"; } > "$copy/$1"
	if said=$(check_tree "$copy"); then
		echo "NOT FOUND: $1 including $2"
		exit 1
	fi
	case $said in
	*"$3"*) ;;
	*) echo "$1 including $2 gave:"; echo "$said"; exit 1 ;;
	esac
	if [ -s "$saved" ]; then mv "$saved" "$copy/$1"; else rm "$copy/$1"; fi
}

srcdir=$(cd "${srcdir:-.}" && pwd)
copy=$(mktemp -d) && trap 'rm -rf "$copy"' EXIT

check_tree "$srcdir" || exit 1
echo "$(includes "$srcdir" | wc -l) includes, all in order"

(cd "$copy" && mkdir -p $rooms)
(cd "$srcdir" && find $rooms -name '*.[ch]' -print0 | tar -c --null -T -) | tar -x -C "$copy"
chmod -R u+w "$copy" # a distribution's sources are read-only

plant probe/planted.c '"shim/ring.sig.h"' 'probe may not depend on that'
plant probe/planted.c '"goidshim/format.h"' 'probe may not depend on that'
plant shim/planted.c '"tools/ring/reader.h"' 'shim may not depend on that'
plant tools/planted.c '"shim/ring.sig.h"' 'tools may not depend on that'
plant tools/planted.c '"probe/peek.sig.h"' 'tools may not depend on that'
plant tools/ring/planted.c '"tools/profile/stacks.h"' 'ring may not depend on that'
plant tools/process/planted.c '"tools/ring/reader.h"' 'process may not depend on that'
plant tools/dump/planted.c '"tools/record/weigher.h"' 'dump may not depend on that'
plant shim/unwind/planted.c '"shim/log.h"' 'unwind may not depend on that'
plant bpf/planted.c '"probe/golayout.h"' 'bpf may not depend on that'
plant examples/planted.c '"goidshim/goid.h"' 'examples may not depend on that'
plant shim/planted.c '"ring.sig.h"' 'names its room'
plant probe/planted.sig.c '<stdio.h>' 'that is the C library'
plant probe/planted.sig.h '"probe/fsbase.h"' 'that is ordinary code'
plant bpf/planted.bpf.c '"bpf/witness.h"' 'runs in the kernel'
plant bpf/planted.bpf.c '<stdio.h>' 'runs in the kernel'
plant probe/goidshim/goid.h '<stdint.h>' 'needs nothing but'
plant probe/fsbase.c '"probe/peek.sig.h"' 'before probe/fsbase.h'
plant shim/ring.sig.h '"shim/sampler.sig.h"' 'loop'
echo "19 planted violations, all found"

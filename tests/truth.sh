# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2034,SC2154 # the scripts use what is set here, and set the rest
#
# truth.sh - for tests to source that ask the program which knows its own goroutines
# (fixtures/truth) in every build mode of Go: how each is built.

modes='exe pie internal stripped c-shared c-archive dlopen'

# Go's part of a C program: $library, by the toolchain in $root.
build_library() {
	library=$work/libtruth-$version.so
	[ -e "$library" ] || go_build "$root" "$fixtures/truth" "$library" -buildmode=c-shared
}

# build MODE: makes $target, which needs $argument, of Go $version in $root.
build() {
	argument=
	target=$work/$1-$version
	case $1 in
	exe) go_build "$root" "$fixtures/truth" "$target" ;;
	pie) go_build "$root" "$fixtures/truth" "$target" -buildmode=pie ;;
	internal) go_build "$root" "$fixtures/truth" "$target" -ldflags=-linkmode=internal ;;
	stripped)
		go_build "$root" "$fixtures/truth" "$target" -ldflags='-s -w' && strip "$target"
		;;
	c-shared)
		build_library &&
			$cc -O2 -pthread -o "$target" "$fixtures/truth-host.c" \
				"$library" -Wl,-rpath,"$work"
		;;
	c-archive)
		go_build "$root" "$fixtures/truth" "$work/libtruth.a" -buildmode=c-archive &&
			$cc -O2 -pthread -o "$target" "$fixtures/truth-host.c" "$work/libtruth.a"
		;;
	dlopen)
		argument=$work/libtruth-$version-stripped.so
		build_library && strip -o "$argument" "$library" &&
			$cc -O2 -pthread -DHOST_DLOPEN -o "$target" "$fixtures/truth-host.c"
		;;
	esac
}

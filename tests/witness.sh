# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2034 # the scripts use what is set here
#
# witness.sh - for the tests of the kernel's side to source: what they need, how
# the witness is asked, and what it must not leave behind in the kernel.
. "$srcdir/tests/preload.sh"

verify=$PWD/goidshim-verify
record=$PWD/goidshim-record
lying=$PWD/tests/.libs/liblying.so
bpftool=$(PATH=$PATH:/usr/sbin:/sbin command -v bpftool)

# What stands in the way of BPF here, or nothing.
bpf_obstacle() {
	if [ ! -x "$verify" ]; then
		echo "built without BPF"
	elif [ "$(id -u)" != 0 ]; then
		echo "BPF needs root"
	elif [ ! -r /sys/kernel/btf/vmlinux ]; then
		echo "the kernel has no BTF"
	elif grep -q '\[confidentiality\]' /sys/kernel/security/lockdown 2>/dev/null; then
		echo "the kernel is locked down"
	fi
}

need_bpf() {
	obstacle=$(bpf_obstacle)
	[ -z "$obstacle" ] || skip_all "$obstacle"
}

# verified [OPTION...] -- COMMAND...: the verdict in $work/verdict, as JSON.
verified() {
	GOIDSHIM_RATE=${rate:-4999} GOIDSHIM_RING="$ring"witness."%p" \
		"$verify" --json "$@" >"$work/verdict" 2>"$work/errors"
	echo $? >"$work/status"
	rm -f "$ring"witness.*
}

# The verdict's last status.
has_status() {
	test "$(cat "$work/status")" = "$1"
}

# in_verdict FILTER: is it true of the verdict?
in_verdict() {
	jq -e "$1" "$work/verdict"
}

# Our programs and maps in the kernel; links hold their programs.
bpf_objects() {
	"$bpftool" prog list | grep -cE 'name (on_sample|on_thread|on_objects|on_tick) '
	"$bpftool" map list | grep -cE 'name (processes|own_layouts|blank_process|events|samples) '
}

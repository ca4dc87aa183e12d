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

# Ids of our programs and maps in the kernel that no process holds. Others may run
# a witness of their own at the same time.
bpf_orphans() {
	{
		"$bpftool" -j prog list | jq -r '.[] |
			select(.name | IN("on_sample", "on_thread", "on_objects", "on_tick")) |
			"prog_id \(.id)"'
		"$bpftool" -j map list | jq -r '.[] |
			select(.name | IN("processes", "own_layouts", "blank_process", "samples")) |
			"map_id \(.id)"'
	} | sort >"$work/objects"
	cat /proc/[0-9]*/fdinfo/* 2>/dev/null |
		sed -n 's/^\(prog_id\|map_id\):[[:space:]]*/\1 /p' | sort -u >"$work/held"
	comm -23 "$work/objects" "$work/held"
}

# The kernel lets go of a dead process's objects a little later.
nothing_is_left() {
	for _ in $(seq 100); do
		orphans=$(bpf_orphans)
		[ -n "$orphans" ] || return 0
		sleep 0.1
	done
	echo "left: $orphans"
	return 1
}

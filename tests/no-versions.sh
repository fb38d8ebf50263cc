#!/bin/sh
# SPDX-License-Identifier: MIT
# no-versions.sh ROOT: only the flavour table names a kernel.  Documentation,
# the README, tests and profiles may; everything that is compiled or run may not.
set -eu
cd "$1"
found=$(grep -rnE 'kvm-[0-9]' include lib bench examples tools meson.build meson_options.txt |
	grep -v '^lib/hyp/flavour\.c:') || true
if [ -n "$found" ]; then
	printf '%s\n' "$found"
	echo 'A kernel version outside lib/hyp/flavour.c: ask s2_flavour_find() for "oldest" or' \
		'"newest", or make it a field of the flavour.'
	exit 1
fi
# A search that finds nothing anywhere would pass too.
grep -qE 'kvm-[0-9]' lib/hyp/flavour.c

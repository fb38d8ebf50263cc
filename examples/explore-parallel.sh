#!/bin/sh
# SPDX-License-Identifier: MIT
# One long search on all cores of a machine, by GNU parallel or else by xargs:
#
#     examples/explore-parallel.sh [-n PARTS] SCENARIO [OPTION]...
#
# S2_EXPLORE names the program.  With `parallel --sshloginfile`, on many machines that
# share the folder.  The exit status is that of the search.
set -eu

program=${S2_EXPLORE:-s2-explore}
parts=$(getconf _NPROCESSORS_ONLN)
if [ "${1-}" = -n ]; then
	parts=$2
	shift 2
fi
[ $# -gt 0 ] || { echo "usage: $0 [-n PARTS] SCENARIO [OPTION]..." >&2; exit 2; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# Parts say their own figures; what counts is what they have found together.
if command -v parallel >/dev/null; then
	seq "$parts" | parallel --will-cite --halt now,fail=1 -j "$(getconf _NPROCESSORS_ONLN)" \
		"$program" "$@" --shard "{}/$parts" --result "$folder/{}" >/dev/null
else
	seq "$parts" | xargs -P "$(getconf _NPROCESSORS_ONLN)" -I{} \
		"$program" "$@" --shard "{}/$parts" --result "$folder/{}" >/dev/null
fi
"$program" --merge "$folder"/*

#!/bin/sh
# SPDX-License-Identifier: MIT
# usage.sh PROGRAM FILE: each line of FILE is "OPTIONS -> PART OF THE MESSAGE".
# Wrong usage is exit status 2, nothing on standard output, one line on
# standard error.
set -u
program=$1
failed=0
out=$(mktemp) err=$(mktemp)
trap 'rm -f "$out" "$err"' EXIT

while IFS= read -r row; do
	case $row in '' | '#'*) continue ;; esac
	# shellcheck disable=SC2086 # options are words
	"$program" ${row%% -> *} >"$out" 2>"$err"
	status=$?
	if [ $status -ne 2 ] || [ -s "$out" ] || [ "$(wc -l <"$err")" -ne 1 ] ||
		! grep -qF -- "${row##* -> }" "$err"; then
		echo "FAILED: $row: status $status"
		cat "$err"
		failed=1
	fi
done <"$2"
exit $failed

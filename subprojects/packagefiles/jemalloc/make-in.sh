#!/bin/sh
# SPDX-License-Identifier: MIT
# make-in.sh MAKE FOLDER OUTPUT: builds the archive in FOLDER, copies it to OUTPUT.
set -e
"$1" -s -j "$(getconf _NPROCESSORS_ONLN)" -C "$2" lib/libjemalloc_pic.a
cp "$2/lib/libjemalloc_pic.a" "$3"

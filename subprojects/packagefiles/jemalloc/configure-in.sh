#!/bin/sh
# SPDX-License-Identifier: MIT
# configure-in.sh FOLDER ARGUMENT...: runs configure in FOLDER, once.
set -e
source=$(cd "$(dirname "$0")" && pwd)
folder=$1
shift
mkdir -p "$folder"
cd "$folder"
[ -e Makefile ] || "$source/configure" "$@"

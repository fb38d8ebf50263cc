# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Sourced by tests/run, bench/run and .ci/run: gets what is missing, configures
# and builds.  Says what it does on stderr, and nothing when nothing is to do.

s2_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
s2_required=(build-essential meson ninja-build pkg-config libcmocka-dev libjemalloc-dev)
s2_wanted=(zlib1g-dev libzstd-dev liblzma-dev libjansson-dev libxxhash-dev
	libtraceevent-dev libtracefs-dev libtracecmd-dev python3-dev python3-cffi)

s2_say() {
	printf '== %s\n' "$*" >&2
}

# Is what Debian package $1 brings there, from whatever source?
s2_have() {
	case $1 in
	build-essential)
		command -v make && { command -v "${CC:-cc}" || command -v gcc; } &&
			printf '#include <stdio.h>\n' | cc -E - ;;
	ninja-build) command -v ninja || command -v ninja-build ;;
	libcmocka-dev) pkg-config --exists 'cmocka >= 1.1.5' ;;
	libjemalloc-dev) pkg-config --exists 'jemalloc >= 5.0' ;;
	zlib1g-dev) pkg-config --exists zlib ;;
	libzstd-dev) pkg-config --exists 'libzstd >= 1.4' ;;
	liblzma-dev) pkg-config --exists 'liblzma >= 5.2' ;;
	libjansson-dev) pkg-config --exists 'jansson >= 2.10' ;;
	libtraceevent-dev) pkg-config --exists libtraceevent ;;
	libtracefs-dev) pkg-config --exists libtracefs ;;
	libtracecmd-dev) pkg-config --exists 'libtracecmd >= 1.0' ;;
	python3-dev) pkg-config --exists python3 ;;
	python3-cffi) /usr/bin/python3 -c 'import cffi' ;;
	libxxhash-dev) pkg-config --exists 'libxxhash >= 0.8.0' ;;
	*) command -v "$1" ;; # meson, pkg-config, clang, valgrind: named as their command
	esac >/dev/null 2>&1
}

s2_missing() {
	local package
	for package; do
		s2_have "$package" || printf '%s\n' "$package"
	done
}

# Sets s2_sudo to the words that make a command run as root; fails if none do.
s2_become_root() {
	s2_sudo=()
	[ "$(id -u)" -eq 0 ] && return
	command -v sudo >/dev/null 2>&1 || return
	if sudo -n true 2>/dev/null; then
		s2_sudo=(sudo -n)
	elif [ -t 0 ] && [ -t 2 ] && [ "${CI:-}" != true ]; then
		s2_sudo=(sudo) # may ask for the password
	else
		return 1
	fi
}

s2_apt() {
	"${s2_sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
		apt-get -y -q -o DPkg::Lock::Timeout=120 "$@" </dev/null
}

# Installs packages; fresh machines have no lists yet, so a first failure
# fetches them and tries again.
s2_install() {
	local log
	s2_say "installing $*"
	log=$(mktemp)
	if s2_apt install --no-install-recommends "$@" >"$log" 2>&1 ||
		{ s2_apt update && s2_apt install --no-install-recommends "$@"; } >>"$log" 2>&1; then
		rm -f "$log"
		return 0
	fi
	tail -n 5 "$log" >&2
	rm -f "$log"
	return 1
}

# Gets the required packages ($@: more of them than usual) and tries for the
# wanted ones.  Exits with status 2 if a required one cannot be had.
s2_setup() {
	local required=("${s2_required[@]}" "$@") missing=() optional=()
	mapfile -t missing < <(s2_missing "${required[@]}")
	mapfile -t optional < <(s2_missing "${s2_wanted[@]}")
	[ $((${#missing[@]} + ${#optional[@]})) -gt 0 ] || return 0

	if command -v apt-get >/dev/null 2>&1 && s2_become_root; then
		if [ ${#optional[@]} -eq 0 ] || ! s2_install "${missing[@]}" "${optional[@]}"; then
			[ ${#missing[@]} -eq 0 ] || s2_install "${missing[@]}" || true
		fi
		mapfile -t missing < <(s2_missing "${required[@]}")
		mapfile -t optional < <(s2_missing "${s2_wanted[@]}")
	fi
	if [ ${#optional[@]} -gt 0 ]; then
		s2_say "going on without optional: ${optional[*]}"
	fi
	if [ ${#missing[@]} -gt 0 ]; then
		s2_say "missing: ${missing[*]}"
		s2_say "these are Debian's names; as root: apt-get install ${missing[*]}"
		exit 2
	fi
}

# What a build folder was configured from; another answer means configure anew.
s2_stamp() {
	local package
	printf '%s\n' "$s2_root" "$(meson --version)" "CC=${CC:-} CFLAGS=${CFLAGS:-} LDFLAGS=${LDFLAGS:-}" "$*"
	for package in libjemalloc-dev "${s2_wanted[@]}"; do
		s2_have "$package" && printf 'with %s\n' "$package"
	done
	return 0
}

# Runs "$@" quietly; on failure shows what it printed, less Ninja's progress.
s2_quietly() {
	local log status=0
	log=$(mktemp)
	"$@" >"$log" 2>&1 </dev/null || status=$?
	if [ $status -ne 0 ]; then
		grep -vE '^\[[0-9]+/[0-9]+\] |^ninja: Entering' "$log" >&2 || true
	elif grep -q 'warning:' "$log"; then
		grep -A 4 'warning:' "$log" >&2
	fi
	rm -f "$log"
	return $status
}

# s2_configure FOLDER MESON-ARGUMENTS...  A folder that someone configured by
# hand (it has no stamp) is used as it is.
s2_configure() {
	local dir=$s2_root/$1 name=$1 stamp
	shift
	stamp=$(s2_stamp "$@")
	if [ -e "$dir/build.ninja" ]; then
		[ -e "$dir/.s2-stamp" ] || return 0
		[ "$(cat "$dir/.s2-stamp")" != "$stamp" ] || return 0
	fi
	if [ -e "$dir/.s2-stamp" ] || [ -d "$dir/meson-private" ]; then
		rm -rf "$dir"
	fi
	s2_say "configuring $name/ ($*)"
	s2_quietly meson setup "$dir" "$s2_root" "$@" || return
	printf '%s\n' "$stamp" >"$dir/.s2-stamp"
}

s2_build() {
	local dir=$s2_root/$1 ninja
	ninja=$(command -v ninja || command -v ninja-build)
	# A dry run may itself have to regenerate: any answer but this means work.
	"$ninja" -C "$dir" -n 2>/dev/null | grep -q 'no work to do' && return
	s2_say "building $1/"
	s2_quietly "$ninja" -C "$dir"
}

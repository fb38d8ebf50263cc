# bash completion for the s2-* programs.                        -*- shell-script -*-
# SPDX-License-Identifier: MIT
# Options and what may follow them are the program's own, which it tells by --list-options.

# What the option $1 of program $2 may be, a word a line; files if it names one.
_s2_values() {
	local line arg words
	line=$("$2" --list-options 2>/dev/null | grep -- "^$1	") || return
	IFS=$'\t' read -r _ arg words _ <<<"${line//$'\t\t'/$'\t-\t'}"
	[ "$words" = - ] && words=
	case $1 in
	--profile) _s2_profiles "$2" ;;
	*) printf '%s\n' $words ;;
	esac
	case $arg in
	*FILE* | *DIR* | *LOG*) compgen -f -- "$cur" ;;
	esac
}

# Names of the cost profiles that program $1 finds.
_s2_profiles() {
	local program dir
	program=$(type -P -- "$1") || return
	for dir in "${S2_PROFILE_DIR:-${program%/*}/../share/stage2sim/profiles}"; do
		find "$dir" -maxdepth 1 -name '*.profile' -printf '%f\n' 2>/dev/null | sed 's/\.profile$//'
	done
}

_s2() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} program=$1 option head=
	COMPREPLY=()
	# "--option=value" comes as three words.
	if [ "$cur" = = ]; then
		option=$prev cur=
	elif [ "$prev" = = ]; then
		option=${COMP_WORDS[COMP_CWORD - 2]}
	else
		option=$prev
	fi
	case $option in
	-o) option=--output ;;
	esac
	if [[ $option == --* && $cur != -* ]] &&
		"$program" --list-options 2>/dev/null | grep -q -- "^$option	."; then
		# "A,B,..." goes on behind the last comma.
		[[ $cur == *,* ]] && head=${cur%,*},
		mapfile -t COMPREPLY < <(compgen -P "$head" -W "$(_s2_values "$option" "$program")" -- "${cur##*,}")
		[[ ${COMPREPLY[*]} == *= ]] && compopt -o nospace 2>/dev/null
		return
	fi
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$("$program" --list-options 2>/dev/null | cut -f 1)" -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		compopt -o filenames 2>/dev/null
	fi
	return 0
}

complete -F _s2 @PROGRAMS@

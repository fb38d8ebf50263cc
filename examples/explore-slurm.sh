#!/bin/sh
# SPDX-License-Identifier: MIT
# One long search as a job array of Slurm, one part a job:
#
#     sbatch --array=1-64 examples/explore-slurm.sh SCENARIO [OPTION]...
#     s2-explore --merge explored/*.part
#
# Ten seconds before its time is up a job keeps what is left of its part; the same command
# goes on with it, and leaves alone what is done.
#SBATCH --job-name=explore
#SBATCH --time=04:00:00
#SBATCH --mem=4G
#SBATCH --signal=B:TERM@10
#SBATCH --output=explored-%a.txt
set -eu

program=${S2_EXPLORE:-s2-explore}
[ $# -gt 0 ] || { echo "usage: $0 SCENARIO [OPTION]..." >&2; exit 2; }

mkdir -p explored
part=explored/$SLURM_ARRAY_TASK_ID.part
kept=explored/$SLURM_ARRAY_TASK_ID.kept
[ ! -e "$part" ] || exit 0
[ ! -e "$kept" ] || set -- "$@" --resume "$kept"

"$program" "$@" --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_MAX" \
	--result "$part.new" --checkpoint "$kept" &
trap 'kill -TERM $!' TERM
while :; do
	status=0
	wait $! || status=$?
	kill -0 $! 2>/dev/null || break
done
[ "$status" -eq 0 ] || exit "$status"
# A part that was stopped is no part yet.
if grep -Eq '^end (stopped|time|schedules|states)$' "$part.new"; then
	rm "$part.new"
else
	mv "$part.new" "$part"
	rm -f "$kept"
fi

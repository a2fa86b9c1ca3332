#!/bin/bash
# Cells of the experiment "@NAME@" on the hosts of hosts.txt, by GNU parallel over ssh; written by
# bitcap @VERSION@. To begin, or to go on by the job logs after an interruption:
#     bash parallel.sh
# SIGINT (Ctrl-C) or SIGTERM: the cells make checkpoints and end; once more ends at once.
# Every cell is a line of tasks-1.txt or tasks-2.txt; those of the first come before all others.
# -m: a Ctrl-C is for this script, which tells the others.
set -um
cd @ROOT@ || exit 1
submission=@SUBMISSION@
# What a name in a path may hold is then the same for all versions of rsync.
export RSYNC_OLD_ARGS=1

exec 8>>"$submission/lock"
flock -n 8 || { echo "error: $submission/parallel.sh runs already" >&2 && exit 1; }

hosts=(--plain --will-cite --sshloginfile "$submission/hosts.txt" --workdir @WORKDIR@)
options=("${hosts[@]}" --resume-failed --retries @RETRIES@ --sshdelay 0.2 --termseq TERM,120000,KILL,25@FILES@)

parallel= stop=
stop_cells() {
    if [ -n "$stop" ]; then
        [ -z "$parallel" ] || kill -KILL -- "-$parallel"
        exit 130
    fi
    stop=yes
    echo "stopping: cells that train save a checkpoint; once more ends at once" >&2
    # It begins nothing more, and brings back what ends.
    [ -z "$parallel" ] || kill -HUP "$parallel"
    parallel "${hosts[@]}" --nonall "bash $submission/task.sh --stop" </dev/null &
}
trap stop_cells INT TERM HUP

for stage in 1 2; do
    [ -s "$submission/tasks-$stage.txt" ] || continue
    [ -z "$stop" ] || break
    parallel "${options[@]}" --joblog "$submission/joblog-$stage.tsv" \
        "exec bash $submission/task.sh {}" :::: "$submission/tasks-$stage.txt" </dev/null &
    parallel=$!
    while kill -0 "$parallel" 2>/dev/null; do wait "$parallel"; done
    parallel=
done

all=0 done=0
while read -r cell; do
    all=$((all + 1))
    [ -e "cells/$cell/measurement.json" ] && done=$((done + 1))
    [ -e "cells/$cell/failure.json" ] && echo "failed: $cell" >&2
done < <(cat "$submission"/tasks-?.txt)
root=@ROOT@
if [ -n "$stop" ]; then
    echo "stopped: $done of $all cells are done; to go on: bash $root/$submission/parallel.sh" >&2
    exit 143
fi
echo "$done of $all cells are done; bitcap collect $root and bitcap report $root make tables and figures"
[ $done = $all ] || exit 1
@CLEAN@exit 0

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
# Who only asks whether it runs holds the lock for a moment.
flock -w 2 8 || { echo "error: $submission/parallel.sh runs already" >&2 && exit 1; }

hosts=(--plain --will-cite --sshloginfile "$submission/hosts.txt" --workdir @WORKDIR@)
options=("${hosts[@]}" --resume-failed --retries @RETRIES@ --sshdelay 0.2 --termseq TERM,120000,KILL,25@FILES@)

parallel= stop=
stop_cells() {
    if [ -n "$stop" ]; then
        # GNU parallel ends its jobs at the first, itself at the second.
        for name in TERM TERM KILL; do
            [ -z "$parallel" ] || kill -$name "$parallel" 2>/dev/null
            sleep 1
        done
        exit 130
    fi
    stop=yes
    echo "stopping: cells that train save a checkpoint; once more ends at once" >&2
    # It begins nothing more, and brings back what ends.
    [ -z "$parallel" ] || kill -HUP "$parallel"
}
trap stop_cells INT TERM HUP

for stage in 1 2; do
    [ -s "$submission/tasks-$stage.txt" ] || continue
    [ -z "$stop" ] || break
    # 8 is closed: what outlives this script does not hold its lock.
    parallel "${options[@]}" --joblog "$submission/joblog-$stage.tsv" \
        "exec bash $submission/task.sh {}" :::: "$submission/tasks-$stage.txt" </dev/null 8>&- &
    parallel=$!
    # A signal that came before it had a number.
    [ -z "$stop" ] || kill -HUP "$parallel"
    while kill -0 "$parallel" 2>/dev/null; do
        if [ -z "$stop" ]; then
            wait "$parallel"
        else
            # Again and again: a cell may be on its way to a host.
            parallel "${hosts[@]}" --timeout 20 --nonall "bash $submission/task.sh --stop" </dev/null 8>&-
            sleep 3 8>&- &
            wait $!
        fi
    done
    parallel=
done

all=0 done=0
while read -r cell; do
    all=$((all + 1))
    if [ -e "cells/$cell/measurement.json" ]; then
        done=$((done + 1))
        # Brought here before, and gone where it was done.
        rm -rf "cells/$cell/checkpoint" "cells/$cell/failure.json"
    elif [ -e "cells/$cell/failure.json" ]; then
        echo "failed: $cell" >&2
    fi
done < <(cat "$submission"/tasks-?.txt)
root=@ROOT@
if [ -n "$stop" ]; then
    echo "stopped: $done of $all cells are done; to go on: bash $root/$submission/parallel.sh" >&2
    exit 143
fi
echo "$done of $all cells are done; bitcap collect $root and bitcap report $root make tables and figures"
[ $done = $all ] || exit 1
@CLEAN@exit 0

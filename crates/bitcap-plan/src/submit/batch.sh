#!/bin/bash
# Cells of the experiment "@NAME@", submitted by bitcap @VERSION@. Each line of tasks.txt beside this
# script is a task: the names of its cells. Under Slurm an index of the job array is one task:
@BY_HAND@# Without Slurm, tasks 0 to @LAST@ run one after another, or only those that are named:
#     bash batch.sh
#     bash batch.sh 0 3
# What is done is not done again, and what was cut off goes on from its last checkpoint.
# Variables such as SBATCH_PARTITION outrank these lines; what is given to sbatch itself outranks both.
@OPTIONS@
bitcap=@BITCAP@
submission=@SUBMISSION@
cells=@CELLS@

cd @DIRECTORY@ || exit 1
mapfile -t tasks <"$submission/tasks.txt" || exit 1
if [ -n "${SLURM_ARRAY_TASK_ID:-}" ]; then
    numbers=($((${1:-0} + SLURM_ARRAY_TASK_ID)))
elif [ $# -gt 0 ]; then
    numbers=("$@")
else
    numbers=("${!tasks[@]}")
fi

# A task that was sent back into the queue tries nothing again that failed in it.
again=@AGAIN@
[ "${SLURM_RESTART_COUNT:-0}" = 0 ] || again=

@RUN_CELL@
near_limit= failed=0
# Slurm sends USR1 when the time limit is near, TERM when the task is to end for another reason.
trap 'near_limit=yes; tell_child' USR1
trap tell_child TERM INT HUP

for number in "${numbers[@]}"; do
    case $number in
        *[!0-9]* | "") known= ;;
        *) known=${tasks[$number]:-} ;;
    esac
    [ -n "$known" ] || { echo "error: there is no task $number; they are 0 to @LAST@" >&2 && exit 1; }
    for cell in ${tasks[$number]}; do
        run_cell "$cell"
        [ -z "$stop" ] || break 2
        if [ $status != 0 ]; then
            echo "$cell: exit status $status" >&2
            failed=1
        fi
    done
done

# One that is told as soon as it begins would never get anywhere.
if [ -n "$near_limit" ] && [ $SECONDS -lt 5 ]; then
    echo "error: the time limit is too short to train for more than $SECONDS s before its warning" >&2
    exit 1
fi
if [ -n "$near_limit" ] && [ -n "${SLURM_JOB_ID:-}" ]; then
    echo "near the time limit: back into the queue" >&2
    scontrol requeue "$SLURM_JOB_ID" && exit 0
fi
[ -z "$stop" ] || exit 143
exit $failed

#!/bin/bash
# One cell of the experiment "@NAME@" on one host, as parallel.sh beside this script has it run:
#     bash task.sh CELL      runs it
#     bash task.sh --stop    asks all cells that run on this host to make a checkpoint and end
cd @DIRECTORY@ || exit 1
bitcap=@BITCAP@
submission=@SUBMISSION@
cells=@CELLS@
logs=@LOGS@
# GPUs that a cell gets.
gpus=@GPUS@
# Process numbers of the tasks that run here, a file each.
running=${TMPDIR:-/tmp}/bitcap-$(id -u)-@ID@

if [ "$1" = --stop ]; then
    for file in "$running"/*; do
        [ -e "$file" ] || continue
        process=$(cat "$file")
        # The number may have come to mean another process.
        if tr '\0' ' ' <"/proc/$process/cmdline" 2>/dev/null | grep -qF task.sh; then
            kill -TERM "$process"
        fi
    done
    exit 0
fi

again=@AGAIN@
@RUN_CELL@
trap tell_child TERM INT HUP

cell=$1
mkdir -p "$logs" "$running"
echo $$ >"$running/$cell"
# Nothing but the last line goes to whoever waits: that may be gone.
exec 3>&1 >>"$logs/$cell.txt" 2>&1

# How many cells run on this host at once: so many sets of GPUs there are.
slots() {
    case ${PARALLEL_SSHLOGIN:-} in
@SLOTS@        *) echo "the host ${PARALLEL_SSHLOGIN:-} is not in hosts.txt" && return 1 ;;
    esac
}

# Takes a set of GPUs that no other cell of this user on this host has. A lock ends with the last
# process that has its file open.
take_gpus() {
    slots || return 1
    while [ -z "$stop" ]; do
        for ((set = 0; set < most; set++)); do
            open=() taken=()
            for ((gpu = set * gpus; gpu < (set + 1) * gpus; gpu++)); do
                exec {fd}>>"${TMPDIR:-/tmp}/bitcap-$(id -u)-gpu-$gpu.lock"
                open+=("$fd")
                flock -n "$fd" || break
                taken+=("$gpu")
            done
            if [ ${#taken[@]} = "$gpus" ]; then
                CUDA_VISIBLE_DEVICES=$(IFS=, && echo "${taken[*]}")
                export CUDA_VISIBLE_DEVICES
                echo "on GPU $CUDA_VISIBLE_DEVICES of ${PARALLEL_SSHLOGIN:-}"
                return 0
            fi
            for fd in "${open[@]}"; do exec {fd}>&-; done
        done
        sleep 1 &
        wait $!
    done
}

status=1
if [ $gpus = 0 ] || take_gpus; then
    run_cell "$cell"
fi
rm -f "$running/$cell"
[ -z "$stop" ] || [ $status = 0 ] || status=143
trap '' PIPE
echo "$cell on $(uname -n): $(tail -n 1 "$logs/$cell.txt")" >&3 2>/dev/null
# A training that failed is an end too: on another host it would fail again.
[ $status != 3 ] || status=0
exit $status

child= stop=
tell_child() {
    stop=yes
    [ -z "$child" ] || kill -TERM "$child" 2>/dev/null
}

# Runs a cell to its end, or to that of whoever works on it; its exit status is in $status.
run_cell() {
    status=75
    # 75: another process works on it, and may leave it.
    while [ -z "$stop" ] && [ $status = 75 ]; do
        # shellcheck disable=SC2086 # nothing, or one option
        "$bitcap" run "$submission/cells/$1.toml" --folder "$cells/$1" $again @OPTIONS_OF_RUN@ </dev/null &
        child=$!
        # A signal that came before it had a number.
        [ -z "$stop" ] || tell_child
        # A signal ends `wait` before the child has ended.
        while true; do
            wait "$child"
            status=$?
            kill -0 "$child" 2>/dev/null || break
        done
        wait "$child" 2>/dev/null
        last=$?
        [ $last = 127 ] || status=$last
        child=
        if [ $status = 75 ] && [ -z "$stop" ]; then
            sleep 5 &
            wait $!
        fi
    done
}

#!/usr/bin/env bash
# Runs commands side by side, and says every quarter of a minute which are still at work.
#
#   together.sh <name> <command> [<name> <command> ...]
#
# Ends with the status of the first that fails, after the others were stopped.
set -euo pipefail

# Two bars of progress would overwrite each other; lines do not.
export CARGO_TERM_PROGRESS_WHEN=never

names=()
processes=()
# Each in a process group of its own, so that what it has started ends with it.
set -m
while [ $# -gt 1 ]; do
    bash -c "$2" &
    names+=("$1")
    processes+=($!)
    shift 2
done
trap 'for process in "${processes[@]}"; do kill -- "-$process" 2>/dev/null || true; done' EXIT

begun=$SECONDS
said=$SECONDS
while :; do
    busy=()
    for index in "${!processes[@]}"; do
        process=${processes[$index]}
        if kill -0 "$process" 2>/dev/null; then
            busy+=("${names[$index]}")
        else
            wait "$process" || exit $?
            unset "processes[$index]"
        fi
    done
    [ ${#busy[@]} -gt 0 ] || break
    if [ $((SECONDS - said)) -ge 15 ]; then
        said=$SECONDS
        echo "... $((said - begun)) s: $(printf '%s, ' "${busy[@]}" | sed 's/, $//')"
    fi
    sleep 0.2
done
trap - EXIT

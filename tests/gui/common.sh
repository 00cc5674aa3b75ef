# What the scripts here share: a screen of our own, a daemon with something in it, a window, and their end.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
started=()

# screen WIDTHxHEIGHT: on a number that is free.
screen() {
    coproc XVFB { exec Xvfb -displayfd 1 -screen 0 "$1x24" -nolisten tcp 2>/dev/null; }
    started+=("$XVFB_PID")
    local number
    read -r -t 20 number <&"${XVFB[0]}"
    export DISPLAY=:$number SLINT_BACKEND=winit-software
}

# scene PROGRAM…: sets endpoint. It ends when its input does.
scene() {
    coproc SCENE { exec "$@"; } 2>/dev/null
    started+=("$SCENE_PID")
    read -r -t 120 endpoint <&"${SCENE[0]}"
    endpoint=${endpoint%$'\r'}
}

# window PROGRAM…: starts it, and sets pid and id when it can be seen.
window() {
    "$@" >/dev/null 2>&1 &
    pid=$!
    started+=("$pid")
    local tries
    id=
    for tries in $(seq 300); do
        id=$(xdotool search --onlyvisible --name '^Faxpost' 2>/dev/null | head -1) && [ -n "$id" ] && return
        sleep 0.1
    done
    echo "no window came" >&2
    return 1
}

close() {
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}

cleanup() {
    local one
    for one in "${started[@]}"; do kill "$one" 2>/dev/null || true; done
}
trap cleanup EXIT

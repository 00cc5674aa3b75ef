# What the scripts here share: a screen of our own, a daemon with something in it, a window, and their end.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
started=()
said_by_windows=()

# screen WIDTHxHEIGHT: on a number that is free.
screen() {
    # Without -noreset it begins anew when its last client leaves, and a window that comes just then is turned away.
    coproc XVFB { exec Xvfb -displayfd 1 -noreset -screen 0 "$1x24" -nolisten tcp 2>/dev/null; }
    started+=("$XVFB_PID")
    local number
    read -r -t 20 number <&"${XVFB[0]}"
    export DISPLAY=:$number SLINT_BACKEND=winit-software
}

# scene PROGRAM…: sets endpoint. It ends when its input does.
scene() {
    coproc SCENE { exec "$@"; } 2>/dev/null
    started+=("$SCENE_PID")
    read -r -t 600 endpoint <&"${SCENE[0]}"
    endpoint=${endpoint%$'\r'}
}

# window PROGRAM…: starts it, and sets pid and id when it can be seen.
window() {
    local tries said
    said=$(mktemp)
    said_by_windows+=("$said")
    "$@" >"$said" 2>&1 &
    pid=$!
    started+=("$pid")
    id=
    for tries in $(seq 600); do
        id=$(xdotool search --onlyvisible --name '^Faxpost' 2>/dev/null | head -1) && [ -n "$id" ] && return
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    echo "no window came ($(kill -0 "$pid" 2>/dev/null && echo "it still runs" || echo "it has ended"), ${tries} looks); it said:" >&2
    cat "$said" >&2
    return 1
}

close() {
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}

cleanup() {
    local one
    for one in "${started[@]}"; do kill "$one" 2>/dev/null || true; done
    rm -f "${said_by_windows[@]}"
}
trap cleanup EXIT

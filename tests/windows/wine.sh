#!/bin/sh
# Cargo's runner for the Windows target: starts one .exe under Wine, in the prefix that env.sh made.
: "${WINEPREFIX:?is not set: eval \"\$(tests/windows/env.sh)\" first}"
exec /usr/bin/wine "$@"

#!/bin/sh
# Cargo's runner for the Windows target: starts one .exe under Wine, in the prefix that env.sh made.
: "${WINEPREFIX:?is not set: eval \"\$(tests/windows/env.sh)\" first}"

# These suites work on what a Wine prefix has once (its services, its certificate stores): one test at a time.
case ${1##*/} in
    service[-_]*.exe | certs[-_]*.exe) export RUST_TEST_THREADS=1 ;;
esac

exec /usr/bin/wine "$@"

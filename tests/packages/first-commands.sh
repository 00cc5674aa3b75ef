#!/usr/bin/env bash
# Prints what README.md tells a new user to type, from the package to the first signed mail: the block of commands below "Using
# it", each on a line of its own. The packages' tests type it.
set -euo pipefail

readme=$(dirname "${BASH_SOURCE[0]}")/../../README.md
sed -n '/^## Using it/,/^```$/p' "$readme" | sed '1,/^```sh/d; /^```$/d' | sed ':more; /\\$/ { N; s/\\\n *//; b more }'

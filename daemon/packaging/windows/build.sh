#!/usr/bin/env bash
# Builds the installer for Windows on Linux, into target/packages:
#
#     daemon/packaging/windows/build.sh [--profile PROFILE] [--no-build] [--version VERSION]
#
# It brings the daemon as a service, the command line in the PATH and, where its crate (client-gui) is there, the window with
# its entry in the Start menu; otherwise it says that there is none. The profile is cargo's (default: release). --no-build
# packs what was built before. The version is the workspace's; another one is for tests of updates.
# Needs: nsis, and what tests/windows/env.sh needs.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
target=x86_64-pc-windows-gnu
profile=release
build=yes
version=

while [ $# -gt 0 ]; do
    case $1 in
        --profile) profile=${2:?--profile needs a name} && shift ;;
        --version) version=${2:?--version needs a number} && shift ;;
        --no-build) build= ;;
        *) echo "build.sh: unknown argument '$1'; see the top of $here/build.sh" >&2 && exit 1 ;;
    esac
    shift
done
for tool in makensis x86_64-w64-mingw32-strip; do
    command -v "$tool" >/dev/null ||
        { echo "build.sh: $tool is missing: apt-get install nsis binutils-mingw-w64-x86-64" >&2 && exit 1; }
done
cd "$root"
[ -n "$version" ] || version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
if [ -n "$build" ]; then
    environment=$(tests/windows/env.sh)
    eval "$environment"
    cargo build --profile "$profile" --workspace --bins --target $target --target-dir target/windows
fi
binaries=target/windows/$target/$profile
[ "$profile" != dev ] || binaries=target/windows/$target/debug

programs=(faxpostd.exe faxpost-mailer.exe faxpost.exe)
options=(-DCOMPRESSOR=lzma)
# An installer of a debug build is for tests, which have no time to lose.
[ "$profile" != dev ] || options=(-DCOMPRESSOR=zlib)
if [ -d client-gui ]; then
    programs+=(faxpost-gui.exe)
    options+=(-DGUI)
else
    echo "no faxpost-gui.exe: this version has no window (there is no crate client-gui)"
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for program in "${programs[@]}"; do
    [ -f "$binaries/$program" ] ||
        { echo "build.sh: $binaries/$program is not there: build it first, or leave --no-build away" >&2 && exit 1; }
    x86_64-w64-mingw32-strip -o "$work/$program" "$binaries/$program"
done
mkdir -p target/packages
made=target/packages/faxpost-$version-x64-setup.exe
makensis -V2 -INPUTCHARSET UTF8 "-DVERSION=$version" "-DBINARIES=$work" "-DROOT=$root" "-DOUT=$root/$made" \
    "${options[@]}" "$here/faxpost.nsi"
echo "made $made"

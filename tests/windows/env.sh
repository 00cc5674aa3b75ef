#!/usr/bin/env bash
# Makes ready what builds Faxpost for Windows and runs it under Wine, and prints the environment for it:
#
#     eval "$(tests/windows/env.sh)"
#     cargo test --target x86_64-pc-windows-gnu --target-dir target/windows -p faxpost-proto
#
# Debian ships cargo, rustc and the source of std, but no std for Windows: it is built here once for each compiler
# version. Wine 8 lacks one DLL that std needs: it is built here too, and put into a Wine prefix of our own.
# Quick when everything is there; several may run at once. Needs: wine wine64 gcc-mingw-w64-x86-64-win32
# rustc-web cargo-web rust-web-src, and rust-web-clippy to lint. Works on a test machine, not on a real Windows.
#
# Settings: FAXPOST_WINDOWS_SYSROOTS (a folder, default target/windows-sysroot), WINEPREFIX (default target/wineprefix).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
target=x86_64-pc-windows-gnu

# Debian's toolchain must come first: the std built from its source only fits its own compiler.
export PATH=/usr/bin:$PATH
unset CARGO RUSTC RUSTFLAGS RUSTUP_TOOLCHAIN CARGO_ENCODED_RUSTFLAGS RUSTC_WRAPPER CARGO_BUILD_TARGET CARGO_TARGET_DIR

main() {
    for tool in /usr/bin/cargo /usr/bin/rustc /usr/bin/wine x86_64-w64-mingw32-gcc x86_64-w64-mingw32-dlltool flock; do
        command -v "$tool" >/dev/null || die "$tool is missing; see the list of packages at the top of $here/env.sh"
    done

    sysroots=${FAXPOST_WINDOWS_SYSROOTS:-$root/target/windows-sysroot}
    export WINEPREFIX=${WINEPREFIX:-$root/target/wineprefix}
    export WINEDEBUG=-all
    # Without these two Wine asks, in a window, whether to download Mono and Gecko.
    export WINEDLLOVERRIDES='mscoree,mshtml='
    mkdir -p "$sysroots" "$WINEPREFIX"
    sysroots=$(cd "$sysroots" && pwd)
    WINEPREFIX=$(cd "$WINEPREFIX" && pwd)

    # Cargo splits its flags and its runner at blanks.
    case $sysroots$here in *[[:space:]]*) die "a path with blanks in it cannot be used: $sysroots, $here" ;; esac

    exec 9>"$sysroots/lock"
    flock 9
    version=$(/usr/bin/rustc -vV | sed -n 's/^release: //p')-$(/usr/bin/rustc -vV | sed -n 's/^commit-hash: \(........\).*/\1/p')
    sysroot=$sysroots/$version
    shim=$sysroot/bcryptprimitives.dll
    [ -d "$sysroot" ] || build_std
    [ "$shim" -nt "$here/bcryptprimitives.c" ] || build_shim
    [ -f "$WINEPREFIX/.faxpost-ready" ] || make_prefix
    cmp -s "$shim" "$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll" ||
        cp "$shim" "$WINEPREFIX/drive_c/windows/system32/"
    print_environment
}

# Builds std through an empty crate, and gathers its libraries into the shape of a sysroot.
build_std() {
    say "building std of Rust $version for $target (about a minute, once)"
    [ -d /usr/lib/rustlib/src/rust/library ] || die "the source of std is missing: apt-get install rust-web-src"
    work=$(mktemp -d "$sysroots/build.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    mkdir -p "$work/crate/src"
    printf '[package]\nname = "sysroot"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n' >"$work/crate/Cargo.toml"
    echo 'fn main() {}' >"$work/crate/src/main.rs"
    (
        cd "$work/crate"
        # RUSTC_BOOTSTRAP stays inside: everything else is built as on a stable toolchain.
        RUSTC_BOOTSTRAP=1 CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER=x86_64-w64-mingw32-gcc \
            /usr/bin/cargo build --quiet --release --target $target --target-dir "$work/target" \
            -Zbuild-std=std,panic_abort,panic_unwind,proc_macro,test >&2 9>&-
    )
    libraries=$work/sysroot/lib/rustlib/$target/lib
    mkdir -p "$libraries"
    cp "$work/target/$target/release/deps/"*.rlib "$libraries/"
    # Renamed at the end, so that a build that was cut off is not taken for a whole one.
    mv "$work/sysroot" "$sysroot"
    rm -rf "$work"
    trap - EXIT
}

build_shim() {
    say "building bcryptprimitives.dll for Wine"
    x86_64-w64-mingw32-gcc -shared -O2 -Wall -Werror -o "$shim.new" "$here/bcryptprimitives.c" -ladvapi32
    mv "$shim.new" "$shim"
}

make_prefix() {
    say "making a Wine prefix in $WINEPREFIX (about ten seconds, once)"
    # DISPLAY is hidden: nothing here has a window, and nobody is there to answer one.
    env -u DISPLAY -u WAYLAND_DISPLAY wine wineboot --init </dev/null >"$WINEPREFIX/wineboot.log" 2>&1 9>&- ||
        die "wineboot failed: $(cat "$WINEPREFIX/wineboot.log")"
    env -u DISPLAY wineserver --wait 9>&-
    [ -d "$WINEPREFIX/drive_c/windows/system32" ] || die "wineboot made no Windows in $WINEPREFIX"
    touch "$WINEPREFIX/.faxpost-ready"
}

print_environment() {
    cat <<EOF
export PATH=/usr/bin:\$PATH
export CARGO=/usr/bin/cargo
unset RUSTC RUSTFLAGS RUSTDOCFLAGS RUSTUP_TOOLCHAIN CARGO_ENCODED_RUSTFLAGS RUSTC_WRAPPER
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUSTFLAGS=$(printf '%q' "--sysroot $sysroot")
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUSTDOCFLAGS=$(printf '%q' "--sysroot $sysroot")
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER=x86_64-w64-mingw32-gcc
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=$(printf '%q' "$here/wine.sh")
export WINEPREFIX=$(printf '%q' "$WINEPREFIX")
export WINEDEBUG=$WINEDEBUG
export WINEDLLOVERRIDES=$WINEDLLOVERRIDES
unset DISPLAY WAYLAND_DISPLAY
EOF
}

say() { printf 'windows: %s\n' "$1" >&2; }

die() {
    say "$1"
    exit 1
}

main; exit # read to its end before it runs: it may be edited meanwhile

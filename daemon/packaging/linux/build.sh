#!/usr/bin/env bash
# Builds the Debian packages, into target/packages:
#
#     daemon/packaging/linux/build.sh [--profile PROFILE] [--no-build] [--version VERSION]
#
#   faxpost       the daemon, the command line, units of systemd, manual pages, completions
#   faxpost-gui   the window, where its crate (client-gui) is there; otherwise it says that there is none
#
# The profile is cargo's (default: release). --no-build packs what was built before. The version is the workspace's; another
# one is for tests of updates. Needs: dpkg-dev, and what a build of Faxpost needs.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
profile=release
build=yes
version=

main() {
    while [ $# -gt 0 ]; do
        case $1 in
            --profile) profile=${2:?--profile needs a name} && shift ;;
            --version) version=${2:?--version needs a number} && shift ;;
            --no-build) build= ;;
            *) die "unknown argument '$1'; see the top of $here/build.sh" ;;
        esac
        shift
    done
    for tool in dpkg-deb dpkg-shlibdeps dpkg-architecture strip gzip; do
        command -v "$tool" >/dev/null || die "$tool is missing: apt-get install dpkg-dev binutils"
    done
    cd "$root"
    [ -n "$version" ] || version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
    architecture=$(dpkg-architecture -q DEB_HOST_ARCH)
    # The same sources make the same package.
    export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
    [ -z "$build" ] || cargo build --profile "$profile" --workspace --bins
    binaries=${CARGO_TARGET_DIR:-target}/$profile
    [ "$profile" != dev ] || binaries=${CARGO_TARGET_DIR:-target}/debug
    mkdir -p target/packages
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    # Whatever the umask: everybody can read what a package brings.
    umask 022

    package_faxpost
    if [ -d client-gui ]; then
        package_gui
    else
        echo "no faxpost-gui: this version has no window (there is no crate client-gui)"
    fi
}

package_faxpost() {
    local tree=$work/faxpost name
    program faxpostd "$tree/usr/sbin"
    program faxpost "$tree/usr/bin"
    # For programs that are told a path; the package is no mail server for the machine, and does not take its name.
    program faxpost-mailer "$tree/usr/lib/faxpost"
    ln -s ../../bin/faxpost "$tree/usr/lib/faxpost/sendmail"
    file "$here/faxpostd.service" "$tree/lib/systemd/system/faxpostd.service"
    file "$here/faxpostd.socket" "$tree/lib/systemd/system/faxpostd.socket"
    file "$here/faxpost.tmpfiles" "$tree/usr/lib/tmpfiles.d/faxpost.conf"
    file "$here/faxpostd.toml" "$tree/etc/faxpost/faxpostd.toml"

    mkdir -p "$tree/usr/share/man/man1"
    "$binaries/faxpost" man "$tree/usr/share/man/man1"
    gzip -9n "$tree"/usr/share/man/man1/*
    manual faxpostd.8 "$tree"
    completions bash "$tree/usr/share/bash-completion/completions/faxpost"
    completions zsh "$tree/usr/share/zsh/vendor-completions/_faxpost"
    completions fish "$tree/usr/share/fish/vendor_completions.d/faxpost.fish"

    documents "$tree/usr/share/doc/faxpost"
    for name in README.md README.ru.md; do file "$name" "$tree/usr/share/doc/faxpost/$name"; done
    for name in docs/*.md docs/images/*.png; do file "$name" "$tree/usr/share/doc/faxpost/$name"; done
    overrides faxpost "$tree"

    control "$tree" faxpost "adduser, init-system-helpers (>= 1.54)" <<END
Section: mail
Recommends: ca-certificates, systemd
Suggests: mono-runtime, libmono-system4.0-cil, ca-certificates-mono
Description: mail door of a fax system: daemon and command line
 A fax server must send mail: delivery receipts, incoming faxes, alarms.
 Faxpost gives the SMTP accounts, their passwords or OAuth tokens and the
 signing certificates to one privileged daemon, and everybody else a command
 line and gRPC over a local socket. It knows its callers from the operating
 system, and decides by who they are what they may do.
 .
 What talks to mail servers and signs is a process of its own, under the
 account faxpost and without privileges.
END
    echo /etc/faxpost/faxpostd.toml >"$tree/DEBIAN/conffiles"
    for name in postinst prerm postrm; do install -m 755 "$here/$name" "$tree/DEBIAN/$name"; done
    finish "$tree" faxpost
}

package_gui() {
    local tree=$work/faxpost-gui
    program faxpost-gui "$tree/usr/bin"
    file "$here/faxpost-gui.desktop" "$tree/usr/share/applications/faxpost-gui.desktop"
    file "$here/org.faxpost.Faxpost.metainfo.xml" "$tree/usr/share/metainfo/org.faxpost.Faxpost.metainfo.xml"
    file "$here/faxpost-gui.svg" "$tree/usr/share/icons/hicolor/scalable/apps/faxpost-gui.svg"
    manual faxpost-gui.1 "$tree"
    documents "$tree/usr/share/doc/faxpost-gui"
    overrides faxpost-gui "$tree"
    # What it opens when it runs, and is not linked with.
    control "$tree" faxpost-gui "libxkbcommon-x11-0, libxcursor1, libxi6, libxrandr2, fonts-dejavu-core | fonts-freefont-ttf" <<END
Section: mail
Recommends: faxpost (= $version)
Description: mail door of a fax system: settings window
 The window for Faxpost: accounts, sign-in, certificates, a test step by step,
 outbox, log, and the requests that wait for an administrator.
END
    finish "$tree" faxpost-gui
}

# program NAME FOLDER
program() {
    [ -x "$binaries/$1" ] || die "$binaries/$1 is not there: build it first, or leave --no-build away"
    install -D -m 755 "$binaries/$1" "$2/$1"
    strip --strip-unneeded --remove-section=.comment --remove-section=.note "$2/$1"
}

file() { install -D -m 644 "$1" "$2"; }

# manual PAGE TREE
manual() {
    local folder=$2/usr/share/man/man${1##*.}
    mkdir -p "$folder"
    sed "s/@VERSION@/$version/" "$here/$1" | gzip -9n >"$folder/$1.gz"
}

completions() {
    mkdir -p "$(dirname "$2")"
    "$binaries/faxpost" completions "$1" >"$2"
}

# documents FOLDER: what Debian wants to be there: who wrote it, under which terms, and what changed.
documents() {
    mkdir -p "$1"
    {
        printf 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: Faxpost\n\n'
        printf 'Files: *\n%s\nLicense: Expat or Apache-2.0\n\n' "$(sed -n 's/^Copyright (c)/Copyright:/p' LICENSE-MIT)"
        printf 'License: Expat\n'
        sed -n '/^Permission/,$p' LICENSE-MIT | sed 's/^$/./; s/^/ /'
        printf '\nLicense: Apache-2.0\n On Debian systems the full text is in /usr/share/common-licenses/Apache-2.0.\n'
    } >"$1/copyright"
    printf 'faxpost (%s) unstable; urgency=medium\n\n  * What changed is told in changelog.md.gz.\n\n -- %s  %s\n' \
        "$version" "$(maintainer)" "$(date -R -u -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$1/changelog.gz"
    gzip -9nc CHANGELOG.md >"$1/changelog.md.gz"
}

# overrides PACKAGE TREE
overrides() {
    [ ! -f "$here/$1.lintian-overrides" ] ||
        file "$here/$1.lintian-overrides" "$2/usr/share/lintian/overrides/$1"
}

# Whoever gives packages to others puts his own name here.
maintainer() { echo "${DEBFULLNAME:-The Faxpost authors} <${DEBEMAIL:-packages@faxpost.example.org}>"; }

# control TREE PACKAGE DEPENDS: from the standard input, the fields that are this package's own.
control() {
    mkdir -p "$1/DEBIAN" "$work/debian"
    printf 'Source: faxpost\n\nPackage: %s\nArchitecture: any\n' "$2" >"$work/debian/control"
    local programs libraries
    mapfile -t programs < <(find "$1/usr" -type f -perm -111 -printf '-e%p\n')
    libraries=$(cd "$work" && dpkg-shlibdeps -O "${programs[@]}" | sed -n 's/^shlibs:Depends=//p')
    {
        printf 'Package: %s\nSource: faxpost\nVersion: %s\nArchitecture: %s\n' "$2" "$version" "$architecture"
        printf 'Maintainer: %s\nPriority: optional\n' "$(maintainer)"
        printf 'Installed-Size: %s\nDepends: %s, %s\n' "$(du -sk "$1" | cut -f1)" "$libraries" "$3"
        cat
    } >"$1/DEBIAN/control"
}

# finish TREE PACKAGE
finish() {
    local made=target/packages/$2_${version}_$architecture.deb
    (cd "$1" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
    find "$1" -newermt "@$SOURCE_DATE_EPOCH" -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +
    # A package of a debug build is for tests, which have no time to lose.
    local level=6
    [ "$profile" != dev ] || level=0
    dpkg-deb --root-owner-group -Zxz -z$level --build "$1" "$made" >/dev/null
    echo "made $made"
}

die() {
    printf 'build.sh: %s\n' "$1" >&2
    exit 1
}

main "$@"; exit # read to its end before it runs: it may be edited meanwhile

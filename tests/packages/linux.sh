#!/usr/bin/env bash
# Installs, uses, updates, removes and purges the Debian package in a clean root with systemd in it, as on a new machine:
#
#     tests/packages/linux.sh FAXPOST.deb NEWER.deb
#
# It begins with what the README tells a new user to type, typed at a terminal; the mail arrives at an SMTP server outside of
# that root. Needs root, debootstrap, util-linux, openssl, and the test program `outside` (cargo build --workspace --bins). The
# clean root is made once (target/packages/clean, about two minutes) and copied for each run. systemd is the first process of
# namespaces of its own there; nothing of this machine is touched.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
deb=$(realpath "$1")
newer=$(realpath "$2")
clean=$root/target/packages/clean
work=$root/target/packages/run
world=$root/target/packages/outside
# What the clean root has before anything is installed into it: a small Debian that people work on.
base=systemd,dbus,openssl,adduser,passwd,sudo
# Nothing else of this machine listens there.
mail_server=127.7.25.1:587
init=
passed=0
. "$root/tests/packages/common.sh"

main() {
    [ "$(id -u)" = 0 ] || fail "this needs root: it makes namespaces and a root of its own"
    [ "$(cat "$clean/.ready" 2>/dev/null)" = "$base" ] || make_clean
    trap cleanup EXIT
    remove_run
    cp -a "$clean" "$work"
    cp "$deb" "$work/faxpost.deb"
    cp "$newer" "$work/newer.deb"
    begin_outside
    boot

    check "a new user's five commands end with a signed mail at its server" first_signed_mail
    check "what was installed runs, and is closed" installed
    check "serves the socket that systemd made" socket
    check "is hardened as the README says" hardened
    check "has four capabilities, and its mailer none" privileges
    check "users send, and see neither state nor others' mail" user
    check "group faxpost-admin administers" administrator
    check "the journal has the log, and the audit with its fields" journal
    check "restarts keep callers waiting and lose nothing" restarted
    check "the sealing key can be a systemd credential" credential
    check "sendmail takes a message" sendmail_link
    check "manual pages and completions are there" manuals
    check "an update keeps state, settings and the socket" updated
    check "removed, the state is kept" removed
    check "purged, nothing is left" purged
    printf 'test result: ok. %s passed; 0 failed; 0 ignored\n' $passed
}

check() {
    printf 'test %s ... ' "$1"
    local log=$root/target/packages/check.log
    # Not as a condition: that would switch `set -e` off in it.
    set +e
    (set -ex; "$2") >"$log" 2>&1 </dev/null
    local status=$?
    set -e
    if [ $status != 0 ]; then
        printf 'FAILED\n'
        cat "$log"
        on journalctl --no-pager -n 60 -u 'faxpostd*' || true
        printf 'test result: FAILED. %s passed; 1 failed; 0 ignored\n' $passed
        exit 1
    fi
    printf 'ok\n'
    passed=$((passed + 1))
}

installed() {
    on systemctl is-active faxpostd.socket faxpostd.service
    on systemctl is-enabled faxpostd.socket faxpostd.service
    on faxpost status | has administrator
    [ "$(on stat -c '%a %U' /var/lib/faxpost)" = "711 root" ]
    [ "$(on stat -c '%a %U' /run/faxpost)" = "755 root" ]
    on getent passwd faxpost | has nologin
    # The settings of the daemon are a file of /etc.
    [ "$(on readlink /var/lib/faxpost/faxpostd.toml)" = /etc/faxpost/faxpostd.toml ]
}

# The README's commands, as it has them, and by whom it is for: somebody who may use sudo, at a terminal.
first_signed_mail() {
    local line count=0
    on useradd --create-home --shell /bin/bash anna
    on sh -c 'echo "anna ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/anna'
    on install -o anna -g anna /faxpost.deb "/home/anna/$(basename "$deb")"
    on install -o anna -g anna -m 600 /fax.p12 /home/anna/fax.p12
    while IFS= read -r line; do
        count=$((count + 1))
        typed "$line"
    # The version in it is that of any release.
    done < <(first_commands | sed "s/faxpost_[0-9.]*_amd64.deb/$(basename "$deb")/")
    on rm /etc/sudoers.d/anna
    [ $count = 5 ]
    first_mails_are_signed
}

# typed COMMAND: by anna at a terminal, with the answers to what is asked there.
typed() {
    local said='' one pid status=0
    printf '%s\n' "$1"
    coproc terminal { on setpriv --reuid anna --regid anna --init-groups env HOME=/home/anna sh -c 'cd && exec script -qefc "$0" /dev/null' "$1"; }
    pid=$terminal_PID
    # bash closes its own as soon as the command has ended, read or not.
    exec {from}<&"${terminal[0]}" {to}>&"${terminal[1]}"
    { set +x; } 2>/dev/null
    while IFS= read -r -N 1 one <&"$from"; do
        said+=$one
        case $said in
            *'Continue? [Y/n] ' | *'continue? [Y/n] ') printf 'y\n' >&"$to" ;;
            *'Password of the file: ') printf '%s\n' "$file_password" >&"$to" ;;
            *'Password: ') printf '%s\n' "$mail_password" >&"$to" ;;
            *) continue ;;
        esac
        printf '%s' "$said" && said=
    done
    set -x
    printf '%s\n' "$said"
    exec {from}<&- {to}>&-
    wait "$pid" || status=$?
    return $status
}

socket() {
    [ "$(on stat -c '%a %U %F' /run/faxpost/faxpost.sock)" = "666 root socket" ]
    # systemd listens, not the daemon by itself: no lock stands beside the socket.
    not on test -e /run/faxpost/faxpost.sock.lock
    on systemctl show -p NRestarts --value faxpostd | has -x 0
    # Stopped, the next call starts it.
    on systemctl stop faxpostd.service
    on faxpost status >/dev/null
    on systemctl is-active faxpostd.service
    # The mailer is the daemon's to end, so that deliveries under way end first.
    on journalctl -u faxpostd -o cat --no-pager | not has 'ended by itself'
}

hardened() {
    on systemd-analyze verify --man=no faxpostd.service faxpostd.socket
    # In tenths: 2.1.
    on systemd-analyze security --no-pager --threshold=21 faxpostd.service
}

privileges() {
    local daemon mailer
    daemon=$(on systemctl show -p MainPID --value faxpostd)
    # Nobody has sent since the daemon was started: the mailer comes with the first job.
    on faxpost send --to a@example.org --subject mailer --text x --wait
    mailer=$(on sh -c "grep -l '^PPid:.*\b$daemon\$' /proc/[0-9]*/status | head -1 | cut -d/ -f3")
    # The one with nothing else in it.
    [ "$(on readlink "/proc/$mailer/exe")" = /usr/lib/faxpost/faxpost-mailer ]
    # KILL 5, SETGID 6, SETUID 7, SETPCAP 8
    [ "$(capabilities "$daemon" CapEff)" = 00000000000001e0 ]
    [ "$(capabilities "$daemon" CapBnd)" = 00000000000001e0 ]
    [ "$(capabilities "$mailer" CapEff)" = 0000000000000000 ]
    [ "$(capabilities "$mailer" CapBnd)" = 0000000000000000 ]
    [ "$(on stat -c %U "/proc/$mailer/mem")" = root ] # nobody of its account may look into it
    [ "$(on awk '/^Uid:/ { print $2 }' "/proc/$mailer/status")" = "$(on id -u faxpost)" ]
    on journalctl -u faxpostd -o json --no-pager | has 'no capabilities.*seccomp'
}

capabilities() { on awk -v name="$2:" '$1 == name { print $2 }' "/proc/$1/status"; }

user() {
    as_anna faxpost send --to b@example.org --subject of-anna --text x --wait
    as_anna faxpost log list | has of-anna
    as_anna faxpost log list | not has mailer
    not as_anna ls /var/lib/faxpost
    not as_anna cat /var/lib/faxpost/secret.key
    local status=0
    as_anna faxpost policy show || status=$?
    [ $status = 77 ]
}

administrator() {
    on usermod -aG faxpost-admin anna
    as_anna faxpost policy show
    on gpasswd -d anna faxpost-admin
}

journal() {
    on journalctl -u faxpostd -o json --no-pager | grep '"MESSAGE":"ready"' | has '"FAXPOST_ENDPOINT":"/run/faxpost/faxpost.sock"'
    on journalctl -t faxpostd --no-pager FAXPOST_METHOD=faxpost.v1.Accounts/UpdateAccount | has 'UpdateAccount done: root'
    on journalctl -t faxpostd --no-pager FAXPOST_OUTCOME=denied | has anna
}

restarted() {
    on sh -c 'for n in 1 2 3 4 5 6; do
        [ $n != 3 ] || systemctl restart --no-block faxpostd
        faxpost send --to c@example.org --subject "restart $n" --text x || exit
    done'
    # The answer was given: whatever happened meanwhile, the mail is there.
    local n
    for n in 1 2 3 4 5 6; do on faxpost log list -n 100 | has "restart $n"; done
}

credential() {
    on faxpost --json account show | has '"hasPassword": *true'
    on mkdir -p /etc/credstore.encrypted
    on systemd-creds encrypt --with-key=host --name=faxpost-key /var/lib/faxpost/secret.key /etc/credstore.encrypted/faxpost-key
    on systemctl restart faxpostd
    on rm /var/lib/faxpost/secret.key
    on systemctl restart faxpostd
    on faxpost --json account show | has '"hasPassword": *true'
    not on test -e /var/lib/faxpost/secret.key
}

sendmail_link() {
    on sh -c 'printf "Subject: piped\n\nx\n" | /usr/lib/faxpost/sendmail -f fax@example.com d@example.org'
    on faxpost log list | has piped
}

manuals() {
    on sh -c 'for page in man1/faxpost.1 man1/faxpost-account-set.1 man8/faxpostd.8; do
        gzip -dc /usr/share/man/$page.gz | grep "^.TH" >/dev/null || exit
    done'
    on sh -n /usr/share/bash-completion/completions/faxpost || on bash -n /usr/share/bash-completion/completions/faxpost
    on grep -q '#compdef faxpost' /usr/share/zsh/vendor-completions/_faxpost
    on test -s /usr/share/fish/vendor_completions.d/faxpost.fish
    # What the manual page of the daemon says is what the daemon has.
    local word
    for word in run install uninstall start stop help state-dir endpoint add-to-path remove-data lang; do
        on sh -c 'gzip -dc /usr/share/man/man8/faxpostd.8.gz' | tr -d '\\' | has -e "$word"
    done
    for word in $(on faxpostd --help | sed -n 's/^  \([a-z]*\)  .*/\1/p'); do
        on sh -c 'gzip -dc /usr/share/man/man8/faxpostd.8.gz' | has -w "$word"
    done
}

updated() {
    on sh -c 'printf "[limits]\nconnections-per-caller = 32\n" >/etc/faxpost/faxpostd.toml'
    on apt-get install -y -q /newer.deb
    on systemctl is-active faxpostd.socket faxpostd.service
    on grep -q 'connections-per-caller = 32' /etc/faxpost/faxpostd.toml
    on faxpost account show | has fax@example.com
    on faxpost log list -n 100 | has of-anna
}

removed() {
    on apt-get remove -y -q faxpost
    not on systemctl is-active faxpostd.service
    not on test -e /run/faxpost/faxpost.sock
    on test -e /var/lib/faxpost/faxpost.db
    on test -e /etc/faxpost/faxpostd.toml
    # And it comes back as it was.
    on apt-get install -y -q --no-install-recommends /newer.deb
    on faxpost account show | has fax@example.com
}

purged() {
    on apt-get purge -y -q faxpost
    local left
    left=$(on find / -xdev -name '*faxpost*' ! -path '/proc/*' ! -path '/var/log/*' ! -path '/var/cache/*' ! -name '*.deb' \
        ! -path '/var/lib/systemd/*' ! -path '/etc/credstore.encrypted/*' ! -path '/home/*' ! -path '/root/*' ! -path '/usr/local/*')
    [ -z "$left" ] || { printf 'left: %s\n' "$left" && return 1; }
    not on dpkg -s faxpost
}

# on COMMAND…: in the clean root, as root.
on() {
    nsenter --target "$init" --mount --pid --cgroup --ipc --uts --root --wd \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root DEBIAN_FRONTEND=noninteractive "$@"
}

as_anna() { on setpriv --reuid anna --regid anna --init-groups env HOME=/home/anna "$@"; }

# The base system and systemd, from where this machine has its packages.
make_clean() {
    local suite mirror
    suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
    mirror=$(apt-get indextargets --format '$(SITE) $(CODENAME) $(CREATED_BY)' | awk -v suite="$suite" '$2 == suite && $3 == "Packages" { print $1; exit }')
    rm -rf "$clean.new" "$clean"
    debootstrap --variant=minbase --include="$base" "$suite" "$clean.new" "${mirror:-http://deb.debian.org/debian}" >"$root/target/packages/debootstrap.log" 2>&1 ||
        { tail -20 "$root/target/packages/debootstrap.log" && fail "debootstrap failed"; }
    # What wants hardware, or other people.
    rm -f "$clean.new"/etc/systemd/system/getty.target.wants/* "$clean.new"/etc/systemd/system/timers.target.wants/*
    ln -sf /dev/null "$clean.new/etc/systemd/system/e2scrub_reap.service"
    ln -sf /dev/null "$clean.new/etc/systemd/system/systemd-logind.service"
    echo "$base" >"$clean.new/.ready"
    mv "$clean.new" "$clean"
}

# What stands outside of the machine: a mail server that it finds by name, whose authority it trusts, as it does that of the
# sender's certificate; and the file with that one.
begin_outside() {
    start_outside "$root/target/debug/outside" "$world" smtp.example.com $mail_server || fail "the mail server does not listen"
    cp "$world/fax.p12" "$work/fax.p12"
    echo "${mail_server%:*} smtp.example.com" >>"$work/etc/hosts"
    local name
    for name in server mail; do
        install -D -m 644 "$world/$name-authority.pem" "$work/usr/local/share/ca-certificates/$name-authority.crt"
    done
}

# systemd as the first process of its own namespaces; the root is moved, because a chroot is none to it.
boot() {
    cp /etc/resolv.conf "$work/etc/resolv.conf"
    local script='
        set -e
        mount --make-rprivate /
        mount --bind "$0" "$0"
        cd "$0"
        mount -t tmpfs -o mode=755 tmpfs run
        mount -t proc proc proc
        mount --rbind /dev dev
        mount -t sysfs sysfs sys
        mount -t tmpfs tmpfs tmp
        mount -t cgroup2 cgroup2 sys/fs/cgroup
        pivot_root . mnt
        cd /
        umount -l /mnt
        mount --make-rshared /
        exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system \
            --unit=multi-user.target --log-target=journal --show-status=no systemd.unified_cgroup_hierarchy=1'
    setsid unshare --mount --pid --cgroup --ipc --uts --fork --kill-child bash -c "$script" "$work" \
        >"$root/target/packages/boot.log" 2>&1 </dev/null &
    outer=$!
    local tries
    for tries in $(seq 100); do
        init=$(cat "/proc/$outer/task/$outer/children" 2>/dev/null | tr -d ' ') || true
        if [ -n "$init" ] && [ "$(cat "/proc/$init/comm" 2>/dev/null)" = systemd ]; then
            case $(on systemctl is-system-running 2>/dev/null) in running | degraded) return ;; esac
        fi
        sleep 0.2
    done
    cat "$root/target/packages/boot.log"
    fail "systemd does not come up in the clean root"
}

cleanup() {
    # The end of its first process ends everything in the namespace, and its mounts.
    [ -z "$init" ] || kill -KILL "$init" 2>/dev/null || true
    [ -z "${outer:-}" ] || wait "$outer" 2>/dev/null || true
    [ -z "${end:-}" ] || exec {end}>&-
    [ -z "${outside:-}" ] || wait "$outside" 2>/dev/null || true
    remove_run
}

remove_run() { [ ! -e "$work" ] || rm -rf --one-file-system "$work"; }

fail() {
    printf 'packages: %s\n' "$1" >&2
    exit 1
}

main

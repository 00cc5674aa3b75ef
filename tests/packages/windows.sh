#!/usr/bin/env bash
# Installs, uses, updates and uninstalls Faxpost with its installer under Wine, silently, as an administrator would deploy it:
#
#     tests/packages/windows.sh SETUP.exe NEWER-SETUP.exe
#
# In a Wine prefix of its own, made anew each time. Needs what tests/windows/env.sh needs, openssl, and the test program
# `outside`, built for Windows with the others.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
setup=$(realpath "$1")
newer=$(realpath "$2")
world=$root/target/packages/outside-windows
# Nothing else of this machine listens there; Wine has this machine's network.
mail_server=127.7.25.2:587
passed=0
uninstall_key='HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall\Faxpost'
machine_key='HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment'
. "$root/tests/packages/common.sh"

main() {
    rm -rf "$root/target/packages/wineprefix"
    local environment
    environment=$(WINEPREFIX=$root/target/packages/wineprefix "$root/tests/windows/env.sh")
    eval "$environment"
    drive=$WINEPREFIX/drive_c
    programs="$drive/Program Files/Faxpost"
    data=$drive/ProgramData/Faxpost
    # One that lives as long as this: what Wine keeps in memory stays.
    wineserver --persistent
    trap 'exec {end}>&-; wineserver --kill; wineserver --wait' EXIT
    wine cmd /c exit >/dev/null 2>&1 </dev/null
    begin_outside

    check "not installed into a folder where others may write" not_where_others_write
    check "installed silently, the service runs" installed
    check "the README's commands end with a signed mail at its server" first_signed_mail
    check "the command line is in the PATH, and works" used
    check "the Start menu has its entries" start_menu
    check "an update keeps settings and mail" updated
    check "an older one does not replace a newer one" not_downgraded
    check "uninstalled silently, it keeps the data and nothing else" uninstalled
    check "installed again, the data is there" again
    check "uninstalled with /REMOVEDATA, nothing is left" all_removed
    check "/REMOVEDATA reaches the folder that the service was given, and nothing of others in it" elsewhere
    printf 'test result: ok. %s passed; 0 failed; 0 ignored\n' $passed
}

check() {
    printf 'test %s ... ' "$1"
    local log=$root/target/packages/check.log status
    # Not as a condition: that would switch `set -e` off in it.
    set +e
    (set -ex; "$2") >"$log" 2>&1 </dev/null
    status=$?
    set -e
    if [ $status != 0 ]; then
        printf 'FAILED\n'
        cat "$log" "$data/log/faxpostd.log" 2>/dev/null || true
        printf 'test result: FAILED. %s passed; 1 failed; 0 ignored\n' $passed
        exit 1
    fi
    printf 'ok\n'
    passed=$((passed + 1))
}

# Wine makes the list of who may write there of the mode.
not_where_others_write() {
    mkdir -m 777 "$drive/open"
    local folder status
    for folder in 'C:\open' 'C:\open\Faxpost'; do
        status=0
        timeout 180 wine "$setup" /S "/D=$folder" || status=$?
        [ $status = 6 ]
        [ -z "$(ls -A "$drive/open")" ]
    done
    rmdir "$drive/open"
}

installed() {
    timeout 180 wine "$setup" /S
    [ -f "$programs/faxpostd.exe" ] && [ -f "$programs/faxpost-mailer.exe" ] && [ -f "$programs/uninstall.exe" ]
    sc_state RUNNING
    reg "$uninstall_key" DisplayVersion | has "$(basename "$setup" | cut -d- -f2)"
    [ -f "$data/faxpost.db" ]
    has ready "$data/log/faxpostd.log"
}

# What the README tells a new user to type behind the installer: in a prompt that is opened after it, by name, without sudo.
# Only the passwords are not typed, because there is no console here; and the server has an address, because it has no name, and
# is pinned, because Wine finds no certificate good whose issuer publishes no revocation list.
first_signed_mail() {
    cp "$world/fax.p12" "$drive/fax.p12"
    local line words
    while IFS= read -r line; do
        case $line in
            *'cert install'*) line="$line --password-stdin" words=$file_password ;;
            *--ask-password*) line="${line/--ask-password/--password-stdin} tls-check=pinned:$(pin)" words=$mail_password ;;
            *) words= ;;
        esac
        line=${line/smtp.example.com/${mail_server%:*}}
        printf '%s\r\n' "@cd /d C:\\" "@$line" >"$drive/typed.cmd"
        echo "$words" | wine cmd /c 'C:\typed.cmd'
    done < <(first_commands | sed '1d; s/^sudo //')
    first_mails_are_signed
}

# SHA-256 of the mail server's certificate.
pin() {
    openssl s_client -starttls smtp -connect $mail_server </dev/null 2>/dev/null | openssl x509 -outform DER | sha256sum | cut -d' ' -f1
}

used() {
    reg "$machine_key" PATH | has 'C:\\Program Files\\Faxpost'
    faxpost status | has administrator
    # As it is before there is a server.
    faxpost account set method=pickup sign=off sender-email=fax@example.org
    faxpost send --to me@example.org --subject first --text x --wait
    [ "$(find "$data/pickup" -name '*.eml' | wc -l)" = 1 ]
}

start_menu() {
    local menu="$drive/ProgramData/Microsoft/Windows/Start Menu/Programs/Faxpost"
    [ -f "$menu/Faxpost (command line).lnk" ]
    [ ! -f "$programs/faxpost-gui.exe" ] || [ -f "$menu/Faxpost.lnk" ]
}

updated() {
    timeout 180 wine "$newer" /S
    sc_state RUNNING
    reg "$uninstall_key" DisplayVersion | has 9.9.9
    faxpost account show | has fax@example.org
    faxpost log list | has first
    [ "$(reg "$machine_key" PATH | grep -o 'Program Files\\Faxpost' | wc -l)" = 1 ]
    [ -z "$(find "$programs" -name '*.old')" ]
}

not_downgraded() {
    local status=0
    timeout 180 wine "$setup" /S || status=$?
    [ $status = 3 ]
    reg "$uninstall_key" DisplayVersion | has 9.9.9
    sc_state RUNNING
}

uninstalled() {
    uninstall
    [ -f "$data/faxpost.db" ]
    reg "$machine_key" PATH | not has 'Program Files\\Faxpost'
    not wine sc query Faxpost
    not reg "$uninstall_key" DisplayVersion
    [ ! -e "$drive/ProgramData/Microsoft/Windows/Start Menu/Programs/Faxpost" ]
}

again() {
    timeout 180 wine "$newer" /S
    faxpost account show | has fax@example.org
}

all_removed() {
    uninstall /REMOVEDATA
    [ ! -e "$data" ]
}

elsewhere() {
    timeout 180 wine "$newer" /S
    wine "C:\\Program Files\\Faxpost\\faxpostd.exe" stop
    wine "C:\\Program Files\\Faxpost\\faxpostd.exe" install --state-dir 'C:\mail data'
    wine "C:\\Program Files\\Faxpost\\faxpostd.exe" start
    [ -f "$drive/mail data/faxpost.db" ]
    echo x >"$drive/mail data/thesis.txt"
    uninstall /REMOVEDATA
    [ "$(ls -A "$drive/mail data")" = thesis.txt ]
    # The other one is not the service's any more.
    [ -f "$data/faxpost.db" ]
}

# It copies itself away and goes on there, so its end is not that of the first process.
uninstall() {
    timeout 180 wine "C:\\Program Files\\Faxpost\\uninstall.exe" /S "$@"
    local tries
    for tries in $(seq 300); do
        [ -e "$programs" ] || return 0
        sleep 0.2
    done
    ls -la "$programs"
    return 1
}

# A mail server, and authorities that this Windows trusts.
begin_outside() {
    local binaries=$root/target/windows/x86_64-pc-windows-gnu/debug
    start_outside wine "$binaries/outside.exe" "$(wine winepath -w "$world" | tr -d '\r')" "${mail_server%:*}" $mail_server
}

faxpost() { wine cmd /c faxpost --lang en "$@"; }

sc_state() { wine sc query Faxpost | has "$1"; }

reg() { wine reg query "$1" /v "$2"; }

main

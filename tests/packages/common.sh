# What both tests of packages share; sourced. They set `root`, and `world`: the folder of the mail server outside (see
# tests/src/bin/outside.rs).

# What README.md tells a new user to type, from the package to the first signed mail: the block of commands below "Using it", each
# on a line of its own.
first_commands() {
    sed -n '/^## Using it/,/^```$/p' "$root/README.md" | sed '1,/^```sh/d; /^```$/d' | sed ':more; /\\$/ { N; s/\\\n *//; b more }'
}

# The mail of the test and the fax have arrived: through TLS, after the sign-in, and signed.
first_mails_are_signed() {
    local number
    for number in 1 2; do
        appears "$world/$number.eml"
        has '^from fax@example.com$' "$world/$number.envelope"
        has '^to me@example.com$' "$world/$number.envelope"
        has '^login fax@example.com$' "$world/$number.envelope"
        has '^tls true$' "$world/$number.envelope"
        openssl cms -verify -purpose smimesign -inform SMIME -in "$world/$number.eml" \
            -CAfile "$world/mail-authority.pem" -out "$world/$number.content"
    done
    has 'It works' "$world/2.content"
}

# start_outside COMMAND…: starts the mail server. It ends with its input, whose other end this process holds as `end`.
start_outside() {
    rm -rf "$world"
    mkdir -p "$world"
    mkfifo "$world/end"
    "$@" <"$world/end" >"$world/address" 2>"$world/log" &
    outside=$!
    exec {end}>"$world/end"
    appears "$world/address" || { cat "$world/log" && return 1; }
    openssl pkcs12 -export -in "$world/fax.pem" -out "$world/fax.p12" -passout "pass:$file_password"
}

mail_password='correct horse battery staple'
file_password='fax password'

# A file that is not empty.
appears() {
    local tries
    for tries in $(seq 300); do
        [ ! -s "$1" ] || return 0
        sleep 0.1
    done
    return 1
}

# A negation that ends a check: `set -e` does not heed "!".
not() { ! "$@"; }

# grep, which reads to the end: whoever writes must not be cut off.
has() { grep "$@" >/dev/null; }

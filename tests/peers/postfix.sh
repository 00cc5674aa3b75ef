#!/usr/bin/env bash
# A real submission server for tests: an instance of Postfix of its own, with Dovecot to check sign-ins.
#
#     postfix.sh run DIR      starts it, says "ready", serves until its stdin ends, then stops it and removes DIR
#     postfix.sh start DIR    starts it and leaves it running
#     postfix.sh stop DIR     stops it; DIR stays, with the mail and the logs
#
# Everything lives under DIR, which is made here: short (sockets), and reachable for any user (Postfix delivers as nobody).
# Any number may run side by side. Needs root, and the packages postfix, dovecot-core and openssl; no systemd, no syslog.
#
#   DIR/ports.env     PLAIN (no TLS, no sign-in), STARTTLS and SMTPS (TLS and sign-in required), AUTHPLAIN (sign-in, no TLS);
#                     all on 127.0.0.1. Chosen here, below the range of outgoing connections, unless given in the environment
#   DIR/ca/ca.pem     signed the server's certificate for localhost, mail.test and 127.0.0.1
#   DIR/mail/all/     the maildir that takes mail for everybody; X-Original-To in a message names the recipient
#   DIR/log/          maillog, dovecot.log
#
# Sign-ins: SCRAM-SHA-256 (STARTTLS alone), SCRAM-SHA-1 (STARTTLS and SMTPS), CRAM-MD5, PLAIN and LOGIN (everywhere).
# With INTROSPECTION=http://CLIENT:SECRET@HOST/… (RFC 7662) in the environment also OAUTHBEARER and XOAUTH2, by access tokens
# that have scope mail.send and, as claim "email", the login.
# With DISCARD=yes mail is taken, queued as ever, and then thrown away: for measurements of what comes before.
# Accounts: alice@fax.test / secret, and bob@fax.test / pässwörd mit Leer & "Q".
# Scripted answers: recipients r550@ r552@ r450@ r451@ r421@, senders s553@ s451@, and "X-Fault: reject" in a header.
set -euo pipefail

main() {
    [ $# = 2 ] || die "usage: postfix.sh run|start|stop DIR"
    mkdir -p "$2"
    dir=$(cd "$2" && pwd)
    # Looked at before the traps are set: they would stop the one that runs.
    [ "$1" = stop ] || [ -z "$(find "$dir" -name '*.pid' -print -quit)" ] || die "$dir is in use: stop it first"
    case $1 in
        run)
            trap 'trap "" INT TERM HUP; stop; remove' EXIT # a second signal must not end the cleanup
            trap 'exit 143' INT TERM HUP
            start
            ready=yes
            echo ready
            while read -r _; do :; done
            ;;
        start)
            trap 'trap "" INT TERM HUP; stop' EXIT
            trap 'exit 143' INT TERM HUP
            start
            trap - EXIT
            ;;
        stop) stop ;;
        *) die "unknown command '$1'" ;;
    esac
}

start() {
    [ "$(id -u)" = 0 ] || die "Postfix wants root"
    local tool
    for tool in postfix dovecot openssl setsid; do
        PATH=$PATH:/usr/sbin:/sbin command -v $tool >/dev/null || die "$tool is missing: apt-get install postfix dovecot-core openssl"
    done
    PATH=$PATH:/usr/sbin:/sbin
    # The kernel takes 107 bytes for a socket's path, and both servers put their own names behind ours.
    [ ${#dir} -le 70 ] || die "$dir is too long a path for sockets"
    chmod 755 "$dir"
    setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$dir" || die "$dir cannot be reached by other users"

    mkdir -p "$dir"/{ca,postfix,queue,data,dovecot,log,mail/all/{new,cur,tmp}}
    chown postfix "$dir/data"
    chown -R 65534:65534 "$dir/mail"
    certificates >"$dir/log/openssl.out" 2>&1 || {
        cat "$dir/log/openssl.out" >&2
        die "openssl made no certificates"
    }
    dovecot_configuration
    start_dovecot
    local attempt given=${PLAIN:-}${STARTTLS:-}${SMTPS:-}${AUTHPLAIN:-}
    for attempt in 1 2 3 4 5; do
        choose_ports
        postfix_configuration
        start_postfix && return
        # Somebody else took one of the ports in between: others may do.
        [ -z "$given" ] || break
        end_group postfix
        unset PLAIN STARTTLS SMTPS AUTHPLAIN
    done
    cat "$dir"/log/* >&2
    die "Postfix did not start"
}

choose_ports() {
    local name taken=
    for name in PLAIN STARTTLS SMTPS AUTHPLAIN; do
        while [ -z "${!name:-}" ]; do
            local port=$((10240 + RANDOM % 20000))
            [[ $taken != *" $port "* ]] && ! (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null && printf -v "$name" %s $port
        done
        taken+=" ${!name} "
    done
    printf '%s\n' PLAIN="$PLAIN" STARTTLS="$STARTTLS" SMTPS="$SMTPS" AUTHPLAIN="$AUTHPLAIN" >"$dir/ports.env"
}

# setsid: a process group of their own, so that stop finds the children too.
start_dovecot() {
    setsid dovecot -F -c "$dir/dovecot.conf" >"$dir/log/dovecot.out" 2>&1 </dev/null &
    echo $! >"$dir/dovecot.pid"
    local i
    for i in {1..100}; do
        [ -S "$dir/dovecot/sasl" ] && return
        sleep 0.05
    done
    cat "$dir"/log/dovecot* >&2
    die "Dovecot did not start"
}

start_postfix() {
    # Makes the queue, as "postfix start-fg" would; but that one leaves the process group.
    postfix -c "$dir/postfix" check >"$dir/log/postfix.out" 2>&1 || return
    MAIL_CONFIG=$dir/postfix setsid /usr/lib/postfix/sbin/master -d >>"$dir/log/postfix.out" 2>&1 </dev/null &
    local pid=$! i banner
    echo $pid >"$dir/postfix.pid"
    for i in {1..200}; do
        kill -0 $pid 2>/dev/null || return 1
        # The banner names the instance: it is ours that answers, not another one's.
        if { exec 3<>"/dev/tcp/127.0.0.1/$PLAIN"; } 2>/dev/null; then
            read -r -t 5 banner <&3 || true
            printf 'QUIT\r\n' >&3 || true
            exec 3>&-
            [[ ${banner:-} == *"$dir"* ]] && return
        fi
        sleep 0.05
    done
    return 1
}

stop() {
    end_group postfix
    end_group dovecot
}

# Twice: what "postfix check" was making when we were ended may come after the first time.
remove() {
    rm -rf "$dir" 2>/dev/null || true
    [ ! -e "$dir" ] && [ -n "${ready:-}" ] && return
    sleep 0.5
    rm -rf "$dir"
}

# Ends a server and everything that it started: politely, then for certain.
end_group() {
    local pid i
    [ -s "$dir/$1.pid" ] || return 0
    pid=$(<"$dir/$1.pid")
    for i in {1..120}; do
        alive "$pid" || break
        case $i in 1) kill -TERM -- "-$pid" ;; 80) kill -KILL -- "-$pid" ;; esac 2>/dev/null || true
        sleep 0.05
    done
    rm -f "$dir/$1.pid"
}

# Whether anything of the process group runs; the dead whom nobody has collected yet do not count.
alive() { ps -e -o pgid=,stat= | awk -v group="$1" '$1 == group && $2 !~ /^Z/ { found = 1 } END { exit !found }'; }

certificates() (
    cd "$dir/ca" || exit
    umask 077
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 30 \
        -subj "/CN=Faxpost test CA" -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign &&
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.csr -subj "/CN=localhost" || exit
    printf '%s\n' basicConstraints=CA:FALSE keyUsage=digitalSignature extendedKeyUsage=serverAuth \
        subjectAltName=DNS:localhost,DNS:mail.test,IP:127.0.0.1 subjectKeyIdentifier=hash authorityKeyIdentifier=keyid >server.ext
    openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -sha256 -extfile server.ext -out server.pem &&
        cat server.key server.pem >chain.pem &&
        chmod 644 ca.pem server.pem
)

dovecot_configuration() {
    printf '%s\n' 'alice@fax.test:{PLAIN}secret::::' 'bob@fax.test:{PLAIN}pässwörd mit Leer & "Q"::::' >"$dir/users"
    local tokens= mechanisms='plain login cram-md5 scram-sha-1 scram-sha-256'
    if [ -n "${INTROSPECTION:-}" ]; then
        cat >"$dir/oauth2.ext" <<EOF
introspection_mode = post
introspection_url = $INTROSPECTION
username_attribute = email
active_attribute = active
active_value = true
scope = mail.send
timeout_msecs = 10000
EOF
        tokens="passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = $dir/oauth2.ext
}"
    fi
    cat >"$dir/dovecot.conf" <<EOF
base_dir = $dir/dovecot
state_dir = $dir/dovecot
log_path = $dir/log/dovecot.log
instance_name = faxpost-test
protocols =
ssl = no
auth_mechanisms = $mechanisms ${tokens:+xoauth2 oauthbearer}
auth_verbose = yes
# Wrong passwords are tested often: neither a delay nor a growing penalty for them.
auth_failure_delay = 0
disable_plaintext_auth = no
$tokens
passdb {
  driver = passwd-file
  mechanisms = $mechanisms
  args = $dir/users
}
userdb {
  driver = static
  args = uid=65534 gid=65534 home=/nonexistent allow_all_users=yes
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service auth {
  unix_listener sasl {
    mode = 0666
  }
}
EOF
}

postfix_configuration() {
    cat >"$dir/postfix/main.cf" <<EOF
compatibility_level = 3.6
queue_directory = $dir/queue
data_directory = $dir/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = $dir/log/maillog
maillog_file_prefixes = $dir
myhostname = mail.test
smtpd_banner = \$myhostname ESMTP $dir
mydestination =
mynetworks = 127.0.0.1/32
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_transport = error:no local mail
local_recipient_maps =
fast_flush_domains =
# Mail for everybody goes into one maildir, and nothing ever leaves the machine.
virtual_mailbox_domains = static:all
virtual_mailbox_base = $dir/mail
virtual_mailbox_maps = static:all/
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_mailbox_limit = 0
virtual_transport = $([ -n "${DISCARD:-}" ] && echo discard: || echo virtual)
mailbox_size_limit = 0
message_size_limit = 62914560
# What arrives is what was sent: no header is completed, rewritten or (Bcc!) dropped.
local_header_rewrite_clients =
message_drop_headers =
append_dot_mydomain = no
smtputf8_enable = yes
# A bare LF breaks signatures at some servers: whoever sends one is told so.
smtpd_forbid_bare_newline = reject
smtpd_forbid_bare_newline_exclusions =
smtpd_tls_chain_files = $dir/ca/chain.pem
smtpd_tls_security_level = may
smtpd_tls_mandatory_protocols = >=TLSv1.2
smtpd_tls_loglevel = 1
smtpd_tls_received_header = yes
smtpd_tls_auth_only = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = $dir/dovecot/sasl
smtpd_sasl_auth_enable = yes
smtpd_sasl_authenticated_header = yes
smtpd_sasl_security_options = noanonymous
# Errors are what is tested: they cost the client neither time nor the connection.
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 1000
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = check_recipient_access regexp:$dir/postfix/recipients, permit
smtpd_sender_restrictions = check_sender_access regexp:$dir/postfix/senders
header_checks = regexp:$dir/postfix/headers
EOF
    cat >"$dir/postfix/recipients" <<'EOF'
/^r550@/    550 5.1.1 scripted: no such user
/^r552@/    552 5.2.2 scripted: mailbox full
/^r450@/    450 4.2.1 scripted: greylisted, try again
/^r451@/    451 4.3.0 scripted: local error
/^r421@/    421 4.7.0 scripted: closing
EOF
    cat >"$dir/postfix/senders" <<'EOF'
/^s553@/    553 5.7.1 scripted: sender not allowed
/^s451@/    451 4.7.1 scripted: sender deferred
EOF
    cat >"$dir/postfix/headers" <<'EOF'
/^X-Fault: reject/    REJECT 5.7.1 scripted: content refused
EOF
    cat >"$dir/postfix/master.cf" <<EOF
127.0.0.1:$PLAIN inet n - n - - smtpd
  -o smtpd_tls_security_level=none
  -o smtpd_sasl_auth_enable=no
  -o smtpd_relay_restrictions=permit_mynetworks,reject
  -o syslog_name=plain
127.0.0.1:$STARTTLS inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
  -o syslog_name=starttls
127.0.0.1:$SMTPS inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_mechanism_filter=!SCRAM-SHA-256,static:rest
  -o syslog_name=smtps
127.0.0.1:$AUTHPLAIN inet n - n - - smtpd
  -o smtpd_tls_security_level=none
  -o smtpd_tls_auth_only=no
  -o smtpd_sasl_mechanism_filter=!SCRAM-SHA-256,!SCRAM-SHA-1,static:rest
  -o syslog_name=authplain
cleanup    unix       n - n - 0     cleanup
qmgr       unix       n - n 300 1   qmgr
tlsmgr     unix       - - n 1000? 1 tlsmgr
rewrite    unix       - - n - -     trivial-rewrite
bounce     unix       - - n - 0     bounce
defer      unix       - - n - 0     bounce
trace      unix       - - n - 0     bounce
proxymap   unix       - - n - -     proxymap
error      unix       - - n - -     error
retry      unix       - - n - -     error
virtual    unix       - n n - -     virtual
discard    unix       - - n - -     discard
postlog    unix-dgram n - n - 1     postlogd
EOF
    # Every program of Postfix waits until a new configuration file is two seconds old.
    touch -d '1 minute ago' "$dir"/postfix/*
}

die() {
    printf 'postfix.sh: %s\n' "$1" >&2
    exit 1
}

main "$@"; exit # read to its end before it runs: it may be edited meanwhile

//! A password leaves the daemon towards its server, and nowhere else (requirement H3): everything that the daemon
//! writes and answers is searched for it, in every form that a protocol or a file would give it.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use faxpost_proto::v1;
use faxpost_proto::v1::{MessageState, Security, TlsCheck};
use faxpost_tests::daemon::{TestDaemon, mask};
use faxpost_tests::smtp::{At, Authority, Fault, SmtpServer};

use crate::kit::{SMTP_FIELDS, account, create, entries, finished, mail_to, ok, send, smtp_account, watched};

const LOGIN: &str = "fax-login";
const PASSWORD: &str = "Tr0ub4dor&3-Пароль \"q\"";
const WRONG: &str = "n0t-th3-r1ght-0ne/Нет";

/// The forms of a secret: as it is, escaped, in hex, and in base64 at every offset, alone and as SASL PLAIN sends it.
fn traces(secret: &str) -> Vec<(String, Vec<u8>)> {
    let hexadecimal = hex::encode(secret);
    let mut forms = vec![
        ("text", secret.to_owned()),
        ("escaped", format!("{secret:?}").trim_matches('"').to_owned()),
        ("ascii-escaped", secret.escape_default().to_string()),
        ("hex", hexadecimal.to_ascii_uppercase()),
        ("hex", hexadecimal),
        ("list of bytes", format!("{:?}", secret.as_bytes()).trim_matches(['[', ']']).to_owned()),
        ("plain", STANDARD.encode(format!("\0{LOGIN}\0{secret}"))),
        ("beginning", secret.chars().take(9).collect()),
    ];
    // Within something longer, base64 begins at one of three offsets; the characters at the ends depend on neighbours.
    for offset in 0..3 {
        let shifted = [&b"xxx"[..offset], secret.as_bytes()].concat();
        let begin = (offset * 8).div_ceil(6);
        for engine in [&STANDARD_NO_PAD.encode(&shifted), &URL_SAFE.encode(&shifted).replace('=', "")] {
            forms.push(("base64", engine[begin..engine.len() - 1].to_owned()));
        }
    }
    let utf16: Vec<u8> = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut traces: Vec<_> =
        forms.into_iter().map(|(name, text)| (name.to_owned(), text.into_bytes())).collect();
    traces.push(("utf-16".to_owned(), utf16));
    traces
}

fn search(place: &str, bytes: &[u8]) {
    for secret in [PASSWORD, WRONG] {
        for (form, trace) in traces(secret) {
            assert!(trace.len() >= 8, "too short to mean something: {form}");
            let found = bytes.windows(trace.len()).position(|window| window == trace);
            let around = found.map(|at| {
                let range = at.saturating_sub(80)..(at + 80).min(bytes.len());
                String::from_utf8_lossy(&bytes[range]).into_owned()
            });
            assert_eq!(around, None, "a password is in {place} as {form}");
        }
    }
}

/// All files below a folder.
fn search_files(folder: &Path) -> usize {
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            count += search_files(&path);
        } else {
            search(&path.display().to_string(), &std::fs::read(&path).unwrap());
            count += 1;
        }
    }
    count
}

/// "default" with a sign-in and this password at a server with STARTTLS.
async fn set(daemon: &TestDaemon, port: u16, password: &str) {
    let given = v1::Account {
        security: Security::Starttls.into(),
        tls_check: TlsCheck::AcceptInvalid.into(),
        authentication: true,
        login: LOGIN.to_owned(),
        password: password.to_owned(),
        ..smtp_account("default", port)
    };
    let names = [SMTP_FIELDS, &["security", "tls_check", "authentication", "login", "password"]].concat();
    daemon.set(given, &names).await.unwrap();
}

async fn test(daemon: &TestDaemon, draft: Option<v1::Account>, fields: &[&str]) -> String {
    let request = v1::TestAccountRequest { draft, update_mask: Some(mask(fields)), ..Default::default() };
    let mut steps = ok(daemon.diagnostics().await.test_account(request).await);
    let mut told = String::new();
    while let Some(step) = steps.message().await.unwrap() {
        told.push_str(&format!("{step:?}\n"));
    }
    told
}

#[test]
fn the_search_finds_what_it_looks_for() {
    let plain = STANDARD.encode(format!("\0{LOGIN}\0{PASSWORD}"));
    let long = STANDARD.encode(format!("{{\"password\":\"{WRONG}\",\"x\":1}}"));
    for text in
        [PASSWORD, &hex::encode(WRONG), &format!("AUTH PLAIN {plain}\r\n"), &long, &STANDARD.encode(WRONG)]
    {
        let found = std::panic::catch_unwind(|| search("a text", text.as_bytes()));
        assert!(found.is_err(), "{text}");
    }
    search("a text", "nothing of the kind".as_bytes());
}

#[tokio::test]
async fn h3_no_password_is_in_a_file_a_log_or_an_answer() {
    let authority = Authority::new();
    let good = SmtpServer::builder().starttls(authority.good()).credentials(LOGIN, PASSWORD).start().await;
    let by_login = SmtpServer::builder()
        .starttls(authority.good())
        .credentials(LOGIN, PASSWORD)
        .mechanisms(&["LOGIN"])
        .start()
        .await;
    let echoing = SmtpServer::builder()
        .starttls(authority.good())
        .credentials(LOGIN, PASSWORD)
        .fault(At::SignedIn, Fault::Echo(535))
        .start()
        .await;
    let settings = "[outbox]\nretry-seconds = [3600]";
    let mut daemon = TestDaemon::builder().settings(settings).env("FAXPOST_LOG", "trace").start().await;
    let mut answers = String::new();

    // Signed in with every mechanism, tested and sent.
    for server in [&good, &by_login] {
        set(&daemon, server.port(), PASSWORD).await;
        answers.push_str(&test(&daemon, None, &[]).await);
        let id = send(&daemon, mail_to("a@example.test")).await;
        let message = finished(&daemon, &id).await;
        assert_eq!(message.state(), MessageState::Delivered, "{message:?}");
        answers.push_str(&format!("{message:?}"));
    }
    // Refused, at a server that tells the world what it was given, too.
    for (server, password) in [(&good, WRONG), (&echoing, PASSWORD), (&echoing, WRONG)] {
        set(&daemon, server.port(), password).await;
        answers.push_str(&test(&daemon, None, &[]).await);
        let id = send(&daemon, mail_to("a@example.test")).await;
        let message = watched(&daemon, &id, |message| message.attempts == 1).await;
        assert_eq!(message.last_error_reason, "AUTH_REJECTED");
        answers.push_str(&format!("{message:?}"));
        // With the next settings the next message shall be the one that asks.
        ok(daemon.mail().await.cancel_message(v1::CancelMessageRequest { id }).await);
    }
    // In a draft, in a new account, and in requests that are refused.
    let given = |password: &str| v1::Account { password: password.to_owned(), ..v1::Account::default() };
    answers.push_str(&test(&daemon, Some(given(WRONG)), &["password"]).await);
    let sales = v1::Account { id: "sales".to_owned(), ..given(PASSWORD) };
    answers.push_str(&format!(
        "{:?}",
        daemon.accounts().await.create_account(create(sales, &["password"])).await
    ));
    let bad = v1::Account { id: "default".to_owned(), port: 70_000, ..given(&format!("{PASSWORD}\n")) };
    answers.push_str(&format!("{:?}", daemon.set(bad, &["password", "port"]).await.unwrap_err()));
    let stale = v1::UpdateAccountRequest {
        account: Some(v1::Account { id: "default".to_owned(), etag: "0".to_owned(), ..given(PASSWORD) }),
        update_mask: Some(mask(&["password"])),
        validate_only: false,
    };
    answers.push_str(&format!("{:?}", daemon.accounts().await.update_account(stale).await.unwrap_err()));
    answers.push_str(&format!("{:?}", account(&daemon, "default").await));

    let log = entries(&daemon).await;
    assert!(log.len() > 14, "{log:?}");
    for entry in log {
        if entry.has_transcript {
            let request = v1::GetTranscriptRequest { id: entry.id };
            let transcript = ok(daemon.log().await.get_transcript(request).await).text;
            answers.push_str(&transcript);
        }
        answers.push_str(&format!("{entry:?}"));
    }
    assert!(answers.contains("AUTH PLAIN") && answers.contains("AUTH LOGIN"), "the sign-ins are told of");
    search("the answers", answers.as_bytes());
    let stderr = daemon.stderr();
    assert!(stderr.contains("TRACE") && stderr.len() > 10_000, "trace was on");
    search("the daemon's log", stderr.as_bytes());

    // What is in the database's files while it runs and after a crash. Ended: Windows locks parts of open ones.
    daemon.kill();
    assert!(search_files(&daemon.state_dir()) >= 3);
    daemon.start_again().await;
    set(&daemon, good.port(), "").await;
    daemon.kill();
    assert!(search_files(&daemon.state_dir()) >= 3);
}

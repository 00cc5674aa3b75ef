//! The whole of Faxpost on Windows: the real programs, the real pipe, and a mail server to send to.
//!
//! Under Wine every process is the same user, and an administrator; a restricted token is the nearest there is to somebody
//! else. That another user sees his own mail only is proven on Linux; here he has the same SID.
#![cfg(windows)]
#![allow(clippy::unwrap_used)] // clippy only knows functions marked as tests, not their helpers

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::restricted::spawn_restricted;
use faxpost_tests::smtp::{Authority, Identity, SmtpServer};
use faxpost_tests::{bins, tiff};
use serde_json::Value;

const LOGIN: &str = "fax@example.test";
const PASSWORD: &str = "Пароль №1 for nobody";

/// Exit codes of the command line.
const NOT_RUNNING: i32 = 69;
const DENIED: u32 = 77;

/// What a program came to.
#[derive(Debug)]
struct Done {
    code: i32,
    out: String,
    err: String,
}

/// Runs it to its end; a word for its standard input, if it gets one. Both outputs have to be UTF-8.
fn run(mut command: Command, input: Option<&str>) -> Done {
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
        // As a Windows shell ends a line.
        write!(stdin, "{input}\r\n").unwrap();
    }
    let output = child.wait_with_output().unwrap();
    Done {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs `faxpost` as an administrator, and it does what it should.
fn faxpost(daemon: &TestDaemon, arguments: &[&str]) -> String {
    with_input(daemon, arguments, None)
}

fn with_input(daemon: &TestDaemon, arguments: &[&str], input: Option<&str>) -> String {
    let done = run(daemon.faxpost(arguments), input);
    assert_eq!(done.code, 0, "faxpost {arguments:?}: {}{}\n{}", done.out, done.err, daemon.stderr());
    done.out
}

/// What `faxpost --json` prints.
fn json(daemon: &TestDaemon, arguments: &[&str]) -> Value {
    serde_json::from_str(&faxpost(daemon, &[&["--json"], arguments].concat())).unwrap()
}

/// Runs `faxpost` without an administrator's rights; both its outputs are in one text.
fn as_user(daemon: &TestDaemon, arguments: &[&str]) -> (u32, String) {
    let endpoint = ["--endpoint", daemon.endpoint()];
    spawn_restricted(&bins::path("faxpost"), &[&endpoint, arguments].concat()).unwrap()
}

/// A server as small companies have them: STARTTLS with a certificate of its own, and a sign-in.
async fn server(identity: &Identity) -> SmtpServer {
    SmtpServer::builder().starttls(identity.clone()).credentials(LOGIN, PASSWORD).start().await
}

/// Sets up the account for it, the server's key pinned.
fn set_up(daemon: &TestDaemon, port: u16, identity: &Identity) {
    let port = format!("port={port}");
    let pin = format!("tls-check=pinned:{}", hex::encode(identity.public_key_sha256));
    let (sender, login) = (format!("sender-email={LOGIN}"), format!("login={LOGIN}"));
    let settings = [
        "account",
        "set",
        "method=secure-smtp-client",
        // Windows gives ::1 first, where nobody listens.
        "server=localhost",
        &port,
        "security=starttls",
        &pin,
        &sender,
        "sender-name=Факс-сервер",
        "authentication=on",
        &login,
        "--password-stdin",
    ];
    with_input(daemon, &settings, Some(PASSWORD));
}

/// The attachment's bytes, by plain means.
fn attachment(message: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(message).unwrap();
    let part = text.split("\r\n--").find(|part| part.contains("Content-Disposition: attachment")).unwrap();
    let (_, body) = part.split_once("\r\n\r\n").unwrap();
    BASE64.decode(body.lines().collect::<String>()).unwrap()
}

/// How the password would look where it must not be: plain, as Windows writes text, and as it crosses the line.
fn spellings() -> [Vec<u8>; 4] {
    [
        PASSWORD.as_bytes().to_vec(),
        PASSWORD.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        BASE64.encode(PASSWORD).into_bytes(),
        BASE64.encode(format!("\0{LOGIN}\0{PASSWORD}")).into_bytes(),
    ]
}

fn holds_password(bytes: &[u8]) -> bool {
    spellings().iter().any(|wanted| bytes.windows(wanted.len()).any(|window| window == wanted))
}

/// Every file beneath a folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_main_job_from_a_fresh_install_to_the_log() {
    let identity = Authority::self_signed();
    let server = server(&identity).await;
    let daemon = TestDaemon::start().await;

    let status = json(&daemon, &["status"]);
    assert_eq!(status["role"], "administrator");
    assert!(status["callerId"].as_str().unwrap().starts_with("S-1-5-"), "{status}");
    assert_eq!(status["endpoint"], daemon.endpoint());
    assert_eq!(status["processId"], daemon.id());

    set_up(&daemon, server.port(), &identity);
    let shown = faxpost(&daemon, &["account", "show"]);
    assert!(shown.contains("Факс-сервер") && !shown.contains(PASSWORD), "{shown}");

    let steps = faxpost(&daemon, &["account", "test", "--to", "chief@example.test"]);
    assert!(steps.contains("TLSv1.3") && !steps.contains(PASSWORD), "{steps}");
    let tried = &server.wait_for(1).await[0];
    assert_eq!((tried.tls, tried.login.as_deref()), (true, Some(LOGIN)));
    assert_eq!(tried.to, ["chief@example.test"]);

    // Larger than what lies in the database: its file in the spool goes when the message has gone.
    let (fax, folder) = (tiff::fax(3, 1200), tempfile::tempdir().unwrap());
    let path = folder.path().join("Факс на 3 страницах.tif");
    std::fs::write(&path, &fax).unwrap();
    let to = "Пётр <petr@example.test>";
    let send = ["send", "--to", to, "--subject", "Входящий факс", "--text", "Три страницы.\n.\n", "--wait"];
    faxpost(&daemon, &[&send[..], &["--attach", path.to_str().unwrap()]].concat());
    let received = server.wait_for(2).await.pop().unwrap();
    assert_eq!((received.tls, received.login.as_deref()), (true, Some(LOGIN)));
    assert_eq!((received.from.as_str(), &received.to[..]), (LOGIN, &["petr@example.test".to_owned()][..]));
    assert!(attachment(&received.content) == fax, "the TIFF is not what was attached");
    let head = String::from_utf8_lossy(&received.content);
    assert!(head.contains("filename*0*=utf-8''%D0%A4%D0%B0%D0%BA%D1%81"), "{}", &head[..2000]);
    assert_eq!(files(&daemon.state_dir().join("spool")), [] as [std::path::PathBuf; 0]);

    let log = json(&daemon, &["log", "list"]);
    let attempt = log["entries"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["kind"] == "ENTRY_KIND_ATTEMPT")
        .unwrap();
    let transcript = faxpost(&daemon, &["log", "transcript", attempt["id"].as_str().unwrap()]);
    assert!(transcript.contains("AUTH PLAIN") && transcript.contains("STARTTLS"), "{transcript}");
    for text in [&transcript, &daemon.stderr(), &log.to_string()] {
        assert!(!holds_password(text.as_bytes()), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_the_state_folder_has_the_password_sealed_by_dpapi_and_a_restarted_daemon_opens_it() {
    let identity = Authority::self_signed();
    let server = server(&identity).await;
    let mut daemon = TestDaemon::start().await;
    set_up(&daemon, server.port(), &identity);
    faxpost(&daemon, &["account", "test", "--to", "chief@example.test"]);

    daemon.kill();
    let files = files(&daemon.state_dir());
    assert!(files.iter().any(|file| file.ends_with("secret.key")), "{files:?}");
    for file in files {
        assert!(!holds_password(&std::fs::read(&file).unwrap()), "{} has the password", file.display());
    }

    daemon.start_again().await;
    faxpost(&daemon, &["send", "--to", "chief@example.test", "--subject", "again", "--text", "x", "--wait"]);
    assert_eq!(server.wait_for(2).await[1].login.as_deref(), Some(LOGIN));
}

#[tokio::test(flavor = "multi_thread")]
async fn h1_a_client_without_an_administrators_rights_is_a_user() {
    let identity = Authority::self_signed();
    let server = server(&identity).await;
    let daemon = TestDaemon::start().await;
    set_up(&daemon, server.port(), &identity);

    let (code, status) = as_user(&daemon, &["--json", "status"]);
    assert_eq!(code, 0, "{status}");
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["role"], "user");
    assert!(status["endpoint"].is_null() && status["stateDir"].is_null(), "{status}");

    let pickup = format!("pickup-directory={}", daemon.state_dir().display());
    for refused in [
        &["policy", "show"][..],
        &["policy", "set", "Accounts/CreateAccount", "user=allow"],
        &["account", "create", "mine"],
        &["account", "delete", "default", "--yes"],
        &["account", "set", "method=pickup", &pickup],
    ] {
        let (code, said) = as_user(&daemon, refused);
        assert_eq!(code, DENIED, "{refused:?}: {said}");
    }
    let accounts = json(&daemon, &["account", "list"]);
    assert_eq!(accounts["accounts"].as_array().unwrap().len(), 1, "{accounts}");
    assert_eq!(accounts["accounts"][0]["method"], "METHOD_SECURE_SMTP_CLIENT", "{accounts}");

    for allowed in [
        &["account", "test", "--to", "chief@example.test"][..],
        &["send", "--to", "chief@example.test", "--subject", "mine", "--text", "x", "--wait"],
        &["outbox", "list"],
        &["log", "list"],
    ] {
        let (code, said) = as_user(&daemon, allowed);
        assert_eq!(code, 0, "{allowed:?}: {said}");
    }
    assert_eq!(server.wait_for(2).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn f1_accepted_mail_survives_the_end_of_the_process() {
    const MAILS: usize = 8;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let identity = Authority::self_signed();
    let mut daemon = TestDaemon::builder().settings("[outbox]\nretry-seconds = [1]\n").start().await;
    set_up(&daemon, port, &identity);

    // Every other one lies in the spool.
    let folder = tempfile::tempdir().unwrap();
    let fax = folder.path().join("fax.tif");
    std::fs::write(&fax, tiff::fax(1, 1200)).unwrap();
    let mut subjects = Vec::new();
    for n in 0..MAILS {
        subjects.push(format!("survivor {n}"));
        let mut send = vec!["send", "--to", "chief@example.test", "--subject", &subjects[n], "--text", "x"];
        if n % 2 == 0 {
            send.extend(["--attach", fax.to_str().unwrap()]);
        }
        faxpost(&daemon, &send);
    }
    daemon.kill();

    let server = SmtpServer::builder().starttls(identity).credentials(LOGIN, PASSWORD).start_on(port).await;
    daemon.start_again().await;
    let received = server.wait_for(MAILS).await;
    for subject in subjects {
        let line = format!("Subject: {subject}\r\n");
        let count =
            received.iter().filter(|mail| String::from_utf8_lossy(&mail.content).contains(&line)).count();
        assert_eq!(count, 1, "{subject}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_on_the_same_state_or_pipe_is_told_who_holds_it() {
    let daemon = TestDaemon::start().await;
    let other = tempfile::tempdir().unwrap();
    let state = daemon.state_dir();
    let free_pipe = format!(r"{}-other", daemon.endpoint());
    for (state, endpoint) in [(&*state, &*free_pipe), (other.path(), daemon.endpoint())] {
        let mut command = Command::new(bins::path("faxpostd"));
        command.arg("run").arg("--state-dir").arg(state).args(["--endpoint", endpoint]);
        let second = run(command, None);
        assert_eq!(second.code, 1, "{second:?}");
        let last = second.err.lines().last().unwrap();
        assert!(last.contains(&format!("process {}", daemon.id())), "{last}");
    }
    faxpost(&daemon, &["status"]);
}

#[test]
fn g1_without_a_daemon_the_command_line_says_how_to_start_it() {
    let endpoint = format!(r"\\.\pipe\faxpost-test-nobody-{}", std::process::id());
    for (language, sentence) in [("en", "is not running"), ("ru", "Служба Faxpost не запущена")]
    {
        let mut command = Command::new(bins::path("faxpost"));
        command.args(["--endpoint", &endpoint, "--lang", language, "status"]);
        let done = run(command, None);
        assert_eq!(done.code, NOT_RUNNING, "{done:?}");
        assert!(done.err.contains(sentence) && done.err.contains("`faxpostd run`"), "{done:?}");
        assert!(done.out.is_empty(), "{done:?}");
    }
}

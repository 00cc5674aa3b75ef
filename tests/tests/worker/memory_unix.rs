//! What was given to the daemon as a secret is nowhere in the memory of its two processes when it is not used. Reads that
//! memory, and so wants root as soon as it is protected.

use std::time::{Duration, Instant};

use faxpost_proto::v1;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::memory::Masked;
use faxpost_tests::smtp::SmtpServer;
use nix::unistd::geteuid;

use crate::kit::{daemon, delivered, eventually, send};

/// What it takes until a connection that a client has closed is gone in the daemon, too; and in the mailer a connection that
/// was signed in, with what must not be told of it again, which waits 15 s for another message.
const SOON: Duration = Duration::from_secs(40);

#[tokio::test(flavor = "multi_thread")]
async fn h3_no_password_stays_in_the_memory_of_the_daemon_and_the_mailer() {
    if !geteuid().is_root() {
        // Nobody else may look: that is what the daemon sees to.
        return;
    }
    let secret = Masked::reversed(b"7114-elpats-yrettab-esroh-tcerroc");
    // As AUTH PLAIN sends it: behind the login, by threes.
    let line: Vec<u8> = b"\0fax\0".iter().copied().chain(secret.bytes()).collect();
    let sent = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &line);
    let sent = Masked::reversed(&sent.bytes().rev().collect::<Vec<_>>());
    let password: String = secret.bytes().map(char::from).collect();
    let server = SmtpServer::builder().credentials("fax", &password).start().await;
    let daemon = daemon(TestDaemon::builder(), server.port()).await;
    let account = v1::Account {
        id: "default".to_owned(),
        authentication: true,
        login: "fax".to_owned(),
        password,
        plaintext_auth: true,
        ..v1::Account::default()
    };
    daemon.set(account, &["authentication", "login", "password", "plaintext_auth"]).await.unwrap();
    gone("the daemon that was told it", &secret, daemon.id()).await;

    // Twice: the second message may go over the connection that the first one has left.
    for bytes in [0, 300_000] {
        let (id, _) = send(&daemon, bytes).await;
        delivered(&daemon, &id).await;
    }
    let test = v1::TestAccountRequest { until: v1::Step::SignIn.into(), ..v1::TestAccountRequest::default() };
    let mut steps = daemon.diagnostics().await.test_account(test).await.unwrap().into_inner();
    while steps.message().await.unwrap().is_some() {}
    drop(steps);
    assert!(server.received().iter().all(|one| one.login.as_deref() == Some("fax")));
    for (what, process) in [("the daemon", daemon.id()), ("the mailer", daemon.mailers()[0])] {
        gone(what, &secret, process).await;
        gone(what, &sent, process).await;
    }
}

async fn gone(what: &str, secret: &Masked, process: u32) {
    let begun = Instant::now();
    loop {
        let left = secret.found_in(&process.to_string());
        if left == 0 {
            return;
        }
        assert!(begun.elapsed() < SOON, "{left} copies of the password in the memory of {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_neither_process_can_be_dumped_or_looked_into() {
    let server = SmtpServer::builder().start().await;
    let daemon = daemon(TestDaemon::builder(), server.port()).await;
    let (id, _) = send(&daemon, 0).await;
    delivered(&daemon, &id).await;
    for process in [daemon.id(), daemon.mailers()[0]] {
        let limits = std::fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
        // Whose memory may not be dumped, the kernel shows as root's, and to nobody else.
        let looked = std::fs::File::open(format!("/proc/{process}/mem"));
        assert_eq!(looked.is_ok(), geteuid().is_root());
    }
    eventually("both live on", || daemon.mailers().len() == 1).await;
}

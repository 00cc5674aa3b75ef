//! `faxpost sendmail`, and the program under the name that others call.

use std::path::PathBuf;
use std::process::Stdio;

use faxpost_tests::bins;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::smtp::SmtpServer;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::kit::{Run, faxpost, faxpost_with, send_by, wait_for};

const MESSAGE: &str = "From: root@faxhost\nTo: a@example.test\nBcc: hidden@example.test\nSubject: Fax\n\nTwo pages.\n.\nafter\n";

/// The program under another name.
async fn called(daemon: &TestDaemon, name: &str, arguments: &[&str], input: &str) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let program: PathBuf = folder.path().join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    // A link, as packages have it. A copy could not always be started: a process that another test forks off while it is
    // written holds it open for a moment, and the kernel runs nothing that is open for writing.
    #[cfg(unix)]
    std::os::unix::fs::symlink(bins::path("faxpost"), &program).unwrap();
    #[cfg(windows)]
    std::fs::copy(bins::path("faxpost"), &program).unwrap();
    let mut command = Command::from(daemon.faxpost(&[]));
    let environment: Vec<_> = command
        .as_std()
        .get_envs()
        .map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned)))
        .collect();
    command = Command::new(&program);
    for (name, value) in environment {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = bins::started(|| command.spawn());
    let mut stdin = child.stdin.take().unwrap();
    // Whoever wants no input may be gone already.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = child.wait_with_output().await.unwrap();
    Run {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[tokio::test]
async fn f4_sendmail_takes_recipients_from_the_line_and_from_the_header() {
    let server = SmtpServer::builder().start().await;
    let daemon = TestDaemon::start().await;
    send_by(&daemon, &server).await;
    let quiet =
        faxpost_with(&daemon, &["sendmail", "-t", "-i", "-froot@faxhost", "--", "b@example.test"], MESSAGE)
            .await;
    assert_eq!((quiet.code, quiet.out.as_str(), quiet.err.as_str()), (0, "", ""), "{quiet:#?}");
    let received = server.wait_for(1).await.remove(0);
    assert_eq!(received.to, ["b@example.test", "a@example.test", "hidden@example.test"]);
    assert_eq!(received.from, "fax@example.test");
    let text = String::from_utf8(received.content).unwrap();
    assert!(text.ends_with("\r\nTwo pages.\r\n.\r\nafter\r\n") && !text.contains("hidden@"), "{text}");

    // Without -i a single dot is the end; without -t the header says nothing.
    let json =
        faxpost_with(&daemon, &["--json", "sendmail", "c@example.test"], MESSAGE).await.exits(0).json();
    let delivered = wait_for(&daemon, json["id"].as_str().unwrap(), "MESSAGE_STATE_DELIVERED", 1).await;
    assert_eq!(delivered["messageId"], json["messageId"]);
    let received = server.wait_for(2).await.remove(1);
    assert_eq!(received.to, ["c@example.test"]);
    assert!(String::from_utf8(received.content).unwrap().ends_with("\r\nTwo pages.\r\n"));
    faxpost_with(&daemon, &["sendmail", "-v", "-i", "d@example.test"], "\nx\n")
        .await
        .exits(0)
        .says("Accepted: ");
}

#[tokio::test]
async fn f4_a_program_called_sendmail_or_mailq_is_one() {
    let daemon = TestDaemon::start().await;
    called(&daemon, "sendmail", &["-oi", "-FFax", "a@example.test"], "Subject: by name\n\nx\n")
        .await
        .exits(0);
    let list = faxpost(&daemon, &["--json", "outbox", "list"]).await.exits(0).json();
    assert_eq!(list["messages"][0]["subject"], "by name");
    let id = list["messages"][0]["id"].as_str().unwrap().to_owned();
    wait_for(&daemon, &id, "MESSAGE_STATE_DELIVERED", 1).await;
    called(&daemon, "mailq", &[], "").await.exits(0).complains("Nothing found.");
    called(&daemon, "sendmail", &["-bp"], "").await.exits(0).complains("Nothing found.");
    let at = [
        "account",
        "set",
        "method=secure-smtp-client",
        "server=127.0.0.1",
        "port=1",
        "sender-email=fax@example.test",
    ];
    faxpost(&daemon, &at).await.exits(0);
    called(&daemon, "SendMail", &["waits@example.test"], "\nx\n").await.exits(0);
    called(&daemon, "mailq", &[], "").await.exits(0).says("waits@example.test");
    called(&daemon, "mailq", &["--json"], "").await.exits(0).says("MESSAGE_STATE_");
    // There is no queue to run by hand, and no table of aliases to build.
    for harmless in ["-q", "-q15m", "-bi", "-I"] {
        called(&daemon, "sendmail", &[harmless], "").await.exits(0);
    }
}

#[tokio::test]
async fn f4_sendmail_ends_as_its_callers_know_it() {
    let mut daemon = TestDaemon::builder().settings("[limits]\nmax-message-bytes = 100000\n").start().await;
    for (arguments, input, code, said) in [
        (&["-bs"][..], "", 64, "-bs is not what"),
        (&["-f"], "", 64, "-f"),
        (&["-Z", "a@example.test"], "\nx\n", 64, "-Z"),
        (&[], "\nx\n", 65, "at least one recipient"),
        (&["-t"], "Subject: x\n\nx\n", 65, "at least one recipient"),
        (&["nobody"], "\nx\n", 65, "[sendmail.aliases]"),
        (&["a@"], "\nx\n", 65, "no valid domain"),
        (&["--account", "missing", "a@example.test"], "\nx\n", 78, "missing"),
        (&["-R", "half", "a@example.test"], "\nx\n", 64, "-R"),
    ] {
        let run = faxpost_with(&daemon, &[&["sendmail"], arguments].concat(), input).await;
        assert!(run.code == code && run.err.contains(said) && run.out.is_empty(), "{arguments:?}: {run:#?}");
    }
    let large = format!("\n{}\n", "x".repeat(200_000));
    faxpost_with(&daemon, &["sendmail", "a@example.test"], &large).await.exits(65).complains("100000");
    faxpost(&daemon, &["policy", "set", "Mail/SendRawMail", "administrator=deny"]).await.exits(0);
    faxpost_with(&daemon, &["sendmail", "a@example.test"], "\nx\n").await.exits(77);
    faxpost(&daemon, &["outbox", "list"]).await.exits(0).complains("Nothing found.");
    // Whoever calls sendmail tries again after 75, and gives up after anything else.
    daemon.kill();
    let stopped = faxpost_with(&daemon, &["sendmail", "a@example.test"], "\nx\n").await.exits(75);
    stopped.complains("is not running").complains("not accepted, and nothing of it is kept");
    let russian =
        faxpost_with(&daemon, &["--lang", "ru", "sendmail", "a@example.test"], "\nx\n").await.exits(75);
    russian.complains("Письмо не принято");
}

#[tokio::test]
async fn f4_what_is_piped_in_is_streamed() {
    let server = SmtpServer::builder().start().await;
    let daemon = TestDaemon::start().await;
    send_by(&daemon, &server).await;
    let line = "A line of a long report, of which there are many.\n";
    let message = format!("Subject: long\n\n{}", line.repeat(100_000));
    faxpost_with(&daemon, &["sendmail", "-i", "a@example.test"], &message).await.exits(0);
    let received = server.wait_for(1).await.remove(0);
    let text = String::from_utf8(received.content).unwrap();
    assert_eq!(text.matches("A line of a long report, of which there are many.\r\n").count(), 100_000);
}

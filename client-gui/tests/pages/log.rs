//! The log page.

use faxpost_gui_ui::{LogView, PageName};
use faxpost_proto::v1::{self, Method};
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::smtp::SmtpServer;
use slint::{ComponentHandle as _, Model as _};
use tokio::runtime::Runtime;

use crate::kit::{Gui, daemon, runtime};

/// Mail goes into a folder: it is delivered at once.
async fn pickup(daemon: &TestDaemon) {
    let account = v1::Account {
        id: "default".into(),
        sender_email: "fax@example.test".into(),
        method: Method::Pickup.into(),
        ..v1::Account::default()
    };
    daemon.set(account, &["sender_email", "method"]).await.unwrap();
}

async fn send(daemon: &TestDaemon, to: &str, subject: &str) {
    let mail = v1::SendMailRequest {
        to: vec![to.to_owned()],
        subject: subject.to_owned(),
        text: "See the attachment.".to_owned(),
        ..v1::SendMailRequest::default()
    };
    daemon.mail().await.send_mail(mail).await.unwrap();
}

/// A daemon that has sent these subjects, each to somebody else.
fn sent(runtime: &Runtime, subjects: &[&str]) -> TestDaemon {
    let daemon = daemon(runtime);
    runtime.block_on(async {
        pickup(&daemon).await;
        for (number, subject) in subjects.iter().enumerate() {
            send(&daemon, &format!("person{number}@example.test"), subject).await;
        }
    });
    daemon
}

#[test]
fn e3_the_log_is_listed_followed_and_filtered() {
    let runtime = runtime();
    let daemon = sent(&runtime, &["First fax", "Second fax"]);
    let gui = Gui::at(&daemon, PageName::Log);
    gui.until("both", |gui| gui.says("First fax") && gui.says("Second fax"));
    runtime.block_on(send(&daemon, "somebody@example.test", "Third fax"));
    gui.until("the new one by itself", |gui| gui.says("Third fax"));

    gui.set("Recipient's address", "PERSON1");
    gui.until("what is looked for", |gui| !gui.says("First fax") && gui.says("Second fax"));
    gui.set("Kind", "test");
    gui.until("nothing", |gui| gui.has("Nothing is like that."));
    gui.press("Show all");
    gui.until("all", |gui| gui.says("First fax") && gui.says("Third fax"));
    gui.set("Time", "From … to …");
    gui.set("From", "yesterday");
    gui.until("what is wrong", |gui| gui.says("“yesterday” is no day"));
}

#[test]
fn e3_an_empty_log_says_so() {
    let runtime = runtime();
    let daemon = daemon(&runtime);
    let gui = Gui::at(&daemon, PageName::Log);
    gui.until("the sentence", |gui| gui.has("Nothing was sent yet."));
}

#[test]
fn e2_an_attempt_is_told_with_its_dialogue() {
    let runtime = runtime();
    let daemon = daemon(&runtime);
    let server = runtime.block_on(async {
        let server = SmtpServer::builder().start().await;
        let account = v1::Account {
            id: "default".into(),
            sender_email: "fax@example.test".into(),
            method: Method::SecureSmtpClient.into(),
            server: "localhost".into(),
            port: server.port().into(),
            security: v1::Security::None.into(),
            ..v1::Account::default()
        };
        daemon.set(account, &["sender_email", "method", "server", "port", "security"]).await.unwrap();
        send(&daemon, "anna@example.test", "With a dialogue").await;
        server
    });
    runtime.block_on(server.wait_for(1));
    let gui = Gui::at(&daemon, PageName::Log);
    gui.until("the attempt", |gui| gui.says("attempt, anna@example.test"));
    gui.choose("attempt, anna@example.test");
    gui.until("all about the message", |gui| gui.has("All about this message"));
    assert!(gui.says("localhost:"), "{}", gui.all());
    assert!(!gui.has("SMTP dialogue"), "it is read on demand");
    gui.press("Show the SMTP dialogue");
    gui.until("the dialogue", |gui| gui.has("SMTP dialogue"));
    assert!(gui.says("C: EHLO") || gui.says("C EHLO"), "{}", gui.all());
    assert!(gui.has("Copy: SMTP dialogue"));
    gui.press("Close the details");
    assert!(!gui.has("SMTP dialogue"));
}

#[test]
fn e3_the_log_is_exported_as_json_lines_and_overwrites_nothing() {
    let runtime = runtime();
    let daemon = sent(&runtime, &["First fax", "Second fax"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log.jsonl");
    let gui = Gui::at(&daemon, PageName::Log);
    gui.until("both", |gui| gui.says("First fax") && gui.says("Second fax"));
    gui.press("Export…");
    gui.set("File", file.to_str().unwrap());
    gui.press("Export");
    gui.until("written", |gui| gui.says("entries were written to"));
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert!(lines.len() >= 2 && lines.iter().all(|line| line.starts_with("{\"id\":\"")), "{text}");
    assert!(lines[0].contains("First fax"), "oldest first: {text}");

    gui.press("Export…");
    gui.set("File", file.to_str().unwrap());
    gui.press("Export");
    gui.until("refused", |gui| gui.says("nothing is overwritten"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn g2_a_long_log_is_read_as_it_is_scrolled() {
    let runtime = runtime();
    let daemon = daemon(&runtime);
    runtime.block_on(async {
        pickup(&daemon).await;
        for number in 0..130 {
            send(&daemon, "anna@example.test", &format!("Fax {number}")).await;
        }
    });
    let gui = Gui::at(&daemon, PageName::Log);
    let lines = gui.window().global::<LogView>().get_lines();
    // A page, and the line that stands for more.
    gui.until("the first page", |_| lines.row_count() == 101);
    lines.row_data(100).unwrap();
    gui.until("the second page", |_| lines.row_count() == 201);
    assert!(lines.row_data(150).unwrap().spoken.contains("anna@example.test"));
}

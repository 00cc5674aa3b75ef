//! The outbox page.

use faxpost_gui_ui::PageName;
use faxpost_proto::v1::{self, Method, Security};
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::smtp::{At, Fault, SmtpServer};

use crate::kit::{Gui, daemon, runtime};

/// A server that takes nothing for now, and a message that waits for it.
async fn waiting(daemon: &TestDaemon) -> SmtpServer {
    let fault = Fault::answer(451, "4.3.2 back in a minute");
    let server = SmtpServer::builder().fault(At::Rcpt, fault).start().await;
    let account = v1::Account {
        id: "default".into(),
        sender_email: "fax@example.test".into(),
        method: Method::SecureSmtpClient.into(),
        server: "localhost".into(),
        port: server.port().into(),
        security: Security::None.into(),
        ..v1::Account::default()
    };
    daemon.set(account, &["sender_email", "method", "server", "port", "security"]).await.unwrap();
    let mail = v1::SendMailRequest {
        to: vec!["anna@example.test".to_owned()],
        subject: "A fax that waits".to_owned(),
        text: "x".to_owned(),
        ..v1::SendMailRequest::default()
    };
    daemon.mail().await.send_mail(mail).await.unwrap();
    server
}

#[test]
fn f3_a_message_that_waits_says_why_and_is_held_released_and_cancelled() {
    let runtime = runtime();
    let daemon = daemon(&runtime);
    let _server = runtime.block_on(waiting(&daemon));
    let gui = Gui::at(&daemon, PageName::Outbox);
    gui.until("the message", |gui| gui.says("A fax that waits"));
    gui.choose("A fax that waits");
    gui.until("the server's words", |gui| gui.says("4.3.2 back in a minute"));
    gui.until("when it is tried next", |gui| gui.has("Next attempt"));
    assert!(!gui.is_enabled("Release"));
    assert_eq!(gui.description("Release"), "The message is not held.");

    gui.press("Hold");
    gui.until("held", |gui| gui.has("It is held, and not tried until it is released."));
    gui.until("its buttons", |gui| gui.is_enabled("Release"));
    assert_eq!(gui.description("Retry"), "The message is held: release it.");
    gui.press("Release");
    gui.until("released", |gui| gui.has("It is released, and tried at once."));
    gui.until("its buttons", |gui| gui.is_enabled("Retry"));

    gui.press("Cancel…");
    assert!(gui.says("anna@example.test. That cannot be undone."), "{}", gui.all());
    gui.press("Leave it");
    assert!(!gui.has("Cancel this message?"));
    gui.press("Cancel…");
    gui.press("Cancel the message");
    gui.until("cancelled", |gui| gui.has("It is cancelled."));
    gui.until("its buttons", |gui| !gui.is_enabled("Cancel…"));
    assert_eq!(gui.description("Retry"), "The message is finished; nothing more can be done with it.");

    gui.press("Show in the log");
    gui.until("its entries only", |gui| gui.says(" is shown.") && gui.says("cancelled"));
}

#[test]
fn f3_what_happens_elsewhere_is_shown_by_itself() {
    let runtime = runtime();
    let daemon = daemon(&runtime);
    let gui = Gui::at(&daemon, PageName::Outbox);
    gui.until("nothing", |gui| gui.has("The outbox is empty."));
    let _server = runtime.block_on(waiting(&daemon));
    gui.until("the message", |gui| gui.says("A fax that waits"));
    gui.set("State", "held");
    gui.until("none is held", |gui| gui.has("No message is like that."));
}

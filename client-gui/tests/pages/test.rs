//! The test page.

use faxpost_gui_ui::PageName;
use faxpost_proto::advice::Language;
use faxpost_proto::v1::{self, Method, Security};
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::smtp::{At, Authority, Fault, SmtpServer};

use crate::kit::{Gui, daemon, runtime};

fn account(server: &SmtpServer, security: Security) -> v1::Account {
    v1::Account {
        id: "default".into(),
        sender_email: "fax@example.org".into(),
        method: Method::SecureSmtpClient.into(),
        server: "localhost".into(),
        port: server.port().into(),
        security: security.into(),
        ..v1::Account::default()
    }
}

async fn set(daemon: &TestDaemon, account: v1::Account) {
    daemon.set(account, &["sender_email", "method", "server", "port", "security"]).await.unwrap();
}

#[test]
fn d1_the_steps_are_shown_and_the_message_arrives() {
    let runtime = runtime();
    let daemon = daemon(&runtime);
    let server = runtime.block_on(async {
        let server = SmtpServer::builder().start().await;
        set(&daemon, account(&server, Security::None)).await;
        server
    });
    let gui = Gui::at(&daemon, PageName::Test);
    gui.set("Test message to", "me@example.org");
    gui.press("Start the test");
    gui.until("passed", |gui| gui.has("The test passed."));
    assert!(gui.description("Message").contains("passed"));
    assert!(gui.description("TLS").contains("not needed"));
    assert_eq!(runtime.block_on(server.wait_for(1)).len(), 1);
}

/// The account's server, which refuses every recipient.
async fn knows_nobody(daemon: &TestDaemon) -> SmtpServer {
    let fault = Fault::answer(550, "5.1.1 nobody of that name");
    let server = SmtpServer::builder().fault(At::Rcpt, fault).start().await;
    set(daemon, account(&server, Security::None)).await;
    server
}

#[test]
fn d2_a_failed_step_has_the_servers_words_and_advice() {
    let runtime = runtime();
    let daemon = daemon(&runtime);
    let _server = runtime.block_on(knows_nobody(&daemon));
    let gui = Gui::at(&daemon, PageName::Test);
    gui.press("Start the test");
    gui.until("refused", |gui| gui.description("Recipient").contains("failed"));
    assert!(gui.description("Recipient").contains("5.1.1 nobody of that name"));
    assert!(gui.description("Message").contains("not tried"));
}

#[test]
fn a4_an_untrusted_certificate_can_be_trusted_from_the_failure() {
    let runtime = runtime();
    let daemon = daemon(&runtime);
    let _server = runtime.block_on(async {
        let server = SmtpServer::builder().starttls(Authority::self_signed()).start().await;
        set(&daemon, account(&server, Security::Starttls)).await;
        server
    });
    let gui = Gui::at(&daemon, PageName::Test);
    gui.press("Start the test");
    gui.until("the offer", |gui| gui.has("Trust this certificate…"));
    gui.press("Trust this certificate…");
    gui.press("Trust the key");
    // Unsaved yet, and tried so.
    gui.press("Start the test");
    gui.until("passed", |gui| gui.has("The test passed."));
    gui.press("Apply");
    gui.until("saved", |gui| gui.has("Saved."));
}

#[test]
fn d1_a_test_can_be_cancelled() {
    let runtime = runtime();
    let daemon = daemon(&runtime);
    let _server = runtime.block_on(async {
        let server = SmtpServer::builder().fault(At::Ehlo, Fault::Stall).start().await;
        set(&daemon, account(&server, Security::None)).await;
        server
    });
    let gui = Gui::at(&daemon, PageName::Test);
    gui.press("Start the test");
    gui.until("it hangs", |gui| gui.description("EHLO").contains("under way"));
    gui.press("Cancel");
    gui.until("stopped", |gui| gui.has("The test was stopped."));
    assert!(gui.is_enabled("Start the test"));
}

#[test]
fn g2_a_tests_steps_are_russian_in_russian() {
    let runtime = runtime();
    let daemon = daemon(&runtime);
    let _server = runtime.block_on(knows_nobody(&daemon));
    let gui = Gui::at(&daemon, PageName::Test);
    gui.app.choose_language(Language::Ru);
    gui.press("Начать тест");
    gui.until("refused", |gui| gui.description("Получатель").contains("не удался"));
    let said = gui.description("Получатель");
    assert!(said.contains("сервер отверг <fax@example.org>: 550 5.1.1 nobody of that name"), "{said}");
    assert!(
        gui.description("Соединение").contains("соединение с 127.0.0.1:"),
        "{}",
        gui.description("Соединение")
    );
}

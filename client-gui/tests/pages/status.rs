//! The status page, and what is told about the program.

use faxpost_gui_ui::{App, PageName};
use faxpost_proto::v1::{self, Method, Security};
use slint::ComponentHandle as _;

use crate::kit::{Gui, daemon, runtime};

#[test]
fn g2_the_status_tells_who_one_is_and_what_one_may() {
    let runtime = runtime();
    let daemon = daemon(&runtime);
    let gui = Gui::at(&daemon, PageName::Status);
    gui.until("no alarms", |gui| gui.says("All is well."));
    assert_eq!(gui.value("Version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(gui.value("Role"), "administrator");
    assert_eq!(gui.value("Store"), "SQLite in the state folder");
    assert!(gui.has("You may") && gui.says("decide about requests"));
    assert!(!gui.has("You may not"), "{}", gui.all());
    assert_eq!(gui.value("Waiting"), "0");
    gui.press("Open the outbox");
    assert_eq!(gui.window().global::<App>().get_page(), PageName::Outbox);
}

#[test]
fn g2_an_alarm_stands_first_and_leads_to_its_repair() {
    let runtime = runtime();
    let daemon = daemon(&runtime);
    runtime.block_on(async {
        let account = v1::Account {
            id: "default".into(),
            sender_email: "fax@example.test".into(),
            method: Method::SecureSmtpClient.into(),
            server: "localhost".into(),
            port: 25,
            security: Security::None.into(),
            authentication: true,
            plaintext_auth: true,
            login: "fax".into(),
            password: "correct horse".into(),
            ..v1::Account::default()
        };
        let fields = [
            "sender_email",
            "method",
            "server",
            "port",
            "security",
            "authentication",
            "plaintext_auth",
            "login",
            "password",
        ];
        daemon.set(account, &fields).await.unwrap();
    });
    let gui = Gui::at(&daemon, PageName::Status);
    gui.until("the alarm", |gui| gui.says("the password crosses the network without TLS"));
    gui.press("Account…");
    assert_eq!(gui.window().global::<App>().get_page(), PageName::Account);
}

#[test]
fn g2_the_program_says_what_it_is_made_with() {
    let runtime = runtime();
    let daemon = daemon(&runtime);
    let gui = Gui::at(&daemon, PageName::Status);
    gui.press("About Faxpost");
    gui.until("the badge", |gui| gui.has("Made with Slint"));
    assert!(gui.says("Royalty-free"), "{}", gui.all());
    gui.press("Close");
    assert!(!gui.has("Made with Slint"));
}

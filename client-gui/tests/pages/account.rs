//! The account page.

use faxpost_gui_ui::PageName;
use faxpost_proto::advice::Language;
use faxpost_proto::v1::{self, Method, Security};

use crate::kit::{Gui, daemon, runtime};

fn saved(runtime: &tokio::runtime::Runtime, daemon: &faxpost_tests::daemon::TestDaemon) -> v1::Account {
    runtime.block_on(async {
        let request = v1::GetAccountRequest { id: "default".into() };
        daemon.accounts().await.get_account(request).await.unwrap().into_inner().account.unwrap()
    })
}

#[test]
fn g2_what_is_typed_is_marked_and_saved_by_apply() {
    let runtime = runtime();
    let daemon = daemon(&runtime);
    let gui = Gui::at(&daemon, PageName::Account);
    assert!(!gui.is_enabled("Apply"));
    gui.press("SecureSmtpClient");
    gui.set("Sender's e-mail", "fax@example.org");
    gui.set("SMTP server", "smtp.example.org");
    gui.press("Explicit TLS (STARTTLS)");
    gui.set("Port", "2525");
    assert!(gui.description("SMTP server").contains("Not saved yet"));
    gui.press("Apply");
    gui.until("saved", |gui| gui.has("Saved."));
    assert!(!gui.is_enabled("Apply"));
    let account = saved(&runtime, &daemon);
    assert_eq!(account.method(), Method::SecureSmtpClient);
    assert_eq!(account.security(), Security::Starttls);
    assert_eq!((account.server.as_str(), account.port), ("smtp.example.org", 2525));
    assert_eq!(account.sender_email, "fax@example.org");
}

#[test]
fn g2_ctrl_s_saves_and_revert_gives_back_what_was() {
    let runtime = runtime();
    let daemon = daemon(&runtime);
    let gui = Gui::at(&daemon, PageName::Account);
    gui.set("Sender's name", "Mine");
    gui.press("Revert");
    assert_eq!(gui.value("Sender's name"), "Faxpost");
    gui.set("Sender's name", "Fax room");
    gui.ctrl("s");
    gui.until("saved", |gui| gui.has("Saved."));
    assert_eq!(saved(&runtime, &daemon).sender_name.as_deref(), Some("Fax room"));
}

#[test]
fn g2_an_error_stands_at_its_field() {
    let runtime = runtime();
    let daemon = daemon(&runtime);
    let gui = Gui::at(&daemon, PageName::Account);
    gui.set("Sender's e-mail", "no address");
    gui.press("Apply");
    gui.until("refused", |gui| gui.has("One field is wrong."));
    assert!(!gui.description("Sender's e-mail").is_empty());
    assert!(gui.is_enabled("Apply"), "what was typed is still there");
}

#[test]
fn a7_what_the_method_cannot_do_is_disabled_with_its_reason() {
    let runtime = runtime();
    let daemon = daemon(&runtime);
    let gui = Gui::at(&daemon, PageName::Account);
    gui.until("the matrix", |gui| !gui.is_enabled("SMTP server"));
    assert!(gui.description("SMTP server").contains("The pickup folder does not need this."));
    if cfg!(unix) {
        assert!(!gui.is_enabled("CDO.Message"));
        assert!(gui.description("CDO.Message").contains("Not available here"));
    }
    gui.press("SecureSmtpClient");
    assert!(gui.is_enabled("SMTP server"));
    assert!(!gui.is_enabled("Login"));
    gui.press("The server requires a sign-in");
    assert!(gui.is_enabled("Login"));
}

#[test]
fn a12_another_editors_change_is_merged_live_and_a_conflict_is_asked_about() {
    let runtime = runtime();
    let daemon = daemon(&runtime);
    let gui = Gui::at(&daemon, PageName::Account);
    gui.set("Sender's name", "Mine");
    let theirs =
        v1::Account { id: "default".into(), reply_to: "desk@example.org".into(), ..v1::Account::default() };
    runtime.block_on(daemon.set(theirs, &["reply_to"])).unwrap();
    gui.until("the other's change", |gui| gui.says("changed meanwhile: Replies to"));
    assert_eq!(gui.value("Sender's name"), "Mine");

    let theirs =
        v1::Account { id: "default".into(), sender_name: Some("Theirs".into()), ..v1::Account::default() };
    runtime.block_on(daemon.set(theirs, &["sender_name"])).unwrap();
    gui.until("the question", |gui| gui.has("Take theirs"));
    assert_eq!(gui.value("Sender's name"), "Mine");
    gui.press("Take theirs");
    assert_eq!(gui.value("Sender's name"), "Theirs");
    assert!(!gui.is_enabled("Apply"));
}

#[test]
fn a11_a_preset_fills_in_and_saves_nothing() {
    let runtime = runtime();
    let daemon = daemon(&runtime);
    let gui = Gui::at(&daemon, PageName::Account);
    gui.set("Sender's e-mail", "someone@gmail.com");
    gui.until("the proposal", |gui| gui.has("Fill in"));
    gui.press("Fill in");
    assert_eq!(gui.value("SMTP server"), "smtp.gmail.com");
    assert!(gui.is_enabled("Apply"));
    assert_eq!(saved(&runtime, &daemon).server, "");
}

#[test]
fn g2_the_language_is_switched_at_once() {
    let runtime = runtime();
    let daemon = daemon(&runtime);
    let gui = Gui::at(&daemon, PageName::Account);
    gui.set("Sender's name", "Mine");
    gui.app.choose_language(Language::Ru);
    assert_eq!(gui.value("Имя отправителя"), "Mine");
    assert!(gui.has("Применить") && !gui.has("Apply"));
    assert!(gui.description("Имя отправителя").contains("Ещё не сохранено"));
    gui.app.choose_language(Language::En);
    assert!(gui.has("Apply"));
}

#[test]
fn g2_an_error_that_is_shown_follows_the_language() {
    let runtime = runtime();
    let daemon = daemon(&runtime);
    let gui = Gui::at(&daemon, PageName::Account);
    gui.set("Sender's e-mail", "no address");
    gui.press("Apply");
    gui.until("refused", |gui| gui.has("One field is wrong."));
    assert!(gui.description("Sender's e-mail").contains("is not an e-mail address: it has no @"));
    gui.app.choose_language(Language::Ru);
    assert!(gui.has("Одно поле неверно.") && !gui.has("One field is wrong."), "{}", gui.all());
    let at_field = gui.description("E-mail отправителя");
    assert!(at_field.contains("это не адрес электронной почты: в нём нет @"), "{at_field}");
    gui.app.choose_language(Language::En);
    assert!(gui.has("One field is wrong.") && !gui.has("Одно поле неверно."), "{}", gui.all());
    assert!(gui.description("Sender's e-mail").contains("it has no @"));
}

#[test]
fn g2_assistive_programs_choose_in_lists() {
    let runtime = runtime();
    let daemon = daemon(&runtime);
    let gui = Gui::at(&daemon, PageName::Account);
    gui.until("the providers", |gui| gui.has("Provider"));
    gui.press("SecureSmtpClient");
    gui.press("The server requires a sign-in");
    gui.press("More settings");
    gui.set("Sign-in mechanism", "CRAM-MD5");
    assert_eq!(gui.value("Sign-in mechanism"), "CRAM-MD5");
    assert!(gui.description("Sign-in mechanism").contains("Not saved yet"));
    // What is not in the list changes nothing.
    gui.set("Sign-in mechanism", "GUESSING");
    assert_eq!(gui.value("Sign-in mechanism"), "CRAM-MD5");
    gui.set("Sender's e-mail", "fax@example.org");
    gui.set("SMTP server", "smtp.example.org");
    gui.press("Explicit TLS (STARTTLS)");
    gui.press("Apply");
    gui.until("saved", |gui| gui.has("Saved."));
    assert_eq!(saved(&runtime, &daemon).mechanism, "CRAM-MD5");
    gui.set("Language", "Русский");
    assert!(gui.has("Применить"));
}

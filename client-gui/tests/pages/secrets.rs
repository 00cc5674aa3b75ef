//! Secrets are not shown, and not kept.

use faxpost_gui_ui::PageName;

use crate::kit::{Gui, daemon, runtime};

#[test]
fn h3_a_password_is_typed_once_and_is_gone_after_the_call() {
    const SECRET: &str = "correct-horse-battery-42";
    let runtime = runtime();
    let daemon = daemon(&runtime);
    let gui = Gui::at(&daemon, PageName::Account);
    gui.press("SecureSmtpClient");
    gui.set("Sender's e-mail", "fax@example.org");
    gui.set("SMTP server", "smtp.example.org");
    gui.press("Explicit TLS (STARTTLS)");
    gui.press("The server requires a sign-in");
    gui.press("Password: Set…");
    gui.set("Password", SECRET);
    gui.press("Apply");
    gui.until("saved", |gui| gui.has("Saved."));
    gui.until("stored", |gui| gui.has("Password: Change…"));
    assert!(!gui.all().contains(SECRET));
    // Nor does the page bring it back when it is typed anew.
    gui.press("Password: Change…");
    assert_eq!(gui.value("Password"), "");
}

//! What was typed as a password is nowhere in the program's memory when the call is over.

use faxpost_gui_ui::PageName;
use faxpost_tests::memory::Masked;
use zeroize::Zeroizing;

use crate::kit::{Gui, daemon, runtime};

#[test]
fn h3_nothing_of_a_password_stays_in_memory_after_the_call() {
    let secret = Masked::reversed(b"correct-horse-battery-staple-4711");
    let runtime = runtime();
    let daemon = daemon(&runtime);
    let gui = Gui::at(&daemon, PageName::Account);
    gui.press("SecureSmtpClient");
    gui.set("Sender's e-mail", "fax@example.org");
    gui.set("SMTP server", "smtp.example.org");
    gui.press("Explicit TLS (STARTTLS)");
    gui.press("The server requires a sign-in");
    gui.press("Password: Set…");
    gui.set("Password", &Zeroizing::new(secret.bytes().map(char::from).collect::<String>()));
    assert!(secret.found_in("self") > 0, "it can be found while it is there");
    gui.press("Apply");
    gui.until("saved", |gui| gui.has("Saved.") && gui.has("Password: Change…"));
    // The connection of the call ends a moment later.
    let mut left = secret.found_in("self");
    for _ in 0..100 {
        if left == 0 {
            break;
        }
        gui.pass(std::time::Duration::from_millis(50));
        left = secret.found_in("self");
    }
    assert_eq!(left, 0, "copies of the password in memory");
}

//! No daemon, a daemon that comes and goes.

use faxpost_gui_ui::PageName;

use crate::kit::{Gui, daemon, runtime};

#[test]
fn g2_without_a_daemon_a_calm_page_says_what_to_do() {
    let nowhere = if cfg!(windows) { r"\\.\pipe\faxpost-nobody" } else { "/tmp/faxpost-nobody/here.sock" };
    let gui = Gui::open(nowhere);
    gui.until("the calm page", |gui| gui.has("The Faxpost service is not running"));
    assert!(gui.says("Start the service"));
    assert!(!gui.has("Sender's e-mail"));
}

#[test]
fn g2_it_reconnects_by_itself_and_what_was_typed_is_still_there() {
    let runtime = runtime();
    let mut daemon = daemon(&runtime);
    let gui = Gui::at(&daemon, PageName::Account);
    gui.set("Sender's name", "Typed before");
    daemon.kill();
    gui.until("the restart is seen", |gui| gui.has("The Faxpost service is restarting"));
    runtime.block_on(daemon.start_again());
    gui.until("the page again", |gui| gui.has("Sender's name"));
    assert_eq!(gui.value("Sender's name"), "Typed before");
    gui.press("Apply");
    gui.until("saved", |gui| gui.has("Saved."));
}

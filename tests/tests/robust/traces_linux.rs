//! What is left on the disk beside the state folder: nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use faxpost_tests::daemon::TestDaemon;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::kit::{mail, send_to};

/// The files that the process has open outside its own folder.
fn elsewhere(daemon: &TestDaemon) -> BTreeSet<PathBuf> {
    let own = daemon.state_dir().parent().unwrap().to_owned();
    std::fs::read_dir(format!("/proc/{}/fd", daemon.id()))
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter(|path| path.is_absolute() && !path.starts_with(&own) && path != Path::new("/dev/null"))
        // It is held open, to be started.
        .filter(|path| !path.ends_with("faxpost-mailer"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn f2_no_page_with_mail_is_written_outside_the_state_folder() {
    let daemon = TestDaemon::start().await;
    // Nobody listens there: mail is accepted, tried, and stays.
    send_to(&daemon, 1).await;
    let mut callers = JoinSet::new();
    for caller in 0..16 {
        let mut client = daemon.mail().await;
        callers.spawn(async move {
            for n in 0..20 {
                let mut mail = mail(&format!("{caller}-{n}"), false);
                mail.text = "A line of a body that needs more than one page.\r\n".repeat(400);
                client.send_mail(mail).await.unwrap();
            }
        });
    }
    let mut seen = elsewhere(&daemon);
    while !callers.is_empty() {
        if let Ok(Some(ended)) = timeout(Duration::from_millis(2), callers.join_next()).await {
            ended.unwrap();
        }
        seen.extend(elsewhere(&daemon));
    }
    assert!(seen.is_empty(), "{seen:?}");
}

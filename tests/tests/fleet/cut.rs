//! A daemon that is cut off from the database, while everything else reaches it: the way between them is a relay that stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use faxpost_proto::v1;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::kit::{Database, LONGEST, delivered, eventually, joined, mail, says, send, tomorrow};

/// Passes bytes on, as long as it is open; cut, it passes nothing, and nobody is told.
struct Relay {
    folder: tempfile::TempDir,
    is_cut: Arc<AtomicBool>,
}

impl Relay {
    /// A relay to the socket in a folder.
    fn to(socket: std::path::PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = tokio::net::UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let is_cut = Arc::new(AtomicBool::new(false));
        let cut = is_cut.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let (far, cut) = (UnixStream::connect(&socket).await.unwrap(), cut.clone());
                let (near, far) = (near.into_split(), far.into_split());
                tokio::spawn(pass(near.0, far.1, cut.clone()));
                tokio::spawn(pass(far.0, near.1, cut));
            }
        });
        Self { folder, is_cut }
    }
}

async fn pass(
    mut from: tokio::net::unix::OwnedReadHalf,
    mut to: tokio::net::unix::OwnedWriteHalf,
    cut: Arc<AtomicBool>,
) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        while cut.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn j2_a_daemon_that_is_cut_off_loses_its_mail_to_another_and_ends_when_it_hears_of_it() {
    let database = Database::new("cut").await;
    let first = database.daemon().start().await;
    let relay = Relay::to(database.socket().await);
    let away = format!("postgres://fax@localhost/cut?host={}", relay.folder.path().display());
    let mut second = joined(&away, &first).await;
    second.start_again().await;
    let request = v1::SendMailRequest { send_time: tomorrow(), ..mail("of the second", "") };
    let id = second.mail().await.send_mail(request).await.unwrap().into_inner().id;

    relay.is_cut.store(true, Ordering::SeqCst);
    send(&first, "meanwhile").await;
    let alone = async || database.sql("SELECT count(*) FROM faxpost.node").await == "1";
    eventually("the first takes over", alone).await;
    first.mail().await.retry_message(v1::RetryMessageRequest { id }).await.unwrap();
    eventually("and delivers it", async || delivered(&first) == ["meanwhile", "of the second"]).await;
    let refused = tokio::time::timeout(LONGEST, async {
        second.mail().await.send_mail(mail("not accepted", "")).await
    });
    refused.await.expect("an answer, though the database gives none").unwrap_err();

    relay.is_cut.store(false, Ordering::SeqCst);
    says(&second, "another daemon has taken over the mail of this one").await;
    assert!(!second.ended().await.success(), "so that the service manager starts it anew");
    second.start_again().await;
    send(&second, "again").await;
    eventually("it works again", async || delivered(&second) == ["again"]).await;
    assert_eq!(delivered(&first), ["meanwhile", "of the second"], "nothing twice");
}

//! A commit whose answer is lost: the caller is told that nobody knows, and finds out with the same request id.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use faxpost_tests::postgres::Postgres;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tonic::Code;

use crate::kit::{delivered, eventually, mail, on, reason};

/// What the lost commit is known by.
const MARK: &[u8] = b"the answer to this is lost";

#[tokio::test(flavor = "multi_thread")]
async fn f2_a_commit_without_an_answer_is_told_as_such_and_found_by_its_request_id() {
    let mut server = Postgres::start(&[]);
    let port = server.listen(None);
    server.create("mail");
    let armed = Arc::new(AtomicBool::new(true));
    let between = between(port, armed.clone()).await;
    let url = format!("postgres://fax@127.0.0.1:{between}/mail?sslmode=disable");
    let daemon = on(&url).start().await;
    let mut client = daemon.mail().await;
    let subject = std::str::from_utf8(MARK).unwrap();

    let refused = client.send_mail(mail(subject, "one")).await.unwrap_err();
    assert_eq!((refused.code(), &*reason(&refused)), (Code::Unavailable, "STORE_UNKNOWN"), "{refused:?}");
    assert!(!armed.load(Ordering::SeqCst), "it was this commit");
    // It was made. The daemon finds that out by itself, and delivers it though nobody asks again.
    eventually("it is delivered", async || delivered(&daemon) == [subject]).await;
    let again = client.send_mail(mail(subject, "one")).await.unwrap().into_inner();
    assert!(again.duplicate, "{again:?}");
    let other = client.send_mail(mail("another", "one")).await.unwrap_err();
    assert_eq!(reason(&other), "REQUEST_ID_REUSED");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(delivered(&daemon), [subject], "once");
}

/// A way to the server that hands everything on, but for the answer to what has the mark: then it is cut.
async fn between(server: u16, armed: Arc<AtomicBool>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let armed = armed.clone();
            tokio::spawn(async move {
                let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                let (mut from_client, mut to_client) = client.into_split();
                let (mut from_server, mut to_server) = server.into_split();
                let lost = Arc::new(AtomicBool::new(false));
                let is_lost = lost.clone();
                let back = tokio::spawn(async move {
                    let mut bytes = vec![0; 64 * 1024];
                    while let Ok(count @ 1..) = from_server.read(&mut bytes).await {
                        if is_lost.load(Ordering::SeqCst) {
                            // The server has answered: it is committed.
                            return;
                        }
                        if to_client.write_all(&bytes[..count]).await.is_err() {
                            return;
                        }
                    }
                });
                let mut bytes = vec![0; 64 * 1024];
                while let Ok(count @ 1..) = from_client.read(&mut bytes).await {
                    let sent = &bytes[..count];
                    // Of the statement's values, and not of its preparation: those have the text.
                    if sent.windows(MARK.len()).any(|part| part == MARK)
                        && armed.swap(false, Ordering::SeqCst)
                    {
                        lost.store(true, Ordering::SeqCst);
                    }
                    if to_server.write_all(sent).await.is_err() {
                        break;
                    }
                    if lost.load(Ordering::SeqCst) {
                        break;
                    }
                }
                let _ = back.await;
            });
        }
    });
    port
}

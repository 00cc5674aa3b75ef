//! F2: accepted means durable. The daemon is killed in the middle of everything, and nothing accepted is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use faxpost_proto::v1;
use faxpost_proto::v1::mail_client::MailClient;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::dice::Dice;
use faxpost_tests::smtp::{At, Fault, Received, SmtpServer};
use tokio::sync::Notify;
use tonic::transport::Channel;

use crate::kit::{SOON, finished, header, mail, outbox, send_to, spool_is_empty, until};

const ROUNDS: usize = 8;
const CALLERS: usize = 4;
/// Of one caller in one round.
const MAILS: usize = 8;
/// As in the daemon's defaults: so many attempts can be cut in two by one kill.
const DELIVERIES: usize = 24;

/// What a request was answered, the first time.
type Answers = BTreeMap<String, (String, String)>;

#[tokio::test(flavor = "multi_thread")]
async fn f2_nothing_accepted_is_lost_however_often_the_daemon_is_killed() {
    let server = SmtpServer::builder().start().await;
    let mut daemon = TestDaemon::builder().settings(SOON).start().await;
    send_to(&daemon, server.port()).await;
    let mut dice = Dice(0x5EED_0001);
    let (mut answers, mut unanswered) = (Answers::new(), Vec::new());

    for round in 0..ROUNDS {
        // What the last kill left unanswered comes first, as a caller who takes care would do it.
        let mut shares: Vec<Vec<String>> = (0..CALLERS)
            .map(|caller| (0..MAILS).map(|n| format!("request-{round}-{caller}-{n}")).collect())
            .collect();
        shares[0].splice(0..0, std::mem::take(&mut unanswered));
        let heard = Arc::new(AtomicUsize::new(0));
        let enough = Arc::new(Notify::new());
        // In the first third the queue is empty, later it is not.
        let kill_after = 1 + dice.below(CALLERS * MAILS * 3 / 4);
        let mut callers = Vec::new();
        for share in shares {
            let client = daemon.mail().await;
            callers.push(tokio::spawn(call(client, share, heard.clone(), kill_after, enough.clone())));
        }
        enough.notified().await;
        daemon.kill();
        for caller in callers {
            let (answered, left) = caller.await.unwrap();
            for (request, answer) in answered {
                // The same id and Message-ID as before, if there was a before.
                assert_eq!(answers.entry(request).or_insert_with(|| answer.clone()), &answer);
            }
            unanswered.extend(left);
        }
        daemon.start_again().await;
        only_what_the_server_has_is_delivered(&daemon, &server).await;
    }

    let (answered, left) =
        call(daemon.mail().await, unanswered, Arc::default(), usize::MAX, Arc::default()).await;
    assert!(left.is_empty(), "{left:?}");
    answers.extend(answered);
    assert_eq!(answers.len(), ROUNDS * CALLERS * MAILS);
    let everybody: Vec<String> = answers.keys().cloned().collect();
    let (again, _) = call(daemon.mail().await, everybody, Arc::default(), usize::MAX, Arc::default()).await;
    assert_eq!(again, answers, "asked once more, everything is answered as before");

    let mut sizes = BTreeMap::new();
    for (id, _) in answers.values() {
        let message = finished(&daemon, id).await;
        assert_eq!(message.state(), v1::MessageState::Delivered, "{message:?}");
        sizes.insert(message.message_id, message.size);
    }
    let mut copies: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let received = server.received();
    for one in &received {
        let (request, message_id) = (header(&one.content, "Subject"), header(&one.content, "Message-ID"));
        assert_eq!(sizes.get(&message_id), Some(&(one.content.len() as i64)), "{request} came whole");
        copies.entry(request).or_default().insert(message_id);
    }
    for (request, (_, message_id)) in &answers {
        assert_eq!(copies.get(request), Some(&BTreeSet::from([message_id.clone()])), "{request}");
    }
    assert_eq!(copies.len(), answers.len());
    assert!(received.len() <= answers.len() + ROUNDS * DELIVERIES, "{} copies", received.len());
    spool_is_empty(&daemon).await;
}

/// Sends one mail after the other until the daemon is gone: what was answered, and what was not.
async fn call(
    mut client: MailClient<Channel>,
    requests: Vec<String>,
    heard: Arc<AtomicUsize>,
    kill_after: usize,
    enough: Arc<Notify>,
) -> (Answers, Vec<String>) {
    let (mut answers, mut left) = (Answers::new(), Vec::new());
    for request in requests {
        let large = request.ends_with('3');
        match client.send_mail(mail(&request, large)).await {
            Ok(answer) => {
                let answer = answer.into_inner();
                answers.insert(request, (answer.id, answer.message_id));
                if heard.fetch_add(1, Ordering::Relaxed) + 1 == kill_after {
                    enough.notify_one();
                }
            }
            Err(status) => {
                use tonic::Code::{Cancelled, Unavailable, Unknown};
                assert!(matches!(status.code(), Unavailable | Unknown | Cancelled), "{status:?}");
                left.push(request);
            }
        }
    }
    (answers, left)
}

async fn only_what_the_server_has_is_delivered(daemon: &TestDaemon, server: &SmtpServer) {
    let delivered: Vec<_> = outbox(daemon)
        .await
        .into_iter()
        .filter(|message| message.state() == v1::MessageState::Delivered)
        .map(|message| message.message_id)
        .collect();
    let there: BTreeSet<_> = server.received().iter().map(|one| header(&one.content, "Message-ID")).collect();
    for message_id in delivered {
        assert!(there.contains(&message_id), "{message_id} is called delivered");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f2_a_kill_after_the_final_dot_delivers_again_under_the_same_message_id() {
    for large in [false, true] {
        let server = SmtpServer::builder().fault_times(1, At::FinalDot, Fault::Stall).start().await;
        let mut daemon = TestDaemon::builder().settings(SOON).start().await;
        send_to(&daemon, server.port()).await;
        let sent = daemon.mail().await.send_mail(mail("once", large)).await.unwrap().into_inner();
        server.wait_for(1).await;
        daemon.kill();
        daemon.start_again().await;
        assert_eq!(finished(&daemon, &sent.id).await.state(), v1::MessageState::Delivered);
        let received = server.received();
        assert_eq!(received.len(), 2);
        assert_eq!(header(&received[0].content, "Message-ID"), sent.message_id);
        assert_eq!(received[0].content, received[1].content);
        spool_is_empty(&daemon).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f3_mail_waits_for_a_server_that_is_down() {
    // Bound and not listening: nobody else gets the port, and whoever dials is refused.
    let place = tokio::net::TcpSocket::new_v4().unwrap();
    place.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = place.local_addr().unwrap().port();
    let daemon = TestDaemon::builder().settings(SOON).start().await;
    send_to(&daemon, port).await;
    let sent = daemon.mail().await.send_mail(mail("patience", true)).await.unwrap().into_inner();

    let waiting = until(&daemon, &sent.id, |message| {
        message.attempts >= 2 && message.state() == v1::MessageState::Queued
    })
    .await;
    assert!(!waiting.last_error.is_empty() && waiting.next_attempt_time.is_some(), "{waiting:?}");
    assert_eq!(waiting.recipients[0].state(), v1::RecipientState::Pending);

    drop(place);
    let server = SmtpServer::builder().start_on(port).await;
    let message = finished(&daemon, &sent.id).await;
    assert_eq!(message.state(), v1::MessageState::Delivered);
    assert!(message.attempts >= 3 && message.last_error.is_empty(), "{message:?}");
    assert_eq!(server.received().len(), 1);
    spool_is_empty(&daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f2_without_a_crash_everything_goes_exactly_once() {
    let server = SmtpServer::builder().start().await;
    let daemon = TestDaemon::start().await;
    send_to(&daemon, server.port()).await;
    let mut callers = Vec::new();
    for caller in 0..16 {
        let requests = (0..40).map(|n| format!("busy-{caller}-{n}")).collect();
        let client = daemon.mail().await;
        callers.push(tokio::spawn(call(client, requests, Arc::default(), usize::MAX, Arc::default())));
    }
    let mut answers = Answers::new();
    for caller in callers {
        let (answered, left) = caller.await.unwrap();
        assert!(left.is_empty());
        answers.extend(answered);
    }
    for (id, _) in answers.values() {
        assert_eq!(finished(&daemon, id).await.state(), v1::MessageState::Delivered);
    }
    let mut received: Vec<String> = server.received().iter().map(subject).collect();
    received.sort();
    assert_eq!(received, answers.into_keys().collect::<Vec<_>>());
}

fn subject(received: &Received) -> String {
    header(&received.content, "Subject")
}

//! The server goes away and comes back, in order and by a crash.

use std::collections::BTreeSet;
use std::time::Duration;

use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::measure;
use faxpost_tests::postgres::Postgres;
use tonic::Code;

use crate::kit::{LONGEST, delivered, eventually, joined, mail, on, reason, send, status};

#[tokio::test(flavor = "multi_thread")]
async fn f2_while_the_server_is_away_mail_is_refused_for_now_and_nothing_is_lost() {
    let mut server = Postgres::start(&[]);
    server.create("mail");
    let daemon = on(&server.url("mail")).start().await;
    let held = send(&daemon, "before").await;
    eventually("it is delivered", async || delivered(&daemon) == ["before"]).await;

    server.stop();
    let refused = daemon.mail().await.send_mail(mail("not now", "")).await.unwrap_err();
    assert_eq!((refused.code(), &*reason(&refused)), (Code::Unavailable, "STORE_FAILED"), "{refused:?}");
    let said = daemon.faxpost(&["send", "--to", "a@example.test", "--subject", "x", "--text", "x"]).output();
    assert_eq!(said.unwrap().status.code(), Some(75), "scripts try it again later");

    // It waits, and does not spin.
    let before = measure::cpu_time(daemon.id());
    let lines = daemon.stderr().lines().count();
    tokio::time::sleep(Duration::from_secs(6)).await;
    let used = measure::cpu_time(daemon.id()) - before;
    assert!(used < Duration::from_millis(600), "{used:?} of processor time in six seconds of waiting");
    let lines = daemon.stderr().lines().count() - lines;
    assert!(lines < 60, "{lines} lines in six seconds:\n{}", daemon.stderr());

    server.start_again();
    let serves = async || status(&daemon).await.is_ok();
    eventually("the daemon works again by itself", serves).await;
    send(&daemon, "after").await;
    eventually("it is delivered", async || delivered(&daemon) == ["after", "before"]).await;
    let request = faxpost_proto::v1::GetMessageRequest { id: held };
    daemon.mail().await.get_message(request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn f2_a_server_that_crashes_again_and_again_under_load_costs_no_accepted_message() {
    let mut server = Postgres::start(&[]);
    server.create("mail");
    let daemon = on(&server.url("mail")).start().await;
    crashes(&mut server, &[daemon]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn j2_a_server_that_crashes_under_three_daemons_costs_no_accepted_message_and_none_of_them() {
    let mut server = Postgres::start(&[]);
    server.create("mail");
    let first = on(&server.url("mail")).start().await;
    let (mut second, mut third) =
        (joined(&server.url("mail"), &first).await, joined(&server.url("mail"), &first).await);
    second.start_again().await;
    third.start_again().await;
    crashes(&mut server, &[first, second, third]).await;
}

/// Crashes it while these daemons are sent much mail.
async fn crashes(server: &mut Postgres, daemons: &[TestDaemon]) {
    let stop = tokio_util::sync::CancellationToken::new();
    let mut senders = Vec::new();
    for sender in 0..8 {
        let (mut client, stop) = (daemons[sender % daemons.len()].mail().await, stop.clone());
        senders.push(tokio::spawn(async move {
            let (mut accepted, mut doubtful) = (Vec::new(), 0);
            for number in 0.. {
                if stop.is_cancelled() {
                    break;
                }
                let subject = format!("{sender}-{number}");
                match client.send_mail(mail(&subject, &subject)).await {
                    Ok(_) => accepted.push(subject),
                    Err(status) => {
                        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
                        if reason(&status) == "STORE_UNKNOWN" {
                            // As the answer says: with the same request id it is one message.
                            let began = std::time::Instant::now();
                            while client.send_mail(mail(&subject, &subject)).await.is_err() {
                                assert!(began.elapsed() < LONGEST, "it is never accepted: {subject}");
                                tokio::time::sleep(Duration::from_millis(50)).await;
                            }
                            accepted.push(subject);
                            doubtful += 1;
                        }
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                }
            }
            (accepted, doubtful)
        }));
    }
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        server.crash();
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.start_again();
        for daemon in daemons {
            eventually("the daemon works again by itself", async || status(daemon).await.is_ok()).await;
        }
    }
    stop.cancel();
    let (mut accepted, mut doubtful) = (Vec::new(), 0);
    for sender in senders {
        let (more, doubts) = sender.await.unwrap();
        accepted.extend(more);
        doubtful += doubts;
    }
    println!("{} accepted, {doubtful} of them in doubt at first", accepted.len());
    let delivered = || daemons.iter().flat_map(delivered).collect::<Vec<_>>();
    let all = async || {
        let delivered: BTreeSet<_> = delivered().into_iter().collect();
        accepted.iter().all(|subject| delivered.contains(subject))
    };
    eventually("all that was accepted is delivered", all).await;
    for daemon in daemons {
        let none_waits = async || status(daemon).await.is_ok_and(|status| status.queued == 0);
        eventually("nothing waits that the daemon does not know of", none_waits).await;
        assert!(!daemon.stderr().contains("panicked"), "{}", daemon.stderr());
    }
    let (all, different) = (delivered(), delivered().into_iter().collect::<BTreeSet<_>>());
    assert_eq!(all.len(), different.len(), "nothing is delivered twice");
}

//! Daemons that come and go: one that dies, hangs or is cut off loses its mail to another, and can change nothing when it is back.

use std::time::{Duration, Instant};

use faxpost_proto::v1;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tonic::Code;

use crate::kit::{Database, delivered, eventually, mail, reason, says, send, status, tomorrow};

#[tokio::test(flavor = "multi_thread")]
async fn j2_what_a_killed_daemon_had_accepted_is_delivered_by_another_within_its_lease() {
    let database = Database::new("killed_node").await;
    let mut first = database.daemon().start().await;
    let mut second = database.joined(&first).await;
    second.start_again().await;
    let due = std::time::SystemTime::now() + Duration::from_secs(3);
    let request =
        v1::SendMailRequest { send_time: Some(due.into()), ..mail("accepted by the first", "once") };
    first.mail().await.send_mail(request.clone()).await.unwrap();
    first.kill();
    let began = Instant::now();
    eventually("the second delivers it", async || delivered(&second) == ["accepted by the first"]).await;
    println!("delivered by another {:?} after the kill", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(20), "the lease, and five seconds: {:?}", began.elapsed());
    let again = second.mail().await.send_mail(request).await.unwrap().into_inner();
    assert!(again.duplicate, "asked again at another daemon, it is the same message");

    // The first comes back, as one of two, and the second ends in order.
    first.start_again().await;
    kill(Pid::from_raw(second.id() as i32), Signal::SIGTERM).unwrap();
    assert!(second.ended().await.success(), "{}", second.stderr());
    send(&first, "by the first").await;
    eventually("the first delivers", async || delivered(&first) == ["by the first"]).await;
    let gone = async || database.sql("SELECT count(*) FROM faxpost.node").await == "1";
    eventually("and is alone", gone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn j2_a_daemon_that_hangs_for_longer_than_its_lease_can_change_nothing_when_it_wakes() {
    let database = Database::new("hung").await;
    let mut first = database.daemon().start().await;
    send(&first, "before").await;
    eventually("the first delivers", async || delivered(&first) == ["before"]).await;
    let request = v1::SendMailRequest { send_time: tomorrow(), ..mail("later", "") };
    let later = first.mail().await.send_mail(request).await.unwrap().into_inner().id;
    let mut second = database.joined(&first).await;
    second.start_again().await;
    kill(Pid::from_raw(first.id() as i32), Signal::SIGSTOP).unwrap();
    let began = Instant::now();
    // Whoever hangs keeps nobody else from working.
    send(&second, "by the second").await;
    let gone = async || database.sql("SELECT count(*) FROM faxpost.node").await == "1";
    eventually("the second takes over", gone).await;
    println!("taken over from a daemon that hangs after {:?}", began.elapsed());
    second.mail().await.retry_message(v1::RetryMessageRequest { id: later }).await.unwrap();
    eventually("with its mail", async || delivered(&second) == ["by the second", "later"]).await;

    kill(Pid::from_raw(first.id() as i32), Signal::SIGCONT).unwrap();
    let woken = tokio::time::timeout(Duration::from_secs(5), async {
        first.mail().await.send_mail(mail("by the woken", "")).await
    });
    // It is refused, or the daemon has ended already.
    if let Ok(answer) = woken.await {
        answer.unwrap_err();
    }
    let status = first.ended().await;
    assert!(!status.success(), "so that the service manager starts it anew");
    says(&first, "another daemon has taken over the mail of this one").await;
    assert_eq!(
        database.sql("SELECT string_agg(subject, ',' ORDER BY seq) FROM faxpost.message").await,
        "before,later,by the second"
    );
    first.start_again().await;
    send(&first, "by the first again").await;
    let all = async || delivered(&first) == ["before", "by the first again"];
    eventually("it is one of two again, and delivers nothing twice", all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn j1_of_daemons_that_begin_at_once_on_an_empty_database_one_makes_schema_and_key() {
    let database = Database::new("at_once").await;
    let start = async || {
        let mut daemon = database.daemon().prepared();
        (daemon.start_or_end().await.is_ok(), daemon)
    };
    let (a, b, c) = tokio::join!(start(), start(), start());
    let (first, others): (Vec<_>, Vec<_>) = [a, b, c].into_iter().partition(|(serves, _)| *serves);
    assert_eq!(first.len(), 1, "one serves");
    let (_, first) = &first[0];
    assert!(status(first).await.is_ok());
    for (_, other) in &others {
        assert!(other.stderr().contains("faxpostd join"), "{}", other.stderr());
        assert!(!other.state_dir().join("fleet.key").exists());
    }
    assert_eq!(database.sql("SELECT count(*) FROM faxpost.schema_step").await, "2");
    assert_eq!(database.sql("SELECT count(*) FROM faxpost.fleet").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn j2_a_later_schema_that_suits_this_version_is_worked_on_and_a_program_alone_with_it_is_waited_for() {
    let database = Database::new("rolling").await;
    let first = database.daemon().start().await;
    let mut second = database.joined(&first).await;
    // As a daemon of the next version, which has brought the schema forward, says it.
    database.sql("INSERT INTO faxpost.schema_step (step, oldest) VALUES (3, 2)").await;
    second.start_again().await;
    send(&second, "beside a later version").await;
    eventually("it works", async || delivered(&second) == ["beside a later version"]).await;
    drop(second);
    drop(first);

    let database = Database::new("waits").await;
    let mut first = database.daemon().start().await;
    first.kill();
    let _alone = database.hold("SELECT pg_advisory_lock(1180192852)").await;
    first.start_again().await;
    let refused = first.mail().await.send_mail(mail("not yet", "")).await.unwrap_err();
    assert_eq!((refused.code(), &*reason(&refused)), (Code::Unavailable, "STANDBY"), "{refused:?}");
    let said = first.faxpost(&["--lang", "ru", "status"]).output().unwrap();
    assert_eq!(said.status.code(), Some(75));
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.contains("ждёт"), "{said}");
    // Somebody who stays connected all the time.
    let mut stays = first.mail().await;
    stays.send_mail(mail("not yet", "")).await.unwrap_err();
    drop(_alone);
    eventually("it serves", async || status(&first).await.is_ok()).await;
    eventually("also whom it had refused", async || stays.send_mail(mail("now", "once")).await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn j2_a_daemon_that_waits_and_is_told_to_stop_stops() {
    let database = Database::new("stopped").await;
    let mut first = database.daemon().start().await;
    first.kill();
    let _alone = database.hold("SELECT pg_advisory_lock(1180192852)").await;
    first.start_again().await;
    assert_eq!(reason(&status(&first).await.unwrap_err()), "STANDBY");
    kill(Pid::from_raw(first.id() as i32), Signal::SIGTERM).unwrap();
    assert!(first.ended().await.success(), "{}", first.stderr());
}

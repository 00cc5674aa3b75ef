//! Two daemons, one database: one works, the other waits, and takes over when the first dies, hangs or ends.

use std::time::{Duration, Instant};

use faxpost_proto::v1;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tonic::Code;

use crate::kit::{Database, delivered, eventually, mail, reason, says, send, status};

#[tokio::test(flavor = "multi_thread")]
async fn j2_a_standby_says_so_and_takes_over_when_the_other_is_killed() {
    let database = Database::new("standby").await;
    let mut first = database.daemon().start().await;
    let tomorrow = std::time::SystemTime::now() + Duration::from_secs(24 * 3600);
    let request =
        v1::SendMailRequest { send_time: Some(tomorrow.into()), ..mail("accepted by the first", "") };
    let id = first.mail().await.send_mail(request).await.unwrap().into_inner().id;

    let mut second = database.joined(&first).await;
    second.start_again().await;
    let refused = second.mail().await.send_mail(mail("not here", "")).await.unwrap_err();
    assert_eq!((refused.code(), &*reason(&refused)), (Code::Unavailable, "STANDBY"), "{refused:?}");
    assert!(refused.message().contains("takes over"), "{refused:?}");
    let said = second.faxpost(&["--lang", "ru", "status"]).output().unwrap();
    assert_eq!(said.status.code(), Some(75));
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.contains("резервная"), "{said}");
    // Somebody who stays connected all the time.
    let mut stays = second.mail().await;
    stays.send_mail(mail("not here", "")).await.unwrap_err();

    send(&first, "by the first").await;
    eventually("the first delivers", async || delivered(&first) == ["by the first"]).await;
    first.kill();
    let began = Instant::now();
    eventually("the second serves", async || status(&second).await.is_ok()).await;
    println!("taken over after {:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(20));
    eventually("also whom it had refused", async || {
        stays.send_mail(mail("by the second", "once")).await.is_ok()
    })
    .await;
    second.mail().await.retry_message(v1::RetryMessageRequest { id }).await.unwrap();
    let all = async || delivered(&second) == ["accepted by the first", "by the second"];
    eventually("what the first had accepted is delivered, too", all).await;

    // The first comes back, as a standby, and the other way round when the second ends in order.
    first.start_again().await;
    assert_eq!(reason(&status(&first).await.unwrap_err()), "STANDBY");
    kill(Pid::from_raw(second.id() as i32), Signal::SIGTERM).unwrap();
    assert!(second.ended().await.success(), "{}", second.stderr());
    eventually("the first serves again", async || status(&first).await.is_ok()).await;
    assert_eq!(delivered(&first), ["by the first"], "and delivers nothing twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn j2_a_standby_that_is_told_to_stop_stops() {
    let database = Database::new("stopped").await;
    let first = database.daemon().start().await;
    let mut second = database.joined(&first).await;
    second.start_again().await;
    assert_eq!(reason(&status(&second).await.unwrap_err()), "STANDBY");
    kill(Pid::from_raw(second.id() as i32), Signal::SIGTERM).unwrap();
    assert!(second.ended().await.success(), "{}", second.stderr());
}

#[tokio::test(flavor = "multi_thread")]
async fn j2_a_daemon_that_hangs_is_taken_over_and_can_change_nothing_when_it_wakes() {
    let database = Database::new("hung").await;
    let mut first = database.daemon().start().await;
    send(&first, "before").await;
    eventually("the first delivers", async || delivered(&first) == ["before"]).await;
    let mut second = database.joined(&first).await;
    second.start_again().await;
    assert_eq!(reason(&status(&second).await.unwrap_err()), "STANDBY");
    kill(Pid::from_raw(first.id() as i32), Signal::SIGSTOP).unwrap();
    let began = Instant::now();
    eventually("the second takes over", async || status(&second).await.is_ok()).await;
    println!("taken over from a daemon that hangs after {:?}", began.elapsed());
    send(&second, "by the second").await;

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
    says(&first, "another daemon has taken the database").await;
    assert_eq!(
        database.sql("SELECT string_agg(subject, ',' ORDER BY seq) FROM faxpost.message").await,
        "before,by the second"
    );
    first.start_again().await;
    assert_eq!(reason(&crate::kit::status(&first).await.unwrap_err()), "STANDBY");
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
    assert_eq!(database.sql("SELECT count(*) FROM faxpost.schema_step").await, "1");
    assert_eq!(database.sql("SELECT count(*) FROM faxpost.fleet").await, "1");
}

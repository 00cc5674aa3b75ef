//! The database in trouble while mail is under way.

use faxpost_proto::v1;
use faxpost_tests::daemon::TestDaemon;

use crate::gate::Gate;
use crate::kit::{SOON, eventually, finished, mail, reason, send_to, spool_is_empty, unharmed};

#[tokio::test(flavor = "multi_thread")]
async fn f2_an_outcome_that_cannot_be_written_down_is_not_sent_again() {
    let gate = Gate::start().await;
    let daemon = TestDaemon::builder().settings(SOON).start().await;
    send_to(&daemon, gate.port).await;
    let mut client = daemon.mail().await;
    let sent = client.send_mail(mail("once", true)).await.unwrap().into_inner();
    gate.reached().await;

    // Somebody holds the database, as a backup would, from before the attempt's end.
    let database = rusqlite::Connection::open(daemon.state_dir().join("faxpost.db")).unwrap();
    database.execute_batch("PRAGMA busy_timeout = 30000; BEGIN IMMEDIATE").unwrap();
    gate.open();
    let told = async || daemon.stderr().contains("the outcome of an attempt cannot be written yet");
    eventually("the daemon says that it cannot write", told).await;
    let refused = client.send_mail(mail("not now", false)).await.unwrap_err();
    assert_eq!(reason(&refused), "STORE_FAILED");
    database.execute_batch("ROLLBACK").unwrap();

    assert_eq!(finished(&daemon, &sent.id).await.state(), v1::MessageState::Delivered);
    assert_eq!(gate.seen(), 1, "it was sent once");
    let next = client.send_mail(mail("not now", false)).await.unwrap().into_inner();
    assert_eq!(finished(&daemon, &next.id).await.state(), v1::MessageState::Delivered);
    assert_eq!(gate.seen(), 2);
    spool_is_empty(&daemon).await;
    unharmed(&daemon).await;
}

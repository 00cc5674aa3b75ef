//! SIGTERM: what is under way may end, and nobody can keep the daemon from stopping.

use faxpost_proto::v1;
use faxpost_tests::daemon::TestDaemon;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::AsyncWriteExt as _;

use crate::frames::{PREFACE, call, frame};
use crate::gate::Gate;
use crate::kit::{dial, eventually, finished, mail, send_to, spool_is_empty};

async fn ask_to_stop(daemon: &TestDaemon) {
    kill(Pid::from_raw(daemon.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    eventually("the daemon heard it", async || daemon.stderr().contains("asked to stop")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f2_a_stop_lets_an_attempt_under_way_end() {
    let gate = Gate::start().await;
    let mut daemon = TestDaemon::start().await;
    send_to(&daemon, gate.port).await;
    let sent = daemon.mail().await.send_mail(mail("last", true)).await.unwrap().into_inner();
    gate.reached().await;
    ask_to_stop(&daemon).await;
    gate.open();
    assert!(daemon.ended().await.success(), "{}", daemon.stderr());
    daemon.start_again().await;
    assert_eq!(finished(&daemon, &sent.id).await.state(), v1::MessageState::Delivered);
    assert_eq!(gate.seen(), 1, "it was not repeated");
    spool_is_empty(&daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_a_peer_that_takes_no_answer_does_not_hold_up_the_stop() {
    let mut daemon = TestDaemon::start().await;
    let mut peer = dial(&daemon).await.unwrap();
    // With a window of nothing the answer can never be sent.
    peer.write_all(&[PREFACE.to_vec(), frame(4, 0, 0, &[0, 4, 0, 0, 0, 0])].concat()).await.unwrap();
    peer.write_all(&call("/faxpost.v1.Diagnostics/GetStatus", 1, b"")).await.unwrap();
    let mut watch =
        daemon.accounts().await.watch_accounts(v1::WatchAccountsRequest {}).await.unwrap().into_inner();
    watch.message().await.unwrap();
    ask_to_stop(&daemon).await;
    // Those who listen are told.
    let farewell = watch.message().await.unwrap_err();
    assert_eq!(crate::kit::reason(&farewell), "STOPPING");
    assert!(daemon.ended().await.success(), "{}", daemon.stderr());
    assert!(!std::path::Path::new(daemon.endpoint()).exists(), "the socket is gone");
    daemon.start_again().await;
    drop(peer);
}

//! The door when the process has no descriptors left. Alone in its file: the limit is the whole process's.
#![cfg(unix)]

use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use faxpostd::config::Limits;
use faxpostd::ipc::Door;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio_stream::StreamExt as _;
use tokio_util::sync::CancellationToken;

// One thread, so that nothing is accepted before the limit stands.
#[tokio::test(flavor = "current_thread")]
async fn h5_no_descriptors_left_is_survived() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s");
    let door = Door::open(socket.to_str().unwrap(), &Limits::default()).await.unwrap();
    let mut incoming = Box::pin(door.incoming(CancellationToken::new()));
    let clients: Vec<_> = (0..8).map(|_| UnixStream::connect(&socket).unwrap()).collect();

    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let highest = clients.iter().map(|client| client.as_raw_fd()).max().unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, u64::try_from(highest).unwrap() + 1, hard).unwrap();
    let early = tokio::time::timeout(Duration::from_millis(200), incoming.next()).await;
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
    assert!(early.is_err(), "a descriptor was left after all: {early:?}");

    for _ in &clients {
        let connection = incoming.next().await.unwrap().unwrap();
        assert!(connection.peer().caller.is_some());
    }
}

//! The Windows door as its callers meet it: who may do what with the pipe, who is seen, and that nobody can block it.
//!
//! Wine keeps a pipe's descriptor and does not hold anybody to it. So it is read back from the live pipe, and the system
//! is asked what it grants.
#![cfg(windows)]
#![allow(clippy::unwrap_used)] // clippy only knows functions marked as tests, not their helpers

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use faxpost_proto::connect::{ConnectError, connect};
use faxpost_proto::security::{ADMINISTRATORS, Token};
use faxpost_tests::restricted::{restricted_may, rival_pipe, spawn_restricted};
use faxpostd::config::Limits;
use faxpostd::ipc::{Conn, Door, OpenError, Peer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::windows::named_pipe::{ClientOptions, NamedPipeClient};
use tokio_stream::StreamExt as _;
use tokio_util::sync::{CancellationToken, DropGuard};

const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What the door lets through above a limit, to be told so.
const OVERFLOW: usize = 16;
/// What an administrator may have besides; under Wine the tests' own user is one.
const RESERVE: usize = 16;

/// A door with a server behind it that repeats what it is told, and remembers who came.
struct Served {
    endpoint: String,
    access: String,
    peers: Arc<Mutex<Vec<Peer>>>,
    shutdown: CancellationToken,
    server: tokio::task::JoinHandle<()>,
    _guard: DropGuard,
}

impl Served {
    async fn with(limits: Limits) -> Self {
        let endpoint = free_name();
        let shutdown = CancellationToken::new();
        let door = Door::open(&endpoint, &limits).await.unwrap();
        let access = door.access().unwrap();
        let mut incoming = Box::pin(door.incoming(shutdown.clone()));
        let peers = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&peers);
        let server = tokio::spawn(async move {
            while let Some(connection) = incoming.next().await {
                let connection = connection.unwrap();
                seen.lock().unwrap().push(connection.peer().clone());
                tokio::spawn(repeat(connection));
            }
        });
        Self { endpoint, access, peers, server, _guard: shutdown.clone().drop_guard(), shutdown }
    }

    fn last_peer(&self) -> Peer {
        self.peers.lock().unwrap().last().unwrap().clone()
    }

    /// Dials as many times as it takes.
    async fn dial(&self) -> NamedPipeClient {
        loop {
            match ClientOptions::new().open(&self.endpoint) {
                Ok(pipe) => return pipe,
                // All instances are taken.
                Err(error) if error.raw_os_error() == Some(231) => {}
                Err(error) => panic!("{error}"),
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

async fn repeat(mut connection: Conn) {
    let mut bytes = [0; 1024];
    while let Ok(read) = connection.read(&mut bytes).await {
        if read == 0 || connection.write_all(&bytes[..read]).await.is_err() {
            return;
        }
        connection.peer().request_seen();
    }
}

/// Whether the server is there and repeats the preface.
async fn is_served(pipe: &mut NamedPipeClient) -> bool {
    let mut answer = [0; PREFACE.len()];
    pipe.write_all(PREFACE).await.is_ok() && pipe.read_exact(&mut answer).await.is_ok() && &answer == PREFACE
}

async fn closed(mut pipe: NamedPipeClient) {
    let mut rest = Vec::new();
    let _ = pipe.read_to_end(&mut rest).await;
    assert!(rest.is_empty());
}

fn free_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!(r"\\.\pipe\faxpost-test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

fn patient() -> Limits {
    Limits { patience_seconds: 600, ..Limits::default() }
}

#[tokio::test]
async fn h1_the_live_pipes_descriptor_is_exactly_this() {
    let served = Served::with(patient()).await;
    assert_eq!(served.access, "O:BAD:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;0x12019b;;;AU)");
}

#[tokio::test]
async fn h1_a_user_may_connect_and_neither_serve_nor_change_the_rules() {
    let served = Served::with(patient()).await;
    assert!(restricted_may(&served.access, 0x0012_019b).unwrap(), "connect");
    for (right, name) in [
        (0x0000_0004, "FILE_CREATE_PIPE_INSTANCE"),
        (0x0004_0000, "WRITE_DAC"),
        (0x0008_0000, "WRITE_OWNER"),
        (0x0001_0000, "DELETE"),
        (0x4000_0000, "GENERIC_WRITE"),
    ] {
        assert!(!restricted_may(&served.access, right).unwrap(), "{name}");
    }
}

#[tokio::test]
async fn h1_the_caller_is_known_by_sid_name_and_groups() {
    let served = Served::with(patient()).await;
    let mut pipe = served.dial().await;
    assert!(is_served(&mut pipe).await, "the bytes that were read to know him are given back");
    let caller = served.last_peer().caller.unwrap();
    let own = Token::own().unwrap().facts().unwrap();
    assert_eq!(caller.id, own.user);
    assert!(caller.name.contains('\\'), "{caller:?}");
    assert_eq!(caller.groups, own.groups);
    assert_eq!(caller.elevated, own.elevated);
}

#[tokio::test(flavor = "multi_thread")]
async fn h1_a_restricted_caller_is_no_administrator_and_trusts_the_server() {
    let served = Served::with(patient()).await;
    let endpoint = served.endpoint.clone();
    let (code, output) = tokio::task::spawn_blocking(move || {
        let exe = std::env::current_exe().unwrap();
        spawn_restricted(&exe, &["--exact", "a_restricted_client", "--ignored", "--nocapture", &endpoint])
            .unwrap()
    })
    .await
    .unwrap();
    assert_eq!(code, 0, "{output}");
    let caller = served.last_peer().caller.unwrap();
    assert!(!caller.elevated, "{caller:?}");
    assert!(!caller.groups.iter().any(|group| group == ADMINISTRATORS), "{caller:?}");
    assert!(caller.groups.iter().any(|group| group == "S-1-5-11"), "he is a known user: {caller:?}");
}

/// Run by the test above with a restricted token.
#[tokio::test]
#[ignore = "run by another test with a restricted token"]
async fn a_restricted_client() {
    let endpoint = std::env::args().next_back().unwrap();
    let own = Token::own().unwrap().facts().unwrap();
    assert!(!own.is_administrator(), "{own:?}");
    connect(&endpoint).await.unwrap();
    let mut pipe = ClientOptions::new().open(&endpoint).unwrap();
    assert!(is_served(&mut pipe).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn h1_twenty_clients_at_once_find_an_instance_and_verify_it() {
    let served = Served::with(patient()).await;
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let endpoint = served.endpoint.clone();
        clients.spawn(async move { connect(&endpoint).await.map(drop) });
    }
    for result in clients.join_all().await {
        result.unwrap();
    }
}

#[tokio::test]
async fn h1_a_strangers_pipe_is_refused_before_a_byte_is_said() {
    for owner in ["BU", "NS", "S-1-5-21-1-2-3-4711"] {
        let endpoint = free_name();
        let mut rival = rival_pipe(&endpoint, &format!("O:{owner}D:P(A;;FA;;;WD)")).unwrap();
        let (error, said) = tokio::join!(connect(&endpoint), async {
            rival.connect().await.unwrap();
            let mut said = Vec::new();
            let _ = rival.read_to_end(&mut said).await;
            said
        });
        assert!(matches!(error, Err(ConnectError::Impostor { .. })), "{owner}: {error:?}");
        assert!(said.is_empty());
    }
}

#[tokio::test]
async fn h1_calls_go_through_the_door_and_meet_the_peer() {
    let endpoint = free_name();
    let shutdown = CancellationToken::new();
    let door = Door::open(&endpoint, &patient()).await.unwrap();
    let incoming = door.incoming(shutdown.clone());
    let (seen, mut peers) = tokio::sync::mpsc::unbounded_channel();
    let server = tonic::transport::Server::builder()
        .layer(tonic::service::InterceptorLayer::new(move |request: tonic::Request<()>| {
            seen.send(request.extensions().get::<Peer>().cloned()).unwrap();
            Err(tonic::Status::aborted("seen"))
        }))
        .add_routes(tonic::service::Routes::default())
        .serve_with_incoming_shutdown(incoming, shutdown.clone().cancelled_owned());
    let server = tokio::spawn(server);

    let channel = connect(&endpoint).await.unwrap();
    let mut client = faxpost_proto::v1::admin_client::AdminClient::new(channel);
    let status = client.get_policy(faxpost_proto::v1::GetPolicyRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Aborted, "{status:?}");
    let peer = peers.recv().await.unwrap().unwrap();
    assert_eq!(peer.caller.unwrap().id, Token::own().unwrap().facts().unwrap().user);

    drop(client);
    shutdown.cancel();
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_second_daemon_is_told_who_holds_the_pipe() {
    let served = Served::with(patient()).await;
    let error = Door::open(&served.endpoint, &patient()).await.err().unwrap();
    assert!(
        matches!(error, OpenError::Held { pid: Some(pid), .. } if pid == std::process::id()),
        "{error:?}"
    );
    assert!(is_served(&mut served.dial().await).await, "the first one serves on");
}

#[tokio::test]
async fn a_name_that_is_no_pipe_is_said() {
    for name in ["", "faxpost", r"C:\faxpost.pipe"] {
        let error = Door::open(name, &patient()).await.err().unwrap();
        assert!(matches!(error, OpenError::Unusable { .. }), "{name}: {error:?}");
    }
}

#[tokio::test]
async fn h5_too_many_connections_are_told_so_and_more_are_closed() {
    let served = Served::with(Limits { connections_per_caller: 2, ..patient() }).await;
    let mut kept = Vec::new();
    for n in 0..2 + RESERVE + OVERFLOW {
        let mut pipe = served.dial().await;
        assert!(is_served(&mut pipe).await, "connection {n}");
        assert_eq!(served.last_peer().over_limit, n >= 2 + RESERVE, "connection {n}");
        kept.push(pipe);
    }
    assert!(!is_served(&mut served.dial().await).await);

    // A place is given back when its connection ends.
    kept.clear();
    while !is_served(&mut served.dial().await).await {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_a_thousand_connections_at_once_leave_the_door_open() {
    let served = Arc::new(Served::with(patient()).await);
    let mut dials = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let served = Arc::clone(&served);
        dials.spawn(async move {
            let mut pipe = served.dial().await;
            (is_served(&mut pipe).await, pipe)
        });
    }
    let crowd = dials.join_all().await;
    let answered = crowd.iter().filter(|(answered, _)| *answered).count();
    assert_eq!(answered, Limits::default().connections_per_caller + RESERVE + OVERFLOW);
    drop(crowd);
    while !is_served(&mut served.dial().await).await {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn h5_silent_and_stammering_peers_are_closed_and_delay_nobody() {
    let served = Served::with(Limits { patience_seconds: 1, ..Limits::default() }).await;
    let mut asked = served.dial().await;
    assert!(is_served(&mut asked).await);
    let mut silent = Vec::new();
    for _ in 0..30 {
        silent.push(served.dial().await);
    }
    let mut half = served.dial().await;
    half.write_all(&PREFACE[..7]).await.unwrap();
    assert!(is_served(&mut served.dial().await).await, "while the others say nothing");
    for pipe in silent {
        closed(pipe).await;
    }
    closed(half).await;
    assert!(is_served(&mut asked).await, "older than the silent ones, and still open");
}

#[tokio::test]
async fn h5_garbage_and_peers_that_vanish_hurt_nobody() {
    let served = Served::with(patient()).await;
    for n in 0..100 {
        let mut pipe = served.dial().await;
        if n % 2 == 0 {
            let _ = pipe.write_all(&[0xff; 64]).await;
        }
    }
    let mut garbage = served.dial().await;
    let _ = garbage.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    closed(garbage).await;
    while !is_served(&mut served.dial().await).await {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn shutdown_ends_the_stream_and_frees_the_endpoint() {
    let mut served = Served::with(patient()).await;
    served.shutdown.cancel();
    (&mut served.server).await.unwrap();
    Door::open(&served.endpoint, &patient()).await.unwrap();
}

//! The Unix door as its callers meet it: who is seen, who is turned away, and that nobody can block it.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // clippy only knows functions marked as tests, not their helpers

use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use faxpost_proto::connect::{ConnectError, connect};
use faxpostd::config::Limits;
use faxpostd::ipc::{Conn, Door, OpenError, Peer};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio_stream::StreamExt as _;
use tokio_util::sync::{CancellationToken, DropGuard};

/// What the door lets through above a limit, to be told so.
const OVERFLOW: usize = 16;
/// What an administrator may have besides; the tests' own user counts as one (he is who the daemon runs under).
const RESERVE: usize = 16;

/// A door with a server behind it that answers one line with what the door knows of the peer.
struct Served {
    folder: tempfile::TempDir,
    socket: PathBuf,
    shutdown: CancellationToken,
    server: tokio::task::JoinHandle<()>,
    _guard: DropGuard,
}

impl Served {
    async fn with(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let socket = folder.path().join("s");
        let shutdown = CancellationToken::new();
        let door = Door::open(socket.to_str().unwrap(), &limits).await.unwrap();
        let mut incoming = Box::pin(door.incoming(shutdown.clone()));
        let server = tokio::spawn(async move {
            while let Some(connection) = incoming.next().await {
                tokio::spawn(answer(connection.unwrap()));
            }
        });
        Self { folder, socket, server, _guard: shutdown.clone().drop_guard(), shutdown }
    }

    async fn dial(&self) -> Client {
        dial(&self.socket).await
    }

    /// Dials until there is room.
    async fn dial_until_served(&self) {
        while self.dial().await.ask().await.is_none_or(|answer| answer[4] == "true") {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

fn patient() -> Limits {
    Limits { patience_seconds: 600, ..Limits::default() }
}

async fn answer(connection: Conn) {
    let peer = connection.peer().clone();
    let mut connection = BufReader::new(connection);
    let mut line = Vec::new();
    while connection.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
        peer.request_seen();
        let caller = peer.caller.as_deref().unwrap();
        let groups = caller.groups.join(",");
        let text =
            format!("{}|{}|{groups}|{}|{}\n", caller.id, caller.name, caller.elevated, peer.over_limit);
        if connection.write_all(text.as_bytes()).await.is_err() {
            return;
        }
        line.clear();
    }
}

struct Client(BufReader<UnixStream>);

async fn dial(socket: &Path) -> Client {
    Client(BufReader::new(UnixStream::connect(socket).await.unwrap()))
}

impl Client {
    /// The fields of the answer, or `None` when the door closed the connection.
    async fn ask(&mut self) -> Option<Vec<String>> {
        self.0.write_all(b"who am I?\n").await.ok()?;
        let mut line = String::new();
        match self.0.read_line(&mut line).await {
            Ok(read) if read > 0 => Some(line.trim_end().split('|').map(str::to_owned).collect()),
            _ => None,
        }
    }

    /// Waits until the door closes the connection.
    async fn closed(mut self) {
        let mut rest = Vec::new();
        let _ = self.0.read_to_end(&mut rest).await;
        assert!(rest.is_empty());
    }
}

fn me() -> u32 {
    nix::unistd::geteuid().as_raw()
}

#[tokio::test]
async fn h1_the_caller_is_who_the_kernel_says() {
    let served = Served::with(patient()).await;
    let answer = served.dial().await.ask().await.unwrap();
    let user = nix::unistd::User::from_uid(me().into()).unwrap().unwrap();
    assert_eq!(answer[0], format!("uid:{}", me()));
    assert_eq!(answer[1], user.name);
    let groups: Vec<&str> = answer[2].split(',').collect();
    assert!(groups.contains(&format!("gid:{}", nix::unistd::getegid()).as_str()), "{groups:?}");
    if me() == 0 {
        assert!(groups.contains(&"group:root"), "{groups:?}");
    }
    assert_eq!(answer[3..], ["true", "false"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn h1_another_user_is_not_elevated_and_an_unknown_one_has_his_own_group_only() {
    if me() != 0 {
        return; // Only root can become somebody else.
    }
    let served = Served::with(patient()).await;
    let program = served.folder.path().join("stranger");
    // By another process: a descriptor open for writing here could be inherited by a child of another test (ETXTBSY).
    let copied =
        std::process::Command::new("cp").arg(std::env::current_exe().unwrap()).arg(&program).status();
    assert!(copied.unwrap().success());
    let mut stranger = std::process::Command::new(program);
    stranger.args(["--exact", "a_stranger_dials", "--ignored", "--nocapture"]).arg(&served.socket);
    stranger.uid(64711).gid(64712);
    let output = tokio::task::spawn_blocking(move || stranger.output().unwrap()).await.unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    assert!(output.contains("uid:64711|uid:64711|gid:64712|false|false"), "{output}");
}

/// Run by the test above, in a process of another user.
#[tokio::test]
#[ignore = "run by another test as another user"]
async fn a_stranger_dials() {
    let socket = std::env::args().next_back().unwrap();
    println!("\n{}", dial(Path::new(&socket)).await.ask().await.unwrap().join("|"));
}

#[tokio::test]
async fn h5_too_many_connections_are_told_so_and_more_are_closed() {
    let served = Served::with(Limits { connections_per_caller: 2, ..patient() }).await;
    let mut kept = Vec::new();
    for n in 0..2 + RESERVE + OVERFLOW {
        let mut client = served.dial().await;
        let over_limit = client.ask().await.unwrap()[4].clone();
        assert_eq!(over_limit, (n >= 2 + RESERVE).to_string(), "connection {n}");
        kept.push(client);
    }
    assert_eq!(served.dial().await.ask().await, None);

    // A place is given back when its connection ends.
    kept.drain(..=OVERFLOW);
    served.dial_until_served().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_a_thousand_connections_at_once_leave_the_door_open() {
    raise_descriptor_limit();
    let served = Served::with(patient()).await;
    let mut dials = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let socket = served.socket.clone();
        dials.spawn(async move {
            loop {
                match UnixStream::connect(&socket).await {
                    Ok(stream) => break stream,
                    // The system's queue is full for a moment: a client dials again.
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        });
    }
    let mut kept = Vec::new();
    let mut answered = 0;
    for stream in dials.join_all().await {
        let mut client = Client(BufReader::new(stream));
        answered += usize::from(client.ask().await.is_some());
        kept.push(client);
    }
    assert_eq!(answered, Limits::default().connections_per_caller + RESERVE + OVERFLOW);
    drop(kept);
    served.dial_until_served().await;
}

#[tokio::test]
async fn h5_silent_peers_are_closed_and_those_who_asked_are_not() {
    let served = Served::with(Limits { patience_seconds: 1, ..Limits::default() }).await;
    let mut asked = served.dial().await;
    asked.ask().await.unwrap();
    let silent = served.dial().await;
    let mut half = served.dial().await;
    half.0.write_all(b"PRI * HT").await.unwrap();
    silent.closed().await;
    half.closed().await;
    assert!(asked.ask().await.is_some(), "older than the silent ones, and still open");
}

#[tokio::test]
async fn h5_who_is_over_his_limit_has_to_dial_again_even_if_he_asked() {
    let limits = Limits { connections_per_caller: 0, patience_seconds: 1, ..Limits::default() };
    let served = Served::with(limits).await;
    let mut kept = Vec::new();
    for _ in 0..RESERVE {
        let mut client = served.dial().await;
        client.ask().await.unwrap();
        kept.push(client);
    }
    let mut over = served.dial().await;
    assert_eq!(over.ask().await.unwrap()[4], "true");
    over.closed().await;
}

#[tokio::test]
async fn h5_garbage_and_peers_that_vanish_hurt_nobody() {
    let served = Served::with(patient()).await;
    for n in 0..200 {
        let mut stream = UnixStream::connect(&served.socket).await.unwrap();
        if n % 2 == 0 {
            let _ = stream.write_all(&[0xff; 4096]).await;
        }
    }
    served.dial_until_served().await;
}

#[tokio::test]
async fn h1_the_socket_is_open_to_all_and_its_folder_only_to_its_owner() {
    let outer = tempfile::tempdir().unwrap();
    let socket = outer.path().join("made/s");
    let door = Door::open(socket.to_str().unwrap(), &patient()).await.unwrap();
    let metadata = socket.symlink_metadata().unwrap();
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.mode() & 0o7777, 0o666);
    assert_eq!(door.access().unwrap(), format!("mode 0666, uid {}", me()));
    assert_eq!(socket.parent().unwrap().metadata().unwrap().mode() & 0o7777, 0o755);
    let lock = outer.path().join("made/s.lock").metadata().unwrap();
    assert_eq!(lock.mode() & 0o7777, 0o600, "whoever could open the lock could keep the daemon out");
    let entries = std::fs::read_dir(outer.path().join("made")).unwrap().count();
    assert_eq!(entries, 2, "nothing else is left in the folder");
}

#[tokio::test]
async fn a_second_daemon_is_told_who_holds_the_socket() {
    let served = Served::with(patient()).await;
    let error = Door::open(served.socket.to_str().unwrap(), &patient()).await.err().unwrap();
    assert!(
        matches!(error, OpenError::Held { pid: Some(pid), .. } if pid == std::process::id()),
        "{error:?}"
    );
    assert!(error.to_string().ends_with(&format!("process {}", std::process::id())), "{error}");
    assert!(served.dial().await.ask().await.is_some(), "the first one serves on");
}

#[tokio::test]
async fn a_listener_that_knows_no_lock_is_left_alone_too() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s");
    let _other = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let error = Door::open(socket.to_str().unwrap(), &patient()).await.err().unwrap();
    assert!(matches!(error, OpenError::Held { pid: Some(_), .. }), "{error:?}");
}

#[tokio::test]
async fn a_left_over_socket_is_replaced_and_a_foreign_file_kept() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    drop(Door::open(socket.to_str().unwrap(), &patient()).await.unwrap());
    assert!(!socket.exists(), "removed with the door");

    std::fs::write(&socket, "somebody's").unwrap();
    let error = Door::open(socket.to_str().unwrap(), &patient()).await.err().unwrap();
    assert!(matches!(error, OpenError::Unusable { .. }), "{error:?}");
    assert_eq!(std::fs::read_to_string(&socket).unwrap(), "somebody's");
}

#[tokio::test]
async fn shutdown_ends_the_stream_and_frees_the_endpoint() {
    let mut served = Served::with(patient()).await;
    let mut client = served.dial().await;
    client.ask().await.unwrap();
    served.shutdown.cancel();
    (&mut served.server).await.unwrap();
    assert!(!served.socket.exists());
    assert!(client.ask().await.is_some(), "who was let in is the server's to end");
    Door::open(served.socket.to_str().unwrap(), &patient()).await.unwrap();
}

#[tokio::test]
async fn a_socket_put_there_by_another_meanwhile_is_not_removed() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s");
    let door = Door::open(socket.to_str().unwrap(), &patient()).await.unwrap();
    std::fs::remove_file(&socket).unwrap();
    let _other = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    drop(door);
    assert!(socket.exists());
}

#[tokio::test]
async fn an_endpoint_that_cannot_be_is_said_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let long = folder.path().join("s".repeat(120));
    let error = Door::open(long.to_str().unwrap(), &patient()).await.err().unwrap();
    assert!(matches!(&error, OpenError::Unusable { why, .. } if why.contains("107")), "{error:?}");

    let deep = folder.path().join("no/such/s");
    let error = Door::open(deep.to_str().unwrap(), &patient()).await.err().unwrap();
    assert!(matches!(&error, OpenError::Folder { folder, .. } if folder.ends_with("no/such")), "{error:?}");
    assert!(Door::open("/", &patient()).await.is_err());
}

#[tokio::test]
async fn h1_a_verified_client_gets_in() {
    let served = Served::with(patient()).await;
    connect(served.socket.to_str().unwrap()).await.unwrap();
}

#[tokio::test]
async fn h1_calls_go_through_the_door_and_meet_the_peer() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s").to_str().unwrap().to_owned();
    let shutdown = CancellationToken::new();
    let door = Door::open(&socket, &patient()).await.unwrap();
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

    let channel = connect(&socket).await.unwrap();
    let mut client = faxpost_proto::v1::admin_client::AdminClient::new(channel);
    let status = client.get_policy(faxpost_proto::v1::GetPolicyRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Aborted, "{status:?}");
    let peer = peers.recv().await.unwrap().unwrap();
    assert_eq!(peer.caller.unwrap().id, format!("uid:{}", me()));

    drop(client);
    shutdown.cancel();
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn h1_a_channel_does_not_dial_anew_what_it_would_not_have_dialled_at_first() {
    let mut served = Served::with(patient()).await;
    let channel = connect(served.socket.to_str().unwrap()).await.unwrap();
    served.shutdown.cancel();
    (&mut served.server).await.unwrap();
    let _rival = std::os::unix::net::UnixListener::bind(&served.socket).unwrap();
    std::fs::set_permissions(served.folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();

    // The server here speaks no HTTP/2, so the old connection breaks at once.
    let mut client = faxpost_proto::v1::admin_client::AdminClient::new(channel);
    loop {
        let status = client.get_policy(faxpost_proto::v1::GetPolicyRequest::default()).await.unwrap_err();
        let mut error: &dyn std::error::Error = &status;
        while let Some(source) = error.source() {
            error = source;
        }
        if let Some(ConnectError::Impostor { why, .. }) = error.downcast_ref() {
            assert!(why.contains("others may write into its folder"), "{why}");
            return;
        }
    }
}

/// Both ends of a thousand connections are in this process.
fn raise_descriptor_limit() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard.min(65_536), hard).unwrap();
}

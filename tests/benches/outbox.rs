//! `cargo bench -p faxpost-tests --bench outbox [-- PART …]`: Faxpost beside Postfix, curl, msmtp and
//! smtp-source, against the same `smtp-sink` or the same Postfix, in one run. Ratios tell most: a machine that is shared
//! is fast at one moment and slow at the next.
//!
//! Parts: accept, deliver, tls, large, queue, fleet; without one, all of them. Each measures what it is compared with in turn with
//! Faxpost. Peers that are not installed are named as missing. Nothing here fails a build. FAXPOST_BENCH_SMALL=1 makes
//! everything ten times smaller, to see that it runs.

#[path = "outbox/accept.rs"]
mod accept;
#[cfg(unix)]
#[path = "outbox/bare.rs"]
mod bare;
#[path = "outbox/deliver.rs"]
mod deliver;
#[cfg(unix)]
#[path = "outbox/fleet.rs"]
mod fleet;
#[path = "outbox/peers.rs"]
mod peers;
#[path = "outbox/queue.rs"]
mod queue;
#[path = "outbox/tls.rs"]
mod tls;

use std::time::{Duration, SystemTime};

use faxpost_proto::v1;
use faxpost_proto::v1::mail_client::MailClient;
use faxpost_tests::daemon::{Builder, TestDaemon};
use faxpost_tests::measure::{median, times};
use tonic::transport::Channel;

/// Each figure is the median of so many.
const RUNS: usize = 5;

/// More than any caller may have waiting otherwise.
const SETTINGS: &str = "[limits]\nqueued-per-caller = 1000000\n";

const PARTS: [&str; 6] = ["accept", "deliver", "tls", "large", "queue", "fleet"];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` calls with --test: that it builds is all that is asked then.
    if arguments.iter().any(|argument| argument == "--test") {
        return;
    }
    let wanted: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|argument| !argument.starts_with("--")).collect();
    if let Some(unknown) = wanted.iter().find(|part| !PARTS.contains(part)) {
        eprintln!("there is no part {unknown}: {}", PARTS.join(", "));
        std::process::exit(64);
    }
    let scale = if std::env::var_os("FAXPOST_BENCH_SMALL").is_some() { 10 } else { 1 };
    // The load itself should cost little: the peers' programs are on one thread, too.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        for part in PARTS.into_iter().filter(|part| wanted.is_empty() || wanted.contains(part)) {
            match part {
                "accept" => accept::measure(scale).await,
                "deliver" => deliver::small(scale).await,
                "tls" => tls::measure(scale).await,
                "large" => deliver::large(scale).await,
                "queue" => queue::measure(scale).await,
                #[cfg(unix)]
                _ => fleet::measure(scale).await,
                #[cfg(not(unix))]
                _ => println!("{part}: PostgreSQL is started on Unix only"),
            }
        }
    });
}

/// A mail of about so many bytes.
fn mail(bytes: usize) -> v1::SendMailRequest {
    v1::SendMailRequest {
        to: vec!["someone@example.test".to_owned()],
        subject: "bench".to_owned(),
        text: "A line of a fax that nobody will ever read, and that has some length.\n".repeat(bytes / 70),
        ..v1::SendMailRequest::default()
    }
}

fn tomorrow() -> SystemTime {
    SystemTime::now() + Duration::from_secs(86_400)
}

fn due(bytes: usize, at: SystemTime) -> v1::SendMailRequest {
    v1::SendMailRequest { send_time: Some(at.into()), ..mail(bytes) }
}

/// A daemon that sends to `port` of the loopback, without TLS and sign-in.
async fn daemon(builder: Builder, port: u16, connections: u32) -> TestDaemon {
    let daemon = builder.settings(SETTINGS).start().await;
    sends_to(&daemon, port, connections).await;
    daemon
}

async fn sends_to(daemon: &TestDaemon, port: u16, connections: u32) {
    let account = v1::Account {
        id: "default".to_owned(),
        sender_email: "fax@example.test".to_owned(),
        method: v1::Method::SecureSmtpClient.into(),
        server: "127.0.0.1".to_owned(),
        port: port.into(),
        max_connections: connections,
        ..v1::Account::default()
    };
    let fields = ["sender_email", "method", "server", "port", "max_connections"];
    daemon.set(account, &fields).await.expect("the account");
}

/// How a mail is sent.
#[derive(Clone, Copy)]
enum Mail {
    /// In one request, and to be sent then.
    Due(usize, SystemTime),
    /// In one request.
    Whole(usize),
    /// With an attachment that comes as a stream.
    Streamed(usize),
}

impl Mail {
    /// So that it waits until tomorrow: nothing but its acceptance is measured.
    fn waiting(bytes: usize) -> Self {
        Self::Due(bytes, tomorrow())
    }

    async fn send(self, client: &mut MailClient<Channel>) {
        let sent = match self {
            Self::Due(bytes, at) => client.send_mail(due(bytes, at)).await.map(drop),
            Self::Whole(bytes) => client.send_mail(mail(bytes)).await.map(drop),
            Self::Streamed(bytes) => {
                client.send_mail_stream(tokio_stream::iter(parts(bytes))).await.map(drop)
            }
        };
        sent.expect("accepted");
    }
}

fn parts(bytes: usize) -> Vec<v1::SendMailStreamRequest> {
    use v1::send_mail_stream_request::Part;
    const CHUNK: usize = 64 * 1024;
    let part = |part| v1::SendMailStreamRequest { part: Some(part) };
    let start = v1::AttachmentStart { file_name: "fax.tif".to_owned(), content_type: String::new() };
    let chunk = bytes::Bytes::from(vec![0x5A; CHUNK]);
    // Base64 adds a third.
    let chunks = std::iter::repeat_n(chunk, bytes * 3 / 4 / CHUNK);
    let before = [part(Part::Mail(mail(70))), part(Part::Attachment(start))];
    before.into_iter().chain(chunks.map(|chunk| part(Part::Chunk(chunk)))).collect()
}

/// Sends `count` mails by `callers` at once over one connection, or each over his own.
async fn send_all(daemon: &TestDaemon, callers: usize, apart: bool, count: usize, mail: Mail) {
    let shared = daemon.mail().await;
    let mut clients = Vec::new();
    for _ in 0..callers {
        clients.push(if apart { daemon.mail().await } else { shared.clone() });
    }
    let calls: Vec<_> = clients
        .into_iter()
        .enumerate()
        .map(|(caller, mut client)| {
            tokio::spawn(async move {
                for _ in (caller..count).step_by(callers) {
                    mail.send(&mut client).await;
                }
            })
        })
        .collect();
    for call in calls {
        call.await.expect("a caller ends");
    }
}

/// Waits until nothing is queued, and asks seldom as long as there is much: an answer costs as much as a message.
async fn drained(daemon: &TestDaemon) {
    let mut client = daemon.diagnostics().await;
    loop {
        let status = client.get_status(v1::GetStatusRequest {}).await.expect("status").into_inner();
        if status.queued == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis((status.queued.unsigned_abs() / 4).clamp(2, 100))).await;
    }
}

/// Figures of a peer, or why there are none.
type Peer<T> = Result<T, String>;

/// The peer's middle figure in a column, and ours as a ratio to it.
fn beside(name: &str, ours: f64, theirs: Peer<Vec<f64>>) -> [String; 2] {
    match theirs {
        Ok(rates) => {
            let rate = median(rates);
            [format!("{name} {rate:.0}/s"), times(ours / rate)]
        }
        Err(why) => [format!("{name}: {why}"), String::new()],
    }
}

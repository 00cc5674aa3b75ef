//! `cargo bench`: what the daemon and its door cost, beside floors measured in the same run.
//!
//! A machine that is shared is fast at one moment and slow at the next: compare the ratios, and of the figures trust
//! memory most. The targets are those of the first release; nothing here fails a build.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use faxpost_proto::v1;
use faxpost_proto::v1::diagnostics_client::DiagnosticsClient;
use faxpost_proto::v1::send_mail_stream_request::Part;
use faxpost_tests::bins;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::measure::{mebibytes, median, memory, micros, millis, row, syncs, times};

/// Calls under way at once that one caller may have.
const CALLERS: u32 = 64;
const EACH: u32 = 50;

fn main() {
    // `cargo test --benches` calls with --test: that it builds is all that is asked then.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    row("", "measured", &["target", "ratio", "floor"]);
    runtime.block_on(async {
        unary().await;
        status_command().await;
        ready().await;
        accepted_then_large().await;
    });
}

/// A line of the table: with its target, and how many times its floor it is.
fn line(what: &str, measured: String, target: &str, floor: Option<(f64, String)>) {
    let (ratio, floor) = floor.map_or_else(Default::default, |(ratio, floor)| (times(ratio), floor));
    row(what, measured, &[target, &ratio, &floor]);
}

/// p50 of a unary call over the endpoint; floor: 64 bytes there and back over a plain pair of sockets.
async fn unary() {
    let daemon = TestDaemon::start().await;
    let mut client = daemon.diagnostics().await;
    let mut accounts = daemon.accounts().await;
    let (mut status, mut account) = (Vec::new(), Vec::new());
    for _ in 0..2_000 {
        let begun = Instant::now();
        client.get_status(v1::GetStatusRequest {}).await.expect("status");
        status.push(begun.elapsed());
        let begun = Instant::now();
        accounts.get_account(v1::GetAccountRequest::default()).await.expect("account");
        account.push(begun.elapsed());
    }
    let floor = median(round_trips());
    let against = |measured: Duration| {
        let ratio = measured.as_secs_f64() / floor.as_secs_f64();
        Some((ratio, format!("{} TCP loopback, 64 B there and back", micros(floor))))
    };
    let (status, account) = (median(status), median(account));
    line("GetAccount, p50", micros(account), "≤ 150 µs", against(account));
    line("GetStatus (reads the database), p50", micros(status), "≤ 150 µs", against(status));
    line("idle daemon, resident memory", mebibytes(memory(daemon.id(), "VmRSS:")), "≤ 15 MiB", None);
    drop(client);
}

fn round_trips() -> Vec<Duration> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let address = listener.local_addr().expect("its address");
    let echo = std::thread::spawn(move || {
        let (mut peer, _) = listener.accept().expect("a peer");
        peer.set_nodelay(true).expect("nodelay");
        let mut buffer = [0; 64];
        while peer.read_exact(&mut buffer).is_ok() && peer.write_all(&buffer).is_ok() {}
    });
    let mut stream = std::net::TcpStream::connect(address).expect("a connection");
    stream.set_nodelay(true).expect("nodelay");
    let mut buffer = [0; 64];
    let times = (0..2_000)
        .map(|_| {
            let begun = Instant::now();
            stream.write_all(&buffer).expect("written");
            stream.read_exact(&mut buffer).expect("read");
            begun.elapsed()
        })
        .collect();
    drop(stream);
    echo.join().expect("the echo ends");
    times
}

/// `faxpost status` from start to exit; floor: a program that does nothing.
async fn status_command() {
    let daemon = TestDaemon::start().await;
    let mut times = Vec::new();
    let mut floors = Vec::new();
    for _ in 0..30 {
        times.push(wall(daemon.faxpost(&["status"])));
        let mut nothing = Command::new(bins::path("faxpost"));
        nothing.arg("--version");
        floors.push(wall(nothing));
    }
    let (time, floor) = (median(times), median(floors));
    let ratio = time.as_secs_f64() / floor.as_secs_f64();
    line(
        "faxpost status, wall",
        millis(time),
        "≤ 15 ms",
        Some((ratio, format!("{} faxpost --version", millis(floor)))),
    );
}

fn wall(mut command: Command) -> Duration {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    let status = command.status().expect("the program starts");
    assert!(status.success(), "{command:?} failed");
    begun.elapsed()
}

/// From start to the first answered call, on a state folder that exists.
async fn ready() {
    let mut daemon = TestDaemon::start().await;
    let mut times = Vec::new();
    for _ in 0..10 {
        daemon.kill();
        let begun = Instant::now();
        daemon.start_again().await;
        let channel = daemon.connect().await.expect("serving");
        DiagnosticsClient::new(channel).get_status(v1::GetStatusRequest {}).await.expect("status");
        times.push(begun.elapsed());
    }
    line("start to first answer", millis(median(times)), "≤ 100 ms", None);
}

/// Durable acceptance of small mails one after another, then one of 20 MB and what it cost in memory.
async fn accepted_then_large() {
    let daemon = TestDaemon::start().await;
    let mut mail = daemon.mail().await;
    let small = v1::SendMailRequest {
        to: vec!["someone@example.test".to_owned()],
        subject: "4 KB".to_owned(),
        text: "x".repeat(70).replace('x', "fax ").repeat(14),
        ..Default::default()
    };
    let mut times = Vec::new();
    for _ in 0..300 {
        let begun = Instant::now();
        mail.send_mail(small.clone()).await.expect("accepted");
        times.push(begun.elapsed());
    }
    let (time, floor) = (median(times), median(syncs(&daemon.state_dir())));
    let ratio = time.as_secs_f64() / floor.as_secs_f64();
    line(
        "SendMail 4 KB, durable, p50",
        micros(time),
        "",
        Some((ratio, format!("{} one fdatasync", micros(floor)))),
    );

    let begun = Instant::now();
    let callers = (0..CALLERS).map(|_| {
        let (mut mail, small) = (mail.clone(), small.clone());
        tokio::spawn(async move {
            for _ in 0..EACH {
                mail.send_mail(small.clone()).await.expect("accepted");
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.expect("a caller ends");
    }
    let rate = f64::from(CALLERS * EACH) / begun.elapsed().as_secs_f64();
    let one_by_one = 1.0 / floor.as_secs_f64();
    let against = Some((rate / one_by_one, format!("{one_by_one:.0}/s, one fdatasync each")));
    line("SendMail 4 KB, durable, 64 callers, delivering", format!("{rate:.0}/s"), "", against);

    let before = memory(daemon.id(), "VmHWM:").unwrap_or(0);
    let part = |part| v1::SendMailStreamRequest { part: Some(part) };
    let start = v1::AttachmentStart { file_name: "fax.tif".to_owned(), content_type: String::new() };
    let chunk = bytes::Bytes::from(vec![0x5A; 64 * 1024]);
    let chunks = std::iter::repeat_n(chunk, 20 * 16);
    let head = v1::SendMailRequest { subject: "20 MB".to_owned(), ..small };
    let parts: Vec<_> = [part(Part::Mail(head)), part(Part::Attachment(start))]
        .into_iter()
        .chain(chunks.map(|chunk| part(Part::Chunk(chunk))))
        .collect();
    let sent = mail.send_mail_stream(tokio_stream::iter(parts)).await.expect("accepted").into_inner();
    let mut states =
        mail.watch_message(v1::WatchMessageRequest { id: sent.id }).await.expect("watch").into_inner();
    while states.message().await.expect("state").is_some() {}
    let after = memory(daemon.id(), "VmHWM:").unwrap_or(0);
    line("20 MB mail accepted and delivered, peak memory", mebibytes(Some(after)), "≤ 64 MiB", None);
    line("  of that, more than before it", mebibytes(Some(after.saturating_sub(before))), "", None);
}

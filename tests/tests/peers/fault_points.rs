//! F2 under strace: the daemon is killed at its k-th write, sync or send, over and over on the same state, and its disk
//! fails where it hurts. What was answered "accepted" is delivered, whole and under its Message-ID; what is called
//! delivered was taken by the server.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use faxpost_proto::{reason, v1};
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::dice::Dice;
use faxpost_tests::smtp::SmtpServer;
use tokio::task::JoinSet;
use tonic::Code;
use tonic_types::StatusExt as _;

/// Starts that end by a kill, all together.
const RUNS: usize = 1000;
/// Daemons at once, each with its own state and server.
const LANES: usize = 4;
/// A busy machine makes fewer runs rather than a longer test.
const LONGEST: Duration = Duration::from_secs(170);

/// Where it is killed, and up to which of them in one thread: the first ones are those of the start.
const POINTS: [(&str, usize); 6] = [
    ("pwrite64", 60),
    ("fdatasync,fsync", 16),
    ("sendto,sendmsg,writev", 30),
    ("recvfrom,recvmsg,readv", 30),
    ("unlink,unlinkat,ftruncate", 6),
    ("openat", 60),
];

pub(crate) const SETTINGS: &str = "[outbox]\nretry-seconds = [1]\n";

/// A daemon with its server, and what it has promised.
struct Lane {
    daemon: TestDaemon,
    server: SmtpServer,
    dice: Dice,
    /// Request: id and Message-ID that were answered.
    accepted: BTreeMap<String, (String, String)>,
    unanswered: Vec<String>,
    next: usize,
}

impl Drop for Lane {
    fn drop(&mut self) {
        kill_inside(&mut self.daemon);
    }
}

pub(crate) fn mail(request: &str) -> v1::SendMailRequest {
    let large = request.ends_with('7');
    v1::SendMailRequest {
        to: vec!["b@example.test".to_owned()],
        subject: request.to_owned(),
        text: if large { "large\n".repeat(15_000) } else { "small".to_owned() },
        request_id: request.to_owned(),
        ..v1::SendMailRequest::default()
    }
}

pub(crate) fn header(content: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(content);
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_default().to_owned()
}

pub(crate) async fn send_to(daemon: &TestDaemon, server: &SmtpServer) {
    let account = v1::Account {
        id: "default".to_owned(),
        sender_email: "fax@example.test".to_owned(),
        method: v1::Method::SecureSmtpClient.into(),
        server: "127.0.0.1".to_owned(),
        port: server.port().into(),
        ..v1::Account::default()
    };
    daemon.set(account, &["sender_email", "method", "server", "port"]).await.unwrap();
}

/// Ends the daemon under strace, whose own end would let it go on.
pub(crate) fn kill_inside(daemon: &mut TestDaemon) {
    let holder = std::fs::read_to_string(daemon.state_dir().join("faxpostd.holder")).unwrap_or_default();
    let id = holder.split(|c: char| !c.is_ascii_digit()).find_map(|number| number.parse().ok());
    if let Some(id) = id {
        // Gone already? Then it is as wished.
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), nix::sys::signal::Signal::SIGKILL);
    }
}

impl Lane {
    async fn start(number: usize) -> Self {
        let server = SmtpServer::builder().start().await;
        let daemon = TestDaemon::builder().settings(SETTINGS).start().await;
        send_to(&daemon, &server).await;
        let dice = Dice(0x5EED_0000 + number as u64);
        Self { daemon, server, dice, accepted: BTreeMap::new(), unanswered: Vec::new(), next: 0 }
    }

    /// One start under strace, with mail until it ends.
    async fn run(&mut self) {
        let (calls, most) = POINTS[self.dice.below(POINTS.len())];
        let point = 1 + self.dice.below(most);
        let inject = format!("inject={calls}:signal=KILL:when={point}");
        let trace = format!("trace={calls}");
        self.daemon.under(&[
            "strace",
            "-f",
            "--seccomp-bpf",
            "-qqq",
            "-o",
            "/dev/null",
            "-e",
            &trace,
            "-e",
            &inject,
        ]);
        if self.daemon.start_or_end().await.is_err() {
            return;
        }
        let mut requests = std::mem::take(&mut self.unanswered);
        for _ in 0..4 {
            requests.push(format!("request-{}", self.next));
            self.next += 1;
        }
        let mut calls = JoinSet::new();
        for request in requests {
            let channel = self.daemon.connect().await;
            calls.spawn(async move {
                let Ok(channel) = channel else { return (request, None) };
                let mut client = v1::mail_client::MailClient::new(channel);
                let answer = client.send_mail(mail(&request)).await.ok().map(|answer| answer.into_inner());
                (request, answer)
            });
        }
        while let Some(call) = calls.join_next().await {
            let (request, answer) = call.unwrap();
            match answer {
                Some(answer) => {
                    let answer = (answer.id, answer.message_id);
                    let before = self.accepted.entry(request.clone()).or_insert_with(|| answer.clone());
                    assert_eq!(*before, answer, "{request} is what it was");
                }
                None => self.unanswered.push(request),
            }
        }
        kill_inside(&mut self.daemon);
        self.daemon.ended().await;
    }

    /// Without faults: everything promised is kept.
    async fn settle(&mut self) {
        self.daemon.under(&[]);
        self.daemon.start_again().await;
        let mut client = self.daemon.mail().await;
        let mut delivered = BTreeSet::new();
        for (id, message_id) in self.accepted.values() {
            let request = v1::WatchMessageRequest { id: id.clone() };
            let mut states = client.watch_message(request).await.unwrap().into_inner();
            let mut last = v1::MessageState::Unspecified;
            while let Some(state) = states.message().await.unwrap() {
                last = state.message.unwrap().state();
            }
            assert_eq!(last, v1::MessageState::Delivered, "{id}\n{}", self.daemon.stderr());
            delivered.insert(message_id.clone());
        }
        let mut copies: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut contents: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for one in self.server.received() {
            let (request, id) = (header(&one.content, "Subject"), header(&one.content, "Message-ID"));
            copies.entry(request).or_default().insert(id.clone());
            let first = contents.entry(id).or_insert_with(|| one.content.clone());
            assert_eq!(*first, one.content, "a second copy is the same");
        }
        for message_id in &delivered {
            assert!(contents.contains_key(message_id), "{message_id} is called delivered");
        }
        for (request, ids) in &copies {
            assert_eq!(ids.len(), 1, "{request} came under {ids:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f2_a_kill_at_any_write_sync_or_send_loses_nothing() {
    let begun = Instant::now();
    let mut lanes = JoinSet::new();
    for number in 0..LANES {
        lanes.spawn(async move {
            let mut lane = Lane::start(number).await;
            lane.daemon.kill();
            let mut runs = 0;
            while runs < RUNS / LANES && begun.elapsed() < LONGEST {
                lane.run().await;
                runs += 1;
            }
            lane.settle().await;
            (runs, lane.accepted.len(), lane.server.received().len())
        });
    }
    let (mut runs, mut accepted, mut received) = (0, 0, 0);
    while let Some(lane) = lanes.join_next().await {
        let (ran, took, came) = lane.unwrap();
        (runs, accepted, received) = (runs + ran, accepted + took, received + came);
    }
    println!(
        "{runs} kills, {accepted} messages accepted, {received} copies delivered, {:?}",
        begun.elapsed()
    );
    assert!(runs >= RUNS / 5, "only {runs} runs in {LONGEST:?}");
    assert!(accepted > runs / 2, "{accepted} of {runs}: the kills come too early to tell anything");
    // A kill can cut as many attempts in two as the account has connections, three.
    assert!(received <= accepted + 4 * runs, "{received} copies of {accepted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn f2_a_disk_that_cannot_sync_ends_acceptance_and_loses_nothing() {
    let mut lane = Lane::start(77).await;
    lane.daemon.kill();
    for (calls, error) in [("fdatasync,fsync", "EIO"), ("pwrite64", "EIO")] {
        let inject = format!("inject={calls}:error={error}:when=25+");
        let trace = format!("trace={calls}");
        lane.daemon.under(&[
            "strace",
            "-f",
            "--seccomp-bpf",
            "-qqq",
            "-o",
            "/dev/null",
            "-e",
            &trace,
            "-e",
            &inject,
        ]);
        lane.daemon.start_again().await;
        let mut client = lane.daemon.mail().await;
        let mut refusals = 0;
        for n in 0..400 {
            let request = format!("{error}-{calls}-{n}");
            match client.send_mail(mail(&request)).await {
                Ok(answer) => {
                    assert_eq!(refusals, 0, "{request} was accepted after a failure");
                    let answer = answer.into_inner();
                    lane.accepted.insert(request, (answer.id, answer.message_id));
                }
                Err(status) => {
                    let why = status.get_details_error_info().map(|info| info.reason);
                    let expected = (Code::Unavailable, Some(reason::STORE_FAILED));
                    assert_eq!((status.code(), why.as_deref()), expected, "{status:?}");
                    refusals += 1;
                    if refusals == 10 {
                        break;
                    }
                }
            }
        }
        assert_eq!(refusals, 10, "{calls}: the fault was never met");
        kill_inside(&mut lane.daemon);
        lane.daemon.ended().await;
    }
    lane.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f2_a_disk_that_is_full_now_and_then_refuses_now_and_then() {
    let mut lane = Lane::start(78).await;
    lane.daemon.kill();
    let inject = "inject=pwrite64:error=ENOSPC:when=60+41";
    lane.daemon.under(&[
        "strace",
        "-f",
        "--seccomp-bpf",
        "-qqq",
        "-o",
        "/dev/null",
        "-e",
        "trace=pwrite64",
        "-e",
        inject,
    ]);
    lane.daemon.start_again().await;
    let mut client = lane.daemon.mail().await;
    let mut refused = 0;
    for n in 0..150 {
        let request = format!("full-{n}");
        match client.send_mail(mail(&request)).await {
            Ok(answer) => {
                let answer = answer.into_inner();
                lane.accepted.insert(request, (answer.id, answer.message_id));
            }
            Err(status) => {
                let why = status.get_details_error_info().map(|info| info.reason);
                assert_eq!(why.as_deref(), Some(reason::DISK_FULL), "{status:?}");
                refused += 1;
            }
        }
    }
    assert!(refused > 3 && lane.accepted.len() > 50, "{refused} refused, {} accepted", lane.accepted.len());
    kill_inside(&mut lane.daemon);
    lane.daemon.ended().await;
    lane.settle().await;
}

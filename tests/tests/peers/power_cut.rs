//! F2 against a power cut: every write and sync of a daemon at work is recorded, and its disk rebuilt as it may be when
//! the power goes at any moment: with what was synced, and of the rest nothing, all, or whatever chance leaves. A daemon that
//! starts from there has every message that anybody had been told was accepted, whole, and delivers it.

mod disk;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use disk::{Fate, Recording};
use faxpost_proto::v1;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::dice::Dice;
use faxpost_tests::smtp::SmtpServer;
use tokio::task::JoinSet;

use crate::fault_points::{SETTINGS, header, kill_inside, mail, send_to};

/// Callers at once, and mails of each.
const CALLERS: usize = 4;
const MAILS: usize = 25;

/// Power cuts. A busy machine makes fewer rather than a longer test.
const CUTS: usize = 240;
const LEAST: usize = 40;
const LONGEST: Duration = Duration::from_secs(90);
/// Daemons at once that start from what a cut left.
const LANES: usize = 3;

/// A message that was accepted.
struct Promise {
    id: String,
    message_id: String,
    /// The step of the recording from which on somebody may know its id.
    told: usize,
}

#[tokio::test(flavor = "multi_thread")]
async fn f2_a_power_cut_at_any_moment_loses_nothing_that_was_told_accepted() {
    let server = Arc::new(SmtpServer::builder().start().await);
    let (recording, promises) = record(&server).await;
    let (recording, promises) = (Arc::new(recording), Arc::new(promises));
    let (next, begun) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    let mut lanes = JoinSet::new();
    for _ in 0..LANES {
        let (server, recording, promises, next) =
            (server.clone(), recording.clone(), promises.clone(), next.clone());
        lanes.spawn(async move {
            let mut daemon = TestDaemon::start().await;
            let mut told = 0;
            while begun.elapsed() < LONGEST {
                let cut = next.fetch_add(1, Ordering::Relaxed);
                if cut >= CUTS {
                    break;
                }
                told += cut_and_look(&mut daemon, &recording, &promises, &server, cut).await;
            }
            told
        });
    }
    let mut told = 0;
    while let Some(lane) = lanes.join_next().await {
        told += lane.unwrap();
    }
    let cuts = next.load(Ordering::Relaxed).min(CUTS);
    println!(
        "{cuts} power cuts within {} writes and {} syncs; {told} promises looked at, {:?}",
        recording.len(),
        recording.syncs(),
        begun.elapsed()
    );
    assert!(cuts >= LEAST, "only {cuts} cuts in {LONGEST:?}");
    assert!(told > cuts * CALLERS * MAILS / 4, "{told} promises in {cuts} cuts: too few to tell anything");
}

/// A daemon at work under strace, until all it was given is delivered.
async fn record(server: &SmtpServer) -> (Recording, Vec<Promise>) {
    let mut daemon = TestDaemon::builder().settings(SETTINGS).start().await;
    send_to(&daemon, server).await;
    daemon.kill();
    let root = daemon.state_dir();
    let before = files(&root);
    let trace = tempfile::NamedTempFile::new().unwrap();
    let (output, calls) = (trace.path().display().to_string(), format!("trace={}", disk::CALLS));
    daemon.under(&[
        "strace",
        "-f",
        "--seccomp-bpf",
        "-qqq",
        "-y",
        "-xx",
        "-s",
        "1000000",
        "-o",
        &output,
        "-e",
        &calls,
    ]);
    daemon.start_again().await;
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let mut client = daemon.mail().await;
        callers.spawn(async move {
            let mut accepted = Vec::new();
            for n in 0..MAILS {
                let answer = client.send_mail(mail(&format!("cut-{caller}-{n}"))).await.unwrap().into_inner();
                accepted.push((answer.id, answer.message_id));
            }
            accepted
        });
    }
    let mut accepted = Vec::new();
    while let Some(caller) = callers.join_next().await {
        accepted.extend(caller.unwrap());
    }
    all_delivered(&daemon).await;
    // What came of the attempts follows soon, without anybody asking for it.
    let wal = root.join("faxpost.db-wal");
    let begun = Instant::now();
    loop {
        let trace = std::fs::read_to_string(trace.path()).unwrap();
        let whole = trace.rfind('\n').map_or("", |end| &trace[..end]);
        if Recording::parse(&root, before.clone(), whole).is_on_disk(&wal) {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "it is not synced");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    kill_inside(&mut daemon);
    daemon.ended().await;
    let trace = std::fs::read_to_string(trace.path()).unwrap();
    let recording = Recording::parse(&root, before, &trace);
    // Where nothing is lost, the model must give what really is there.
    let copy = tempfile::tempdir().unwrap();
    recording.rebuild(copy.path(), recording.len(), Fate::Kept);
    for (path, content) in files(&root) {
        let name = path.strip_prefix(&root).unwrap();
        let rebuilt = std::fs::read(copy.path().join(name)).unwrap_or_default();
        let at = rebuilt.iter().zip(&content).position(|(one, other)| one != other);
        assert!(rebuilt == content, "{name:?}: {} bytes for {}, {at:?}", rebuilt.len(), content.len());
    }
    let promise = |(id, message_id): (String, String)| {
        let told = recording.told(&id).expect("the answer is in the trace");
        Promise { id, message_id, told }
    };
    let promises = accepted.into_iter().map(promise).collect();
    (recording, promises)
}

/// Cuts the power, starts from what is left, and looks; how many promises there were.
async fn cut_and_look(
    daemon: &mut TestDaemon,
    recording: &Recording,
    promises: &[Promise],
    server: &SmtpServer,
    cut: usize,
) -> usize {
    let mut dice = Dice(0x5EED_C075 + cut as u64 * 7919);
    // Each third of them somewhere else, and not one after the other: a busy machine does not come to the last ones.
    let steps = dice.below(recording.len() + 1);
    let fate = match cut % 3 {
        0 => Fate::Lost,
        1 => Fate::Kept,
        _ => Fate::Random(&mut dice),
    };
    daemon.kill();
    recording.rebuild(&daemon.state_dir(), steps, fate);
    daemon.start_again().await;
    all_delivered(daemon).await;

    let mut contents: HashMap<String, Vec<u8>> = HashMap::new();
    for one in server.received() {
        let first = contents.entry(header(&one.content, "Message-ID")).or_insert_with(|| one.content.clone());
        assert_eq!(*first, one.content, "a second copy is the same");
    }
    let promised: Vec<_> = promises.iter().filter(|promise| promise.told < steps).collect();
    let mut client = daemon.mail().await;
    for Promise { id, message_id, .. } in &promised {
        let found = client.get_message(v1::GetMessageRequest { id: id.clone() }).await;
        let message =
            found.unwrap_or_else(|status| panic!("cut {cut} after {steps}: {id} is lost: {status:?}"));
        let state = message.into_inner().message.unwrap().state();
        assert_eq!(state, v1::MessageState::Delivered, "cut {cut} after {steps}: {id}\n{}", daemon.stderr());
        assert!(
            contents.contains_key(message_id),
            "cut {cut} after {steps}: {message_id} is called delivered"
        );
    }
    promised.len()
}

/// Waits until nothing is queued or held.
async fn all_delivered(daemon: &TestDaemon) {
    const LONG: Duration = Duration::from_secs(60);
    let mut client = daemon.diagnostics().await;
    let begun = Instant::now();
    loop {
        let status = client.get_status(v1::GetStatusRequest {}).await.unwrap().into_inner();
        if status.queued + status.held == 0 {
            return;
        }
        assert!(begun.elapsed() < LONG, "{} are queued:\n{}", status.queued, daemon.stderr());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Every file in a folder and below; what only lives as long as its process is left out.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else if !path.to_string_lossy().ends_with("-shm") {
            all.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    all
}

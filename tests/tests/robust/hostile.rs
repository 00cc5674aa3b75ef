//! H5: raw bytes at the endpoint. Whatever is said there, the daemon lives, serves others, and stays small.

use std::time::Duration;

use faxpost_proto::v1;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::dice::Dice;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::frames::{self, PREFACE, call, frame, grpc, head};
use crate::kit::{LONGEST, Raw, dial, eventually, mail, served, unharmed};

/// A peer that says nothing is closed after a second.
const IMPATIENT: &str = "[limits]\npatience-seconds = 1\n";

/// How long a peer may take to swallow what it is sent; what it has not taken by then it will not take.
const SWALLOW: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn h5_whatever_is_said_the_daemon_lives_and_serves_others() {
    let daemon = TestDaemon::builder().settings(IMPATIENT).start().await;
    // Somebody who was there before, and whose connection must hold.
    let mut bystander = daemon.diagnostics().await;
    for (what, bytes) in things_to_say() {
        let mut peers = Vec::new();
        for _ in 0..3 {
            let mut peer = dial(&daemon).await.expect(what);
            // The daemon may hang up in the middle, or stop listening.
            let _ = tokio::time::timeout(SWALLOW, peer.write_all(&bytes)).await;
            peers.push(peer);
        }
        let status = bystander.get_status(v1::GetStatusRequest {}).await;
        assert!(status.is_ok(), "{what}: {status:?}");
        for mut peer in peers {
            closed(&mut peer, what).await;
        }
    }
    unharmed(&daemon).await;
}

/// Each of them without a whole request, so that patience ends, or against the rules.
fn things_to_say() -> Vec<(&'static str, Vec<u8>)> {
    let mut dice = Dice(0x5EED_0002);
    let mut garbage_frames = frames::greeting();
    for _ in 0..200 {
        let (kind, flags, stream) = (dice.below(256) as u8, dice.below(256) as u8, dice.below(8) as u32);
        let length = dice.below(64);
        garbage_frames.extend(frame(kind, flags, stream, &dice.bytes(length)));
    }
    let huge_list = {
        let field = [&[0x40, 0x05][..], b"x-fax", &[0x7f, 0xe1, 0x01], &[b'x'; 352]].concat();
        let mut bytes = [frames::greeting(), frame(1, 0, 1, &frames::fields("/x/y"))].concat();
        for _ in 0..2000 {
            bytes.extend(frame(9, 0, 1, &field));
        }
        bytes
    };
    let bomb = {
        // One large field, then thousands of one-byte references to it.
        let value = [b'x'; 3000];
        let mut block = [&[0x40, 0x05][..], b"x-fax", &[0x7f, 0xb9, 0x16], &value].concat();
        block.extend([0xbe; 12_000]);
        [frames::greeting(), frame(1, 4, 1, &[frames::fields("/x/y"), block].concat())].concat()
    };
    vec![
        ("nothing", Vec::new()),
        ("garbage", dice.bytes(100_000)),
        ("zeros", vec![0; 100_000]),
        ("half a preface", PREFACE[..11].to_vec()),
        ("a preface and silence", PREFACE.to_vec()),
        ("a greeting and silence", frames::greeting()),
        ("HTTP/1.1", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
        ("TLS", [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &dice.bytes(500)].concat()),
        ("garbage after the preface", [PREFACE.to_vec(), dice.bytes(100_000)].concat()),
        ("garbage frames", garbage_frames),
        ("a frame that is too long", [frames::greeting(), frame(0, 0, 1, &vec![7; 1 << 20])].concat()),
        ("half a header block", [frames::greeting(), frame(1, 0, 1, &frames::fields("/x/y"))].concat()),
        ("a header list without end", huge_list),
        ("a header bomb", bomb),
        ("SETTINGS flood", [frames::greeting(), frame(4, 0, 0, &[0, 3, 0, 0, 0, 9]).repeat(20_000)].concat()),
        ("PING flood", [frames::greeting(), frame(6, 0, 0, &[7; 8]).repeat(20_000)].concat()),
        ("empty frames", [frames::greeting(), frame(0, 0, 1, b"").repeat(20_000)].concat()),
        ("window overflow", [frames::greeting(), frame(8, 0, 0, &[0x7f, 255, 255, 255]).repeat(5)].concat()),
        ("PRIORITY on itself", [frames::greeting(), frame(2, 0, 3, &[0, 0, 0, 3, 1]).repeat(1000)].concat()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_streams_that_are_reset_at_once_cost_nothing_that_lasts() {
    let daemon = TestDaemon::start().await;
    let mut bystander = daemon.diagnostics().await;
    for _ in 0..10 {
        let mut peer = dial(&daemon).await.unwrap();
        let mut bytes = frames::greeting();
        for n in 0..1000 {
            let stream = 2 * n + 1;
            bytes.extend(head("/faxpost.v1.Accounts/WatchAccounts", stream));
            bytes.extend(frame(0, 1, stream, &grpc(b"")));
            bytes.extend(frame(3, 0, stream, &8_u32.to_be_bytes()));
        }
        let _ = tokio::time::timeout(SWALLOW, peer.write_all(&bytes)).await;
        bystander.get_status(v1::GetStatusRequest {}).await.unwrap();
    }
    unharmed(&daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_who_watches_and_never_reads_is_not_remembered_for() {
    let daemon = TestDaemon::start().await;
    // The largest windows that HTTP/2 has: nothing but the socket itself slows the daemon down.
    let mut lazy = Vec::new();
    for _ in 0..20 {
        let mut peer = dial(&daemon).await.unwrap();
        let settings = frame(4, 0, 0, &[0, 4, 0x7f, 0xff, 0xff, 0xff]);
        let window = frame(8, 0, 0, &(0x7fff_ffff_u32 - 65_535).to_be_bytes());
        peer.write_all(&[PREFACE.to_vec(), settings, window].concat()).await.unwrap();
        peer.write_all(&call("/faxpost.v1.Log/FollowEntries", 1, b"")).await.unwrap();
        lazy.push(peer);
    }
    let mut client = daemon.mail().await;
    for n in 0..200 {
        let long = v1::SendMailRequest { subject: "s".repeat(900), ..mail(&format!("news-{n}"), false) };
        client.send_mail(long).await.unwrap();
    }
    unharmed(&daemon).await;
    drop(lazy);
    unharmed(&daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_a_thousand_connections_at_once() {
    // Wine has a thread for each of a pipe's waits.
    let count = if cfg!(windows) { 150 } else { 1000 };
    faxpostd::service::raise_limits();
    let daemon = TestDaemon::start().await;
    let mut bystander = daemon.diagnostics().await;
    let mut crowd = Vec::new();
    for _ in 0..count {
        if let Some(mut peer) = dial(&daemon).await {
            let _ = peer.write_all(PREFACE).await;
            crowd.push(peer);
        }
    }
    bystander.get_status(v1::GetStatusRequest {}).await.unwrap();
    // This caller has more than his share: no connection of his is served any more, beside the one he had.
    assert!(!served(&daemon).await);
    drop(crowd);
    unharmed(&daemon).await;
    bystander.get_status(v1::GetStatusRequest {}).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_by_hand_are_right_where_they_mean_to_be() {
    let daemon = TestDaemon::start().await;
    let mut peer = dial(&daemon).await.unwrap();
    peer.write_all(&[frames::greeting(), call("/faxpost.v1.Diagnostics/GetStatus", 1, b"")].concat())
        .await
        .unwrap();
    // The answer's message: a DATA frame of stream 1.
    let reading = async {
        loop {
            let mut head = [0; 9];
            peer.read_exact(&mut head).await.unwrap();
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let mut payload = vec![0; length];
            peer.read_exact(&mut payload).await.unwrap();
            if (head[3], head[8]) == (0, 1) {
                return payload;
            }
        }
    };
    let answer = tokio::time::timeout(LONGEST, reading).await.unwrap();
    assert!(String::from_utf8_lossy(&answer).contains(env!("CARGO_PKG_VERSION")));
}

/// The daemon hangs up, within a generous time.
async fn closed(peer: &mut Raw, what: &str) {
    let mut bytes = vec![0; 64 * 1024];
    let reading = async { while peer.read(&mut bytes).await.is_ok_and(|read| read > 0) {} };
    assert!(tokio::time::timeout(LONGEST, reading).await.is_ok(), "{what}: the connection stays open");
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_calls_that_are_never_finished_are_ended() {
    let daemon = TestDaemon::builder().settings("[limits]\npatience-seconds = 1\ncalls-per-caller = 3\n");
    let daemon = daemon.start().await;
    let mut peer = dial(&daemon).await.unwrap();
    let mut bytes = frames::greeting();
    for stream in [1, 3, 5] {
        bytes.extend(head("/faxpost.v1.Mail/SendMail", stream));
        // A message of a megabyte begins, and does not go on.
        bytes.extend(frame(0, 0, stream, &[&[0, 0, 16, 0, 0][..], &[0; 100]].concat()));
    }
    peer.write_all(&bytes).await.unwrap();
    // All slots of this caller are taken; they come back by themselves while the peer stays.
    eventually("the slots are given back", async || served(&daemon).await).await;
    unharmed(&daemon).await;
}

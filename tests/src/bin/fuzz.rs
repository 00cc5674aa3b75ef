//! `fuzz [--seconds N]`: calls every method of a running daemon with bytes that are almost, or not at all, its request,
//! for so long; then the daemon must still serve, without a panic and without having grown.
//!
//! What is parsed from servers (replies, transcripts) is fuzzed in the daemon's own crate, for as long: see its `fuzz`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use bytes::Bytes;
use faxpost_proto::v1;
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::dice::Dice;
use faxpost_tests::measure;
use faxpost_tests::raw::Raw;
use prost::Message as _;

/// Longest request that is tried; longer ones are refused before anything is looked at.
const LONGEST: usize = 4096;

/// An answer that takes longer is a stream that waits for something to tell: it is left.
const PATIENCE: Duration = Duration::from_millis(200);

/// More than an idle daemon has, and far less than a leak in so many calls would come to.
const MOST_KIB: u64 = 96 * 1024;

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let seconds = match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => 60,
        (Some("--seconds"), Some(number)) => number.parse().unwrap_or(60),
        _ => {
            eprintln!("usage: fuzz [--seconds N]");
            return ExitCode::FAILURE;
        }
    };
    let daemon = TestDaemon::start().await;
    let mut dice = Dice(0xF022_5EED);
    let (methods, calls, refused) = run(&daemon, &mut dice, Duration::from_secs(seconds)).await;
    println!("fuzz: {calls} calls of {methods} methods in {seconds} s, {refused} of them refused");
    verdict(&daemon).await
}

async fn run(daemon: &TestDaemon, dice: &mut Dice, long: Duration) -> (usize, u64, u64) {
    let status = daemon.diagnostics().await.get_status(v1::GetStatusRequest {}).await;
    let methods = status.expect("the status").into_inner().permissions;
    let seeds = seeds();
    let (mut calls, mut refused) = (0, 0);
    let begun = Instant::now();
    while begun.elapsed() < long {
        let mut client = tonic::client::Grpc::new(daemon.connect().await.expect("the daemon serves"));
        for permission in &methods {
            // What locks everybody out, or signs in for minutes, says nothing about parsing.
            if permission.method.ends_with("/UpdatePolicy") {
                continue;
            }
            let request = request(dice, &seeds);
            let path = http_path(&permission.method);
            if client.ready().await.is_err() {
                break;
            }
            let call = client.server_streaming(tonic::Request::new(request), path, Raw);
            calls += 1;
            match tokio::time::timeout(PATIENCE, call).await {
                Ok(Err(_)) => refused += 1,
                Ok(Ok(answer)) => {
                    let mut answers = answer.into_inner();
                    if let Ok(Err(_)) = tokio::time::timeout(PATIENCE, answers.message()).await {
                        refused += 1;
                    }
                }
                Err(_) => {}
            }
        }
    }
    (methods.len(), calls, refused)
}

async fn verdict(daemon: &TestDaemon) -> ExitCode {
    let log = daemon.stderr();
    let serves = daemon.diagnostics().await.get_status(v1::GetStatusRequest {}).await;
    let memory = measure::memory(daemon.id(), "VmRSS:").unwrap_or(0);
    println!("fuzz: resident memory {memory} KiB");
    if log.contains("panicked") || memory > MOST_KIB {
        eprintln!("fuzz: the daemon is harmed:\n{log}");
        return ExitCode::FAILURE;
    }
    match serves {
        Ok(_) => ExitCode::SUCCESS,
        Err(status) => {
            eprintln!("fuzz: the daemon no longer serves: {status:?}\n{log}");
            ExitCode::FAILURE
        }
    }
}

fn http_path(method: &str) -> http::uri::PathAndQuery {
    format!("/{method}").parse().expect("a method is a path")
}

/// Requests that are right, to be made wrong.
fn seeds() -> Vec<Vec<u8>> {
    let mail = v1::SendMailRequest {
        to: vec!["a@example.test".to_owned()],
        subject: "fax".to_owned(),
        headers: vec![v1::Header { name: "X-Fax".to_owned(), value: "1".to_owned() }],
        request_id: "r".to_owned(),
        ..v1::SendMailRequest::default()
    };
    let account = v1::Account { id: "default".to_owned(), port: 25, ..v1::Account::default() };
    let update = v1::UpdateAccountRequest {
        account: Some(account),
        update_mask: Some(faxpost_tests::daemon::mask(&["port", "server", "login"])),
        validate_only: true,
    };
    let list = v1::ListMessagesRequest { page_size: 3, page_token: "7".to_owned(), ..Default::default() };
    let entries = v1::ListEntriesRequest { page_size: 3, ..Default::default() };
    let part = v1::send_mail_stream_request::Part::Mail(mail.clone());
    let stream = v1::SendMailStreamRequest { part: Some(part) };
    let id = v1::GetMessageRequest { id: "01890a5d-ac96-774b-bcce-b302099a8057".to_owned() };
    vec![
        mail.encode_to_vec(),
        update.encode_to_vec(),
        list.encode_to_vec(),
        entries.encode_to_vec(),
        stream.encode_to_vec(),
        id.encode_to_vec(),
    ]
}

/// A request that is almost right, or not at all.
fn request(dice: &mut Dice, seeds: &[Vec<u8>]) -> Bytes {
    if dice.below(5) == 0 {
        let length = dice.below(LONGEST);
        return (0..length).map(|_| dice.below(256) as u8).collect();
    }
    let mut bytes = seeds[dice.below(seeds.len())].clone();
    for _ in 0..dice.below(8) {
        let at = dice.below(bytes.len() + 1);
        match dice.below(4) {
            0 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
            1 => bytes.insert(at, dice.below(256) as u8),
            2 => bytes.truncate(at),
            _ => {
                let other = &seeds[dice.below(seeds.len())];
                let piece = other[..dice.below(other.len() + 1)].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
    bytes.truncate(LONGEST);
    bytes.into()
}

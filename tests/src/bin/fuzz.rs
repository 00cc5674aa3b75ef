//! `fuzz [--seconds N]`: calls every method of a running daemon with bytes that are almost, or not at all, its request,
//! for so long; then the daemon must still serve, without a panic and without having grown.
//!
//! What is parsed from servers (replies, transcripts) is fuzzed in the daemon's own crate, by proptest: tests/run gives
//! those more cases than a usual test has.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use bytes::{Buf, BufMut, Bytes};
use faxpost_proto::v1;
use faxpost_tests::daemon::TestDaemon;
use prost::Message as _;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

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
    let (calls, refused) = run(&daemon, &mut dice, Duration::from_secs(seconds)).await;
    println!("fuzz: {calls} calls in {seconds} s, {refused} of them refused");
    verdict(&daemon).await
}

async fn run(daemon: &TestDaemon, dice: &mut Dice, long: Duration) -> (u64, u64) {
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
            let request = dice.request(&seeds);
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
    (calls, refused)
}

async fn verdict(daemon: &TestDaemon) -> ExitCode {
    let log = daemon.stderr();
    let serves = daemon.diagnostics().await.get_status(v1::GetStatusRequest {}).await;
    let memory = resident_kib(daemon.id());
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

fn resident_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let value = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    value.trim().trim_end_matches(" kB").parse().unwrap_or(0)
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

/// xorshift64*: the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound
    }

    fn request(&mut self, seeds: &[Vec<u8>]) -> Bytes {
        if self.below(5) == 0 {
            let length = self.below(LONGEST);
            return (0..length).map(|_| self.below(256) as u8).collect();
        }
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..self.below(8) {
            let at = self.below(bytes.len() + 1);
            match self.below(4) {
                0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                1 => bytes.insert(at, self.below(256) as u8),
                2 => bytes.truncate(at),
                _ => {
                    let other = &seeds[self.below(seeds.len())];
                    let piece = other[..self.below(other.len() + 1)].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
        }
        bytes.truncate(LONGEST);
        bytes.into()
    }
}

/// Bytes as they are.
#[derive(Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let length = buffer.remaining();
        Ok(Some(buffer.copy_to_bytes(length)))
    }
}

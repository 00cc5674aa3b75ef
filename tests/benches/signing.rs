//! `cargo bench --bench signing`: what a signature costs, beside OpenSSL's own in the same run, and what memory.
//!
//! The floor is a bare RSA operation of `openssl speed`; ours is a whole message: key file opened and parsed, entity
//! hashed, CMS made, the signature verified, and everything read as it goes out. OpenSSL uses AVX-512 where the
//! processor has it (IFMA), which no library that we build with does.

use std::io::Read as _;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use faxpost_tests::measure::{median, memory};
use faxpost_tests::pki::{Issued, Kind, Pki};
use faxpostd::certs::{KeyReference, open_key};
use faxpostd::message::Content;
use faxpostd::message::smime::{Mode, Signer, sign};

/// Rounds, ours and OpenSSL's in turn: the machine is not the same from one moment to the next.
const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(2);
const LARGE: usize = 20 << 20;

fn main() {
    // `cargo test --benches` calls with --test: that it builds is all that is asked then.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for (kind, algorithm, name) in
        [(Kind::Rsa2048, "rsa2048", "RSA-2048"), (Kind::EcP256, "ecdsap256", "ECDSA P-256")]
    {
        let issued = Pki::new(Kind::EcP256).person("fax@example.test", kind);
        let key = folder.path().join(algorithm);
        std::fs::write(&key, &issued.key).expect("written");
        let key = KeyReference::File(key);
        let mail = Content::Memory(message(4096).into());
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(rate(|| signed(&mail, Mode::Clear, &issued, &key)));
            theirs.extend(openssl(algorithm));
        }
        let (ours, theirs) = (median(ours), median(theirs));
        println!(
            "{name}: {ours:.0} messages of 4 KB a second, OpenSSL's operation alone {theirs:.0}: ratio {:.2} (target 0.9)",
            ours / theirs
        );
    }

    let issued = Pki::new(Kind::EcP256).person("fax@example.test", Kind::Rsa2048);
    let (key, file) = (folder.path().join("key"), folder.path().join("mail"));
    std::fs::write(&key, &issued.key).expect("written");
    std::fs::write(&file, message(LARGE)).expect("written");
    let (key, mail) = (KeyReference::File(key), Content::File(file));
    for mode in [Mode::Clear, Mode::Opaque] {
        // Forgets the peak so far: making the message took more than signing it does.
        std::fs::write("/proc/self/clear_refs", "5").expect("a kernel that forgets peaks");
        let peak = || memory(std::process::id(), "VmHWM:").unwrap_or(0);
        let before = peak();
        let begun = Instant::now();
        let octets = signed(&mail, mode, &issued, &key);
        let took = begun.elapsed().as_millis();
        let more = peak().saturating_sub(before);
        println!(
            "20 MB signed ({mode:?}, {octets} octets out): {took} ms, {more} KiB more memory (target ≤ 30 MiB)"
        );
    }
}

/// Signs and reads it as it would go out; its octets.
fn signed(mail: &Content, mode: Mode, issued: &Issued, key: &KeyReference) -> u64 {
    let key = open_key(key).expect("the key opens");
    let signer = Signer { certificate: &issued.certificate, chain: &issued.chain, key: &*key };
    let signed = sign(mail.clone(), mode, signer, SystemTime::now()).expect("signed");
    let mut reader = signed.reader().expect("a reader");
    let mut piece = vec![0; 64 * 1024];
    let mut octets = 0;
    loop {
        match reader.read(&mut piece).expect("read") {
            0 => return octets,
            count => octets += count as u64,
        }
    }
}

fn message(octets: usize) -> Vec<u8> {
    let head = "From: fax@example.test\r\nSubject: x\r\nContent-Type: text/plain\r\n\r\n";
    let line = "0123456789abcdef".repeat(4) + "\r\n";
    let lines = octets.saturating_sub(head.len()) / line.len();
    (head.to_owned() + &line.repeat(lines)).into_bytes()
}

fn rate(mut work: impl FnMut() -> u64) -> f64 {
    work();
    let (begun, mut count) = (Instant::now(), 0_u32);
    while begun.elapsed() < ROUND {
        work();
        count += 1;
    }
    f64::from(count) / begun.elapsed().as_secs_f64()
}

/// Signatures a second, as `openssl speed` counts them; nothing without OpenSSL.
fn openssl(algorithm: &str) -> Option<f64> {
    let seconds = ROUND.as_secs().to_string();
    let output =
        Command::new("openssl").args(["speed", "-mr", "-seconds", &seconds, algorithm]).output().ok()?;
    // "+F2:2:2048:4650.0:79483.3" and "+F4:3:256:…": the fourth field; of older ones seconds instead of a rate.
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| line.starts_with("+F2:") || line.starts_with("+F4:"))?;
    let value: f64 = line.split(':').nth(3)?.parse().ok()?;
    Some(if value < 1.0 { 1.0 / value } else { value })
}

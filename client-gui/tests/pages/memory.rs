//! What was typed as a password is nowhere in the program's memory when the call is over.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use faxpost_gui_ui::PageName;
use zeroize::Zeroizing;

use crate::kit::{Gui, daemon, runtime};

/// The test holds the secret only like this.
const MASK: u8 = 0x55;

#[test]
fn h3_nothing_of_a_password_stays_in_memory_after_the_call() {
    let masked: Vec<u8> = b"correct-horse-battery-staple-4711".iter().rev().map(|byte| byte ^ MASK).collect();
    let plain = || Zeroizing::new(masked.iter().map(|byte| char::from(byte ^ MASK)).collect::<String>());
    let runtime = runtime();
    let daemon = daemon(&runtime);
    let gui = Gui::at(&daemon, PageName::Account);
    gui.press("SecureSmtpClient");
    gui.set("Sender's e-mail", "fax@example.org");
    gui.set("SMTP server", "smtp.example.org");
    gui.press("Explicit TLS (STARTTLS)");
    gui.press("The server requires a sign-in");
    gui.press("Password: Set…");
    gui.set("Password", &plain());
    assert!(found(&masked) > 0, "it can be found while it is there");
    gui.press("Apply");
    gui.until("saved", |gui| gui.has("Saved.") && gui.has("Password: Change…"));
    // The connection of the call ends a moment later.
    let mut left = found(&masked);
    for _ in 0..100 {
        if left == 0 {
            break;
        }
        gui.pass(std::time::Duration::from_millis(50));
        left = found(&masked);
    }
    assert_eq!(left, 0, "copies of the password in memory");
}

/// How often it stands in memory that can be written.
fn found(masked: &[u8]) -> usize {
    const PIECE: usize = 1 << 20;
    let memory = File::open("/proc/self/mem").unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mut piece = Zeroizing::new(vec![0; PIECE]);
    let mut count = 0;
    for line in maps.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(range), Some(rights)) = (words.next(), words.next()) else { continue };
        if !rights.starts_with("rw") {
            continue;
        }
        let (from, to) = range.split_once('-').unwrap();
        let mut at = u64::from_str_radix(from, 16).unwrap();
        let end = u64::from_str_radix(to, 16).unwrap();
        while at < end {
            let want = PIECE.min(usize::try_from(end - at).unwrap());
            let Ok(read) = memory.read_at(&mut piece[..want], at) else { break };
            if read < masked.len() {
                break;
            }
            count += occurrences(&piece[..read], masked);
            // What lies across two pieces is seen by the next.
            at += u64::try_from(if read < want || at + u64::try_from(read).unwrap() >= end {
                read
            } else {
                read - masked.len()
            })
            .unwrap();
        }
    }
    count
}

fn occurrences(bytes: &[u8], masked: &[u8]) -> usize {
    let first = masked[0] ^ MASK;
    let mut count = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if *byte == first
            && bytes.len() - at >= masked.len()
            && bytes[at..].iter().zip(masked).all(|(byte, masked)| byte ^ MASK == *masked)
        {
            count += 1;
        }
    }
    count
}

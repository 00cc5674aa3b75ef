//! Looking for a secret in the memory of a process: what is freed or left there is found by whoever can read it.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

/// What is looked for is held only like this: the process that looks may be the one that is looked into.
const MASK: u8 = 0x55;

/// Bytes read at once.
const PIECE: usize = 1 << 20;

/// Bytes to look for.
pub struct Masked(Vec<u8>);

impl Masked {
    /// These bytes, backwards so that they stand nowhere as they are.
    pub fn reversed(backwards: &[u8]) -> Self {
        Self(backwards.iter().rev().map(|byte| byte ^ MASK).collect())
    }

    /// The bytes themselves, one by one.
    pub fn bytes(&self) -> impl Iterator<Item = u8> + '_ {
        self.0.iter().map(|byte| byte ^ MASK)
    }

    /// How often they stand in memory of a process ("self", or its id) that it can write to. What ends meanwhile has none.
    ///
    /// # Panics
    /// The process may not be looked into.
    #[must_use]
    pub fn found_in(&self, process: &str) -> usize {
        let memory = File::open(format!("/proc/{process}/mem")).expect("memory that may be looked into");
        let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).expect("its list");
        let mut piece = vec![0; PIECE];
        let mut count = 0;
        for line in maps.lines() {
            let mut words = line.split_ascii_whitespace();
            let (Some(range), Some(rights)) = (words.next(), words.next()) else { continue };
            let Some((from, to)) = range.split_once('-').filter(|_| rights.starts_with("rw")) else {
                continue;
            };
            let number = |text| u64::from_str_radix(text, 16).unwrap_or_default();
            let (mut at, end) = (number(from), number(to));
            while at < end {
                let want = PIECE.min(usize::try_from(end - at).unwrap_or(PIECE));
                let Ok(read) = memory.read_at(&mut piece[..want], at) else { break };
                if read < self.0.len() {
                    break;
                }
                count += self.occurrences(&piece[..read]);
                let next = at + read as u64;
                // What lies across two pieces is seen by the next.
                at = if read < want || next >= end { next } else { next - (self.0.len() as u64 - 1) };
            }
        }
        piece.fill(0);
        std::hint::black_box(&piece);
        count
    }

    fn occurrences(&self, bytes: &[u8]) -> usize {
        let first = self.0[0] ^ MASK;
        let starts = bytes.iter().enumerate().filter(|(_, byte)| **byte == first).map(|(at, _)| &bytes[at..]);
        let same = |rest: &&[u8]| {
            rest.len() >= self.0.len()
                && rest.iter().zip(&self.0).all(|(byte, masked)| byte ^ MASK == *masked)
        };
        starts.filter(same).count()
    }
}

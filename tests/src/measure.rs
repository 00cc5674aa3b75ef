//! What the benches share: a row of their table, floors, what a process costs, medians, and how figures are written.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// Prints a line of the table: what, what was measured, and the columns after it.
pub fn row(what: &str, measured: impl AsRef<str>, columns: &[&str]) {
    let columns: String = columns.iter().map(|column| format!(" {column:>16}")).collect();
    println!("{what:<66} {:>12}{columns}", measured.as_ref());
}

/// How long one fdatasync of 4 KiB takes in `folder`, again and again: the floor of everything durable.
///
/// # Panics
/// The folder cannot be written.
#[must_use]
pub fn syncs(folder: &Path) -> Vec<Duration> {
    let mut file = std::fs::File::create(folder.join("floor")).expect("a file");
    (0..300)
        .map(|_| {
            let begun = Instant::now();
            file.write_all(&[0; 4096]).expect("written");
            file.sync_data().expect("synced");
            begun.elapsed()
        })
        .collect()
}

/// User and system time of a process so far; 0 where there is no /proc.
#[must_use]
pub fn cpu_time(process: u32) -> Duration {
    /// Of USER_HZ, which is 100 on every Linux that we know.
    const TICK: Duration = Duration::from_millis(10);
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name may hold anything, but nothing after it has a parenthesis. Behind it, utime and stime are the 12th and 13th.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u32 =
        after_name.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<u32>().ok()).sum();
    TICK * ticks
}

/// A line of /proc/PID/status in KiB; `None` where there is none.
#[must_use]
pub fn memory(process: u32, line: &str) -> Option<u64> {
    // Wine shows the system's own /proc, in which a number of its processes is somebody else's.
    if cfg!(windows) {
        return None;
    }
    kibibytes(&format!("/proc/{process}/status"), line)
}

/// What a process adds to the memory in use, in KiB: pages that several processes have are counted in parts (Pss).
#[must_use]
pub fn share_of_memory(process: u32) -> Option<u64> {
    if cfg!(windows) { None } else { kibibytes(&format!("/proc/{process}/smaps_rollup"), "Pss:") }
}

fn kibibytes(file: &str, line: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let value = text.lines().find_map(|text| text.strip_prefix(line))?;
    value.trim().strip_suffix(" kB")?.parse().ok()
}

/// The middle one.
///
/// # Panics
/// There is none.
#[must_use]
pub fn median<T: PartialOrd + Copy>(mut values: Vec<T>) -> T {
    values.sort_by(|one, other| one.partial_cmp(other).expect("figures can be compared"));
    values[values.len() / 2]
}

/// "91 µs"
#[must_use]
pub fn micros(time: Duration) -> String {
    format!("{:.0} µs", time.as_secs_f64() * 1e6)
}

/// "2.6 ms"
#[must_use]
pub fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

/// "11.2 MiB"; "unknown" where the system does not tell.
#[must_use]
pub fn mebibytes(kibibytes: Option<u64>) -> String {
    kibibytes.map_or_else(|| "unknown".to_owned(), |kib| format!("{:.1} MiB", kib as f64 / 1024.0))
}

/// "1.60 ×": how many times the floor or the peer.
#[must_use]
pub fn times(ratio: f64) -> String {
    format!("{ratio:.2} ×")
}

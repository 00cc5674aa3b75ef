//! A bar on standard error while a message is uploaded: only on a terminal, and only when it takes long enough.

use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

/// Faster uploads need no bar.
const DELAY: Duration = Duration::from_millis(300);
/// Often enough to look alive.
const REDRAW: Duration = Duration::from_millis(100);
/// Columns of the bar itself.
const BAR: usize = 30;

/// How far an upload is.
pub(super) struct Progress {
    visible: bool,
    label: &'static str,
    done: u64,
    /// Bytes; `None`: not known.
    total: Option<u64>,
    next: Instant,
    drawn: bool,
}

impl Progress {
    pub(super) fn new(total: Option<u64>, label: &'static str) -> Self {
        let visible = io::stderr().is_terminal();
        Self { visible, label, done: 0, total, next: Instant::now() + DELAY, drawn: false }
    }

    #[cfg(test)]
    pub(super) fn hidden() -> Self {
        Self { visible: false, ..Self::new(None, "") }
    }

    /// So many bytes more.
    pub(super) fn add(&mut self, bytes: usize) {
        self.done += bytes as u64;
        let now = Instant::now();
        if self.visible && now >= self.next {
            self.next = now + REDRAW;
            self.drawn = true;
            print(&format!("\r{} {}", self.label, bar(self.done, self.total)));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.drawn {
            let columns = self.label.chars().count() + 1 + bar(self.done, self.total).chars().count();
            print(&format!("\r{}\r", " ".repeat(columns)));
        }
    }
}

fn bar(done: u64, total: Option<u64>) -> String {
    let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    match total {
        Some(total) if total > 0 => {
            let done = done.min(total);
            let filled = usize::try_from(u128::from(done) * BAR as u128 / u128::from(total)).unwrap_or(BAR);
            let bar = format!("[{}{}]", "#".repeat(filled), "-".repeat(BAR - filled));
            format!("{bar} {:6.1} / {:.1} MiB", mebibytes(done), mebibytes(total))
        }
        _ => format!("{:6.1} MiB", mebibytes(done)),
    }
}

fn print(text: &str) {
    let mut stderr = io::stderr();
    // A bar that cannot be drawn is no reason to stop.
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills_and_never_overflows() {
        assert_eq!(bar(0, Some(2 << 20)), format!("[{}]    0.0 / 2.0 MiB", "-".repeat(30)));
        assert_eq!(
            bar(1 << 20, Some(2 << 20)),
            format!("[{}{}]    1.0 / 2.0 MiB", "#".repeat(15), "-".repeat(15))
        );
        assert_eq!(bar(9 << 20, Some(2 << 20)), format!("[{}]    2.0 / 2.0 MiB", "#".repeat(30)));
        assert_eq!(bar(3 << 20, None), "   3.0 MiB");
    }
}

//! What the outbox counts since its start, and how it tells: the text format of Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{Outbox, lock};
use crate::mailer::{Outcome, RecipientOutcome};
use crate::store::StoreError;

/// Upper bounds of a histogram's buckets, in seconds.
const BUCKETS: [f64; 16] =
    [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 120.0];

/// Everything that is counted.
#[derive(Default)]
pub(super) struct Metrics {
    pub(super) accepted: AtomicU64,
    pub(super) accepted_bytes: AtomicU64,
    pub(super) duplicates: AtomicU64,
    pub(super) refused: AtomicU64,
    attempts: AtomicU64,
    reused: AtomicU64,
    /// Recipients.
    delivered: AtomicU64,
    deferred: AtomicU64,
    failed: AtomicU64,
    pub(super) expired: AtomicU64,
    failures: Mutex<BTreeMap<&'static str, u64>>,
    pub(super) accepting: Histogram,
    attempting: Histogram,
}

impl Metrics {
    /// An attempt that has ended.
    pub(super) fn attempted(&self, outcome: &Outcome, took: Duration) {
        count(&self.attempts);
        self.attempting.observe(took);
        if outcome.reused {
            count(&self.reused);
        }
        for recipient in &outcome.recipients {
            count(match recipient {
                RecipientOutcome::Delivered { .. } => &self.delivered,
                RecipientOutcome::Deferred { .. } => &self.deferred,
                RecipientOutcome::Failed { .. } => &self.failed,
            });
        }
        if let Some(failure) = &outcome.failure {
            *lock(&self.failures).entry(failure.kind.code()).or_insert(0) += 1;
        }
    }
}

/// How long something took, how often.
#[derive(Default)]
pub(super) struct Histogram {
    buckets: [AtomicU64; BUCKETS.len()],
    count: AtomicU64,
    micros: AtomicU64,
}

impl Histogram {
    pub(super) fn observe(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        if let Some(bucket) = BUCKETS.iter().position(|bound| seconds <= *bound) {
            count(&self.buckets[bucket]);
        }
        count(&self.count);
        self.micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn write(&self, out: &mut String, name: &str, help: &str) {
        let mut below = 0;
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} histogram");
        for (bound, bucket) in BUCKETS.iter().zip(&self.buckets) {
            below += bucket.load(Ordering::Relaxed);
            let _ = writeln!(out, "{name}_bucket{{le=\"{bound}\"}} {below}");
        }
        let all = self.count.load(Ordering::Relaxed);
        let seconds = self.micros.load(Ordering::Relaxed) as f64 / 1e6;
        let _ = writeln!(out, "{name}_bucket{{le=\"+Inf\"}} {all}\n{name}_sum {seconds}\n{name}_count {all}");
    }
}

/// One more.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Outbox {
    /// All of it, as Prometheus reads it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn metrics(&self) -> Result<String, StoreError> {
        let unfinished = self.store.unfinished(None).await?;
        let mut out = String::new();
        let age = unfinished.oldest.map_or(0, |oldest| self.clock.wall().saturating_sub(oldest).max(0));
        let under_way = lock(&self.flights).len();
        for (name, help, value) in [
            ("faxpost_queue_messages", "Messages that wait for an attempt.", unfinished.queued as f64),
            ("faxpost_held_messages", "Messages that wait until they are released.", unfinished.held as f64),
            ("faxpost_queue_age_seconds", "Since when the oldest of them waits.", age as f64 / 1000.0),
            ("faxpost_attempts_under_way", "Messages that are with the mailer.", under_way as f64),
        ] {
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
        }
        let m = &self.metrics;
        for (name, help, counter) in [
            ("faxpost_accepted_messages_total", "Messages that were accepted.", &m.accepted),
            ("faxpost_accepted_bytes_total", "Their bytes.", &m.accepted_bytes),
            ("faxpost_duplicate_requests_total", "Requests that had been accepted before.", &m.duplicates),
            ("faxpost_refused_messages_total", "Messages that were not accepted.", &m.refused),
            ("faxpost_attempts_total", "Attempts to hand a message over.", &m.attempts),
            ("faxpost_reused_connections_total", "Attempts on a connection that was kept.", &m.reused),
            ("faxpost_delivered_recipients_total", "Recipients that were reached.", &m.delivered),
            ("faxpost_deferred_recipients_total", "Recipients that were put off.", &m.deferred),
            ("faxpost_failed_recipients_total", "Recipients that were refused for good.", &m.failed),
            ("faxpost_expired_messages_total", "Messages that were given up by age.", &m.expired),
        ] {
            let value = counter.load(Ordering::Relaxed);
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}");
        }
        let name = "faxpost_failures_total";
        let _ = writeln!(out, "# HELP {name} Attempts that failed, by kind.\n# TYPE {name} counter");
        for (kind, value) in &*lock(&m.failures) {
            let _ = writeln!(out, "{name}{{kind=\"{kind}\"}} {value}");
        }
        m.accepting.write(&mut out, "faxpost_accept_seconds", "How long accepting a message took.");
        m.attempting.write(&mut out, "faxpost_attempt_seconds", "How long an attempt took.");
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_what_is_below_each_bound() {
        let histogram = Histogram::default();
        for millis in [1, 3, 3, 40, 500_000] {
            histogram.observe(Duration::from_millis(millis));
        }
        let mut out = String::new();
        histogram.write(&mut out, "x", "y");
        for line in
            ["le=\"0.001\"} 1\n", "le=\"0.005\"} 3\n", "le=\"120\"} 4\n", "le=\"+Inf\"} 5\n", "x_count 5\n"]
        {
            assert!(out.contains(line), "{line}: {out}");
        }
        assert!(out.contains("x_sum 500.047\n"), "{out}");
    }
}

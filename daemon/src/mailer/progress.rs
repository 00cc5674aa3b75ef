//! How a job goes, step by step: collects what a step finds, and tells it.

use std::time::Instant;

use futures_util::future::BoxFuture;
use tokio::sync::mpsc::UnboundedSender;

use super::failure::Fault;
use super::{Event, Failure, Reply, Step, StepReport, StepState, TlsInfo};

/// Passed before the end of the content leaves: from there to the answer nobody knows whether the message was taken, and
/// whoever has to know that must know it before.
pub(super) type Gate = Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// The step at hand. Nobody has to listen.
pub(super) struct Progress {
    events: Option<UnboundedSender<Event>>,
    gate: Option<Gate>,
    since: Instant,
    report: StepReport,
    /// Said in every step: that it is not the method's own.
    label: Option<String>,
}

impl Progress {
    pub(super) fn new(events: Option<UnboundedSender<Event>>, gate: Option<Gate>) -> Self {
        Self { events, gate, since: Instant::now(), report: blank(Step::Resolve), label: None }
    }

    /// Somebody listens.
    pub(super) fn is_told(&self) -> bool {
        self.events.is_some()
    }

    /// For the same listener, of a session beside the job's own; each of its steps says so.
    pub(super) fn beside(&self, label: String) -> Self {
        Self { label: Some(label), ..Self::new(self.events.clone(), None) }
    }

    pub(super) fn begin(&mut self, step: Step) {
        self.since = Instant::now();
        self.report = blank(step);
        self.report.details.extend(self.label.clone());
        self.tell(Event::Started(step));
    }

    /// A thing found in this step, for people.
    pub(super) fn note(&mut self, detail: impl Into<String>) {
        self.report.details.push(detail.into());
    }

    /// The server's answer in this step; the last one counts.
    pub(super) fn answered(&mut self, reply: Reply) {
        self.report.reply = Some(reply);
    }

    pub(super) fn tls(&mut self, info: TlsInfo) {
        self.report.tls = Some(info);
    }

    /// To be called before the end of the content leaves.
    pub(super) async fn final_dot(&self) {
        if let Some(gate) = &self.gate {
            gate().await;
        }
    }

    pub(super) fn pass(&mut self) {
        self.finish(StepState::Passed);
    }

    pub(super) fn fail(&mut self, fault: Fault) -> Failure {
        let failure = fault.at(self.report.step);
        self.report.reply.clone_from(&failure.reply);
        self.report.failure = Some(failure.clone());
        self.finish(StepState::Failed);
        failure
    }

    pub(super) fn skip(&mut self, step: Step) {
        self.since = Instant::now();
        self.report = blank(step);
        self.finish(StepState::Skipped);
    }

    fn finish(&mut self, state: StepState) {
        let step = self.report.step;
        let mut report = std::mem::replace(&mut self.report, blank(step));
        report.state = state;
        report.millis = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.tell(Event::Finished(report));
    }

    fn tell(&self, event: Event) {
        if let Some(events) = &self.events {
            // Whoever stopped listening does not stop the job.
            let _ = events.send(event);
        }
    }
}

fn blank(step: Step) -> StepReport {
    StepReport {
        step,
        state: StepState::Passed,
        millis: 0,
        details: Vec::new(),
        reply: None,
        tls: None,
        failure: None,
    }
}

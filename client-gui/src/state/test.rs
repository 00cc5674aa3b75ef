//! A test that goes on: its steps, in their order, and what can be done about the one that failed.

use faxpost_proto::v1::{ServerCertificate, Step, StepState, TestStep};

/// All steps, in their order.
pub const STEPS: [Step; 8] = [
    Step::Resolve,
    Step::Connect,
    Step::Tls,
    Step::Ehlo,
    Step::SignIn,
    Step::Sender,
    Step::Recipient,
    Step::Message,
];

/// How far a test may go, the whole first; those in between are of no interest to a person.
pub const UNTIL: [Step; 5] = [Step::Message, Step::Recipient, Step::SignIn, Step::Tls, Step::Connect];

/// How one step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    /// It was not begun.
    Ahead,
    /// Under way.
    Running,
    /// Done.
    Passed,
    /// Here it ended.
    Failed,
    /// Not needed with these settings.
    Skipped,
    /// A person stopped the test here.
    Stopped,
}

/// A test.
#[derive(Default)]
pub struct Run {
    steps: Vec<TestStep>,
    running: bool,
    stopped: bool,
}

impl Run {
    /// Begins anew.
    pub fn begin(&mut self) {
        *self = Self { running: true, ..Self::default() };
    }

    /// A step began or ended.
    pub fn heard(&mut self, step: TestStep) {
        match self.steps.iter_mut().find(|known| known.step == step.step) {
            Some(known) => *known = step,
            None => self.steps.push(step),
        }
    }

    /// There are no more steps.
    pub fn over(&mut self) {
        self.running = false;
    }

    /// A person stopped it.
    pub fn stop(&mut self) {
        self.stopped = self.running;
        self.running = false;
    }

    /// Whether it goes on.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running
    }

    /// Whether it was ever begun.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.running || !self.steps.is_empty()
    }

    /// Whether all that was wanted went well.
    #[must_use]
    pub fn passed(&self) -> bool {
        !self.running && !self.stopped && self.is_begun() && self.failed().is_none()
    }

    /// How a step stands, and what is known of it.
    #[must_use]
    pub fn stand(&self, step: Step) -> (Stand, Option<&TestStep>) {
        let known = self.steps.iter().find(|known| known.step() == step);
        let stand = match known.map(TestStep::state) {
            Some(StepState::Passed) => Stand::Passed,
            Some(StepState::Failed) => Stand::Failed,
            Some(StepState::Skipped) => Stand::Skipped,
            Some(StepState::Started) if self.running => Stand::Running,
            Some(StepState::Started) if self.stopped => Stand::Stopped,
            _ => Stand::Ahead,
        };
        (stand, known)
    }

    /// The step that failed.
    #[must_use]
    pub fn failed(&self) -> Option<&TestStep> {
        self.steps.iter().find(|step| step.state() == StepState::Failed)
    }

    /// The server's certificate, where TLS failed only because nobody trusts it.
    #[must_use]
    pub fn pinnable(&self) -> Option<&ServerCertificate> {
        // The other failures of a check (expired, another name) are not better after pinning by a fingerprint that
        // nobody compared; but a private or self-signed certificate is what pins are for, and a renewed one.
        const REASONS: [&str; 4] =
            ["CERTIFICATE_UNTRUSTED", "CERTIFICATE_NAME", "CERTIFICATE_EXPIRED", "PIN_MISMATCH"];
        let failed = self.failed().filter(|step| step.step() == Step::Tls)?;
        if !REASONS.contains(&&*failed.failure_reason) {
            return None;
        }
        failed.tls.as_ref()?.chain.first()
    }
}

#[cfg(test)]
mod tests {
    use faxpost_proto::v1::TlsDetails;

    use super::*;

    fn step(step: Step, state: StepState) -> TestStep {
        TestStep { step: step.into(), state: state.into(), ..TestStep::default() }
    }

    #[test]
    fn d1_steps_are_told_live() {
        let mut run = Run::default();
        assert!(!run.is_begun() && !run.passed());
        run.begin();
        run.heard(step(Step::Resolve, StepState::Started));
        assert_eq!(run.stand(Step::Resolve).0, Stand::Running);
        assert_eq!(run.stand(Step::Connect).0, Stand::Ahead);
        run.heard(step(Step::Resolve, StepState::Passed));
        assert_eq!(run.stand(Step::Resolve).0, Stand::Passed);
        run.heard(step(Step::Tls, StepState::Skipped));
        run.over();
        assert!(run.passed());
    }

    #[test]
    fn d1_a_test_can_be_stopped_at_any_time() {
        let mut run = Run::default();
        run.begin();
        run.heard(step(Step::Connect, StepState::Started));
        run.stop();
        assert_eq!(run.stand(Step::Connect).0, Stand::Stopped);
        assert!(!run.passed() && !run.is_running());
    }

    #[test]
    fn a4_an_untrusted_certificate_can_be_pinned_and_another_failure_cannot() {
        let mut run = Run::default();
        run.begin();
        let certificate = ServerCertificate { sha256: "ab".repeat(32), ..ServerCertificate::default() };
        let mut tls = TestStep {
            failure_reason: "CERTIFICATE_UNTRUSTED".into(),
            tls: Some(TlsDetails { chain: vec![certificate.clone()], ..TlsDetails::default() }),
            ..step(Step::Tls, StepState::Failed)
        };
        run.heard(tls.clone());
        assert_eq!(run.pinnable(), Some(&certificate));
        tls.failure_reason = "TLS_FAILED".into();
        run.heard(tls);
        assert_eq!(run.pinnable(), None);
    }
}

//! How a Test looks while it runs: a line a step, what was found beneath it, and what to do when it failed.

use faxpost_proto::{
    advice,
    v1::{Step, StepState, TestStep, TlsDetails},
};

use super::set::set_command;
use crate::{
    commands::Context,
    error::Error,
    output::{
        escape::{escape, one_line, shorten, width},
        has_unicode,
        style::Style,
    },
    times,
};

/// Whether the server's answer holds more than the details above it: EHLO's lines and the banner stand there already.
fn says_more(step: &TestStep) -> bool {
    let told = |line: &str| step.details.iter().any(|detail| detail.contains(line));
    let mut lines = step.answer.lines();
    let first = lines.next().and_then(|line| line.get(4..)).unwrap_or_default();
    let several = step.answer.lines().count() > 1;
    step.tls.is_none() && !first.is_empty() && (if several { !lines.all(told) } else { !told(first) })
}

/// Where details begin.
const MARGIN: &str = "    ";

/// The steps of one Test on the terminal.
pub(super) struct View {
    account: String,
    unicode: bool,
    /// Columns of the line that says which step runs.
    live: usize,
}

impl View {
    pub(super) fn new(account: &str) -> Self {
        Self { account: account.to_owned(), unicode: has_unicode(), live: 0 }
    }

    /// A step began or ended.
    pub(super) fn show(&mut self, step: &TestStep, context: &mut Context) -> Result<(), Error> {
        match step.state() {
            StepState::Started => self.started(step, context),
            StepState::Unspecified => Ok(()),
            state => self.ended(step, state, context),
        }
    }

    /// The stream broke: the step that was under way has no end.
    pub(super) fn abandon(&mut self, context: &mut Context) -> Result<(), Error> {
        if self.live > 0 {
            self.live = 0;
            context.out.line("")?;
        }
        Ok(())
    }

    fn started(&mut self, step: &TestStep, context: &mut Context) -> Result<(), Error> {
        let Some(columns) = context.out.width() else { return Ok(()) };
        let mark = if self.unicode { "…" } else { "." };
        let line = format!("{mark} {}", self.name(step, context));
        // A line that wraps cannot be overwritten.
        let line = shorten(&line, columns.saturating_sub(1));
        self.live = width(&line);
        let line = context.out.paint(Style::Dim, &line);
        context.out.piece(&line)
    }

    fn ended(&mut self, step: &TestStep, state: StepState, context: &mut Context) -> Result<(), Error> {
        let (good, bad, ugly) = if self.unicode { ("✓", "✗", "–") } else { ("+", "x", "-") };
        let (mark, style) = match state {
            StepState::Passed => (good, Style::Good),
            StepState::Failed => (bad, Style::Bad),
            _ => (ugly, Style::Dim),
        };
        let name = self.name(step, context);
        let time = if state == StepState::Skipped {
            context.texts.skipped.to_owned()
        } else {
            times::millis(step.duration_ms)
        };
        let used = width(mark) + 1 + width(&name) + 2 + width(&time);
        let line = format!(
            "{} {name}  {}{}",
            context.out.paint(style, mark),
            context.out.paint(Style::Dim, &time),
            " ".repeat(self.live.saturating_sub(used)),
        );
        if self.live > 0 {
            context.out.piece("\r")?;
            self.live = 0;
        }
        context.out.line(line.trim_end())?;
        match &step.tls {
            // The details say the same once more, in English.
            Some(tls) => self.tls(tls, context)?,
            None => {
                for detail in &step.details {
                    let said = context.texts.said(detail);
                    self.indented("", &said, context)?;
                }
            }
        }
        if says_more(step) || (state == StepState::Failed && !step.answer.is_empty()) {
            self.indented(context.texts.server_says, &step.answer, context)?;
        }
        if state == StepState::Failed {
            self.failure(step, context)?;
        }
        context.out.flush()
    }

    fn failure(&self, step: &TestStep, context: &mut Context) -> Result<(), Error> {
        let texts = context.texts;
        let text = if texts.is_english() { None } else { (texts.failure)(&step.failure_reason) };
        if let Some(translated) = text {
            context.out.line(&format!("{MARGIN}{}", context.out.paint(Style::Bad, translated)))?;
            // The daemon's own sentence has the particulars.
            self.indented("", &texts.said(&step.failure_text), context)?;
        } else if !step.failure_text.is_empty() {
            let text = one_line(&step.failure_text);
            context.out.line(&format!("{MARGIN}{}", context.out.paint(Style::Bad, &text)))?;
        }
        let advice = advice::text(&step.advice_reason, context.language).unwrap_or(&step.advice_text);
        if !advice.is_empty() {
            self.indented(texts.advice, advice, context)?;
        }
        if let Some(pin) = pin_to_offer(step) {
            let command = format!("{} tls-check=pinned:{}", set_command(&self.account), one_line(pin));
            self.indented("", &(texts.offer_pin)(&command), context)?;
        }
        Ok(())
    }

    fn tls(&self, tls: &TlsDetails, context: &mut Context) -> Result<(), Error> {
        let texts = context.texts;
        if !tls.version.is_empty() {
            self.indented("", &format!("{} {}", tls.version, tls.cipher), context)?;
        }
        for (index, certificate) in tls.chain.iter().enumerate() {
            let until = times::local_date(certificate.not_after.as_ref());
            let mut line = (texts.certificate_line)(&certificate.subject, &certificate.issuer, &until);
            if index == 0 {
                line.push_str(", ");
                line.push_str(&(texts.days_left)(tls.days_left));
            }
            self.indented("", &line, context)?;
            if index == 0 {
                if !certificate.names.is_empty() {
                    self.indented("", &format!("  {}", certificate.names.join(", ")), context)?;
                }
                self.indented("", &format!("  SHA-256 {}", certificate.sha256), context)?;
                self.indented(
                    "",
                    &format!("  {} {}", texts.key_sha256, certificate.public_key_sha256),
                    context,
                )?;
            }
        }
        if !tls.tolerated.is_empty() {
            let sentence = (texts.tolerated)(&one_line(&texts.said(&tls.tolerated)));
            context.out.line(&format!("{MARGIN}{}", context.out.paint(Style::Warn, &sentence)))?;
        }
        Ok(())
    }

    /// A label, and lines beneath each other.
    fn indented(&self, label: &str, text: &str, context: &mut Context) -> Result<(), Error> {
        let label = if label.is_empty() { String::new() } else { format!("{label} ") };
        let margin = " ".repeat(width(&label));
        let escaped: Vec<_> = text.lines().map(escape).collect();
        let begin = width(MARGIN) + width(&label);
        let lines: Vec<_> = escaped.iter().flat_map(|line| context.out.wrapped(line, begin)).collect();
        for (index, line) in lines.into_iter().enumerate() {
            let before = context.out.paint(Style::Dim, if index == 0 { &label } else { &margin });
            context.out.line(&format!("{MARGIN}{before}{line}"))?;
        }
        Ok(())
    }

    fn name(&self, step: &TestStep, context: &Context) -> String {
        match step.step() {
            Step::Unspecified => step.step.to_string(),
            known => (context.texts.step)(known).to_owned(),
        }
    }
}

/// The value for tls-check that would let this server pass, when it was the certificate's check that failed. The key's
/// hash, because it outlives a renewal with the same key.
fn pin_to_offer(step: &TestStep) -> Option<&str> {
    let about_certificate = matches!(
        step.failure_reason.as_str(),
        "CERTIFICATE_UNTRUSTED" | "CERTIFICATE_EXPIRED" | "CERTIFICATE_NAME" | "PIN_MISMATCH"
    );
    let certificate = step.tls.as_ref()?.chain.first()?;
    (about_certificate && !certificate.public_key_sha256.is_empty())
        .then_some(&*certificate.public_key_sha256)
}

#[cfg(test)]
mod tests {
    use faxpost_proto::v1::ServerCertificate;

    use super::*;

    #[test]
    fn a4_a_pin_is_offered_for_certificate_failures_only() {
        let certificate = ServerCertificate { public_key_sha256: "ab".repeat(32), ..Default::default() };
        let mut step = TestStep {
            failure_reason: "CERTIFICATE_UNTRUSTED".into(),
            tls: Some(TlsDetails { chain: vec![certificate], ..Default::default() }),
            ..Default::default()
        };
        assert_eq!(pin_to_offer(&step), Some("ab".repeat(32).as_str()));
        step.failure_reason = "TLS_FAILED".into();
        assert_eq!(pin_to_offer(&step), None);
        step.failure_reason = "PIN_MISMATCH".into();
        step.tls = None;
        assert_eq!(pin_to_offer(&step), None);
    }
}

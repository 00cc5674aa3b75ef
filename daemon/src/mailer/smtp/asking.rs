//! What MAIL and RCPT say of a message (RFC 5321 section 4.1.1, with the parameters of its extensions), before any of it is sent.

use lettre::Address;
use lettre::transport::smtp::commands::{Mail, Rcpt};
use lettre::transport::smtp::extension::{MailBodyParameter, MailParameter, RcptParameter};

use super::capabilities::Capabilities;
use super::content::Survey;
use crate::mailer::failure::Fault;
use crate::mailer::{DeliveryStatus, FailureKind, GiveBack, Job, Notify, Step, envelope};

/// A message, to a server that offers these.
pub(super) struct Asking<'a> {
    pub(super) job: &'a Job,
    pub(super) capabilities: &'a Capabilities,
    pub(super) survey: Survey,
    /// Not by BDAT, though it is offered: this server cannot.
    pub(super) without_chunking: bool,
}

impl Asking<'_> {
    /// What the server can never take.
    pub(super) fn check(&self) -> Result<(), Fault> {
        let size = self.job.body.size();
        if let Some(limit) = self.capabilities.size_limit()
            && size > limit
        {
            let text = format!("the message has {size} bytes, and the server takes at most {limit}");
            return Err(Fault::new(FailureKind::TooLarge, text));
        }
        if envelope::is_internationalized(&self.job.envelope) && !self.capabilities.smtputf8 {
            let text =
                "an address has other than ASCII letters before its @, and the server cannot take those";
            return Err(Fault::new(FailureKind::NoSmtputf8, text));
        }
        Ok(())
    }

    /// The message must be read before it is asked for. (A server without 8BITMIME is sent 8-bit content undeclared: all of today's
    /// pass it on.)
    pub(super) fn wants_survey(&self) -> bool {
        !self.job.seven_bit && (self.capabilities.eight_bit_mime || self.capabilities.chunking)
    }

    /// MAIL, with its line end.
    pub(super) fn mail(&self) -> Result<String, Fault> {
        let sender = envelope::sender(&self.job.envelope)?;
        let mut parameters = Vec::new();
        if self.capabilities.size.is_some() {
            let size = usize::try_from(self.job.body.size()).unwrap_or(usize::MAX);
            parameters.push(MailParameter::Size(size));
        }
        if self.capabilities.eight_bit_mime && self.survey.eight_bit {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        if envelope::is_internationalized(&self.job.envelope) {
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if self.capabilities.dsn {
            parameters.extend(self.report_parameters());
        }
        Ok(Mail::new(sender, parameters).to_string())
    }

    /// The caller asks for reports of delivery, and this server has none.
    pub(super) fn lacks_reports(&self) -> bool {
        !self.capabilities.dsn && self.job.delivery_status != DeliveryStatus::default()
    }

    /// RET and ENVID (RFC 3461).
    fn report_parameters(&self) -> Vec<MailParameter> {
        let DeliveryStatus { give_back, envelope_id, .. } = &self.job.delivery_status;
        let other = |keyword: &str, value: &str| MailParameter::Other {
            keyword: keyword.to_owned(),
            value: Some(value.to_owned()),
        };
        let mut parameters = Vec::new();
        parameters.extend(give_back.map(|much| match much {
            GiveBack::Full => other("RET", "FULL"),
            GiveBack::Header => other("RET", "HDRS"),
        }));
        parameters.extend((!envelope_id.is_empty()).then(|| other("ENVID", envelope_id)));
        parameters
    }

    /// RCPT, with its line end.
    pub(super) fn rcpt(&self, address: &Address) -> String {
        Rcpt::new(address.clone(), self.notify_parameters()).to_string()
    }

    fn notify_parameters(&self) -> Vec<RcptParameter> {
        let Some(occasions) = self.job.delivery_status.notify.as_ref().filter(|_| self.capabilities.dsn)
        else {
            return Vec::new();
        };
        let word = |occasion: &Notify| match occasion {
            Notify::Success => "SUCCESS",
            Notify::Failure => "FAILURE",
            Notify::Delay => "DELAY",
        };
        let words: Vec<_> = occasions.iter().map(word).collect();
        let value = if words.is_empty() { "NEVER".to_owned() } else { words.join(",") };
        vec![RcptParameter::Other { keyword: "NOTIFY".to_owned(), value: Some(value) }]
    }

    /// DATA may leave behind the last recipient.
    pub(super) fn asks_for_data(&self) -> bool {
        self.capabilities.pipelining && self.job.until == Step::Message && !self.can_chunk()
    }

    /// One round trip less, and nothing to look for in the content.
    pub(super) fn can_chunk(&self) -> bool {
        self.capabilities.chunking && !self.without_chunking && !self.survey.bare_line_end
    }
}

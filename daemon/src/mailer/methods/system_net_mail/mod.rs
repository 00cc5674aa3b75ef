//! The method `system-net-mail`: System.Net.Mail of .NET, in a process of its own for each message.
//!
//! The helper is C# (`FaxpostNetMail.cs`), compiled with the daemon and part of it, so that nobody but whoever may change the
//! daemon may change the helper. The mailer starts it with what the mailer itself has: its account, no privileges, the
//! same bounds of the kernel. It is told one job and ends; whatever goes wrong in it costs this attempt.
//!
//! System.Net.Mail composes a message from parts. The finished one goes through as a single part, byte for byte, so that a
//! signature stays good; its header is given field by field, and Date is the library's own, of the moment when it goes.

mod helper;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as platform;
#[cfg(windows)]
use windows as platform;

use std::path::Path;

use serde::Serialize;

use super::foreign::{self, Begun, Handed};
use super::header::{self, Header, Mailbox};
use crate::accounts::{Security, TlsCheck};
use crate::mailer::progress::Progress;
use crate::mailer::{Failure, FailureKind, Job, Notify, Outcome, SmtpRoute, Step};

pub(super) use platform::install;

/// For people.
const NAME: &str = "System.Net.Mail";

/// The helper; empty where it was built without a compiler for it.
const HELPER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/FaxpostNetMail.exe"));

/// What this host lacks.
pub(super) fn missing() -> Option<String> {
    missing_with(HELPER)
}

fn missing_with(helper: &[u8]) -> Option<String> {
    if helper.is_empty() {
        let text =
            "this faxpostd was built where there was no compiler for C#: install mono-mcs, and build it anew";
        return Some(text.to_owned());
    }
    platform::missing()
}

pub(in crate::mailer) async fn run(
    job: &Job,
    route: &SmtpRoute,
    progress: Progress,
    programs: &Path,
) -> Outcome {
    let begun = match foreign::begin(job, route, progress, NAME).await {
        Ok(begun) => begun,
        Err(outcome) => return outcome,
    };
    let handed = hand_over(job, route, &begun, programs).await;
    begun.end(handed)
}

async fn hand_over(job: &Job, route: &SmtpRoute, begun: &Begun<'_>, programs: &Path) -> Handed {
    let unreadable = |error: std::io::Error| {
        let text = format!("the message cannot be read: {error}");
        Handed::from(Failure { step: Step::Message, kind: FailureKind::LocalFile, text, reply: None })
    };
    let (header, body) = match header::open(&job.body).await {
        Ok(opened) => opened,
        Err(error) => return unreadable(error),
    };
    let order = match Order::new(job, route, &header, begun.recipients()) {
        Ok(order) => order,
        Err(failure) => return failure.into(),
    };
    helper::run(&order, body, route, begun.progress(), programs).await
}

/// The helper's job, without the body.
#[derive(Debug, Serialize)]
struct Order<'a> {
    server: &'a str,
    port: u16,
    starttls: bool,
    /// "system", "accept-invalid" or "pinned".
    check: &'static str,
    /// Lower-case hex.
    pin: String,
    /// `None`: no sign-in.
    login: Option<&'a str>,
    password: &'a str,
    /// Seconds each.
    connect: u64,
    command: u64,
    data: u64,
    final_answer: u64,
    /// MAIL FROM; empty: nobody.
    sender: &'a str,
    /// RCPT TO.
    recipients: Vec<String>,
    from: Mailbox,
    raw_from: &'a str,
    to: Vec<Mailbox>,
    cc: Vec<Mailbox>,
    reply_to: Vec<Mailbox>,
    /// Everybody in the field is to have the message: .NET sends to whoever stands there.
    shows_to: bool,
    shows_cc: bool,
    subject: String,
    /// Name, value as it stands, value in one line.
    fields: Vec<(&'a str, &'a str, String)>,
    content_type: String,
    /// "7bit", "8bit", "base64" or "quoted-printable".
    encoding: &'static str,
    notify: Option<&'a [Notify]>,
}

/// Fields that the library writes itself, and those that stand for the content.
const LIBRARYS: [&str; 5] = ["from", "sender", "bcc", "date", "mime-version"];

impl<'a> Order<'a> {
    fn new(
        job: &'a Job,
        route: &'a SmtpRoute,
        header: &'a Header,
        recipients: Vec<String>,
    ) -> Result<Self, Failure> {
        let refused = |text: &str| Failure {
            step: Step::Message,
            kind: FailureKind::MessageRejected,
            text: format!("{NAME} cannot send this message: {text}"),
            reply: None,
        };
        let field = |name| header.get(name);
        let value = |name| field(name).map(|field| field.unfolded().trim().to_owned());
        let raw_from = field("from").map(|field| field.value.as_str());
        let from = header.mailboxes("from").into_iter().next();
        let (Some(raw_from), Some(from)) = (raw_from, from) else {
            return Err(refused("it has no author with a usable address"));
        };
        let encoding = value("content-transfer-encoding").unwrap_or_default().to_ascii_lowercase();
        let encoding = match encoding.as_str() {
            "" | "7bit" => "7bit",
            "8bit" => "8bit",
            "base64" => "base64",
            "quoted-printable" => "quoted-printable",
            _ => return Err(refused("its Content-Transfer-Encoding is not one that it knows")),
        };
        let (to, cc) = (header.mailboxes("to"), header.mailboxes("cc"));
        let gets_it = |one: &Mailbox| recipients.iter().any(|to| to.eq_ignore_ascii_case(&one.address));
        let others = header.fields().filter(|field| {
            !LIBRARYS.iter().any(|name| field.is(name))
                && !field.name.to_ascii_lowercase().starts_with("content-")
        });
        let sign_in = route.sign_in.as_ref();
        Ok(Self {
            server: &route.server,
            port: route.port,
            starttls: route.security == Security::Starttls,
            check: match route.tls_check {
                TlsCheck::System => "system",
                TlsCheck::AcceptInvalid => "accept-invalid",
                TlsCheck::Pinned(_) => "pinned",
            },
            pin: match route.tls_check {
                TlsCheck::Pinned(pin) => hex::encode(pin),
                TlsCheck::System | TlsCheck::AcceptInvalid => String::new(),
            },
            login: sign_in.map(|sign_in| sign_in.login.as_str()),
            password: sign_in.map_or("", |sign_in| sign_in.credential.secret().expose()),
            connect: route.timeouts.connect,
            command: route.timeouts.command,
            data: route.timeouts.data,
            final_answer: route.timeouts.final_answer,
            sender: &job.envelope.from,
            shows_to: to.iter().all(gets_it),
            shows_cc: cc.iter().all(gets_it),
            recipients,
            from,
            raw_from,
            to,
            cc,
            reply_to: header.mailboxes("reply-to"),
            subject: field("subject").map(|field| field.decoded()).unwrap_or_default(),
            fields: others.map(|field| (&*field.name, &*field.value, field.unfolded())).collect(),
            content_type: value("content-type").unwrap_or_else(|| "text/plain; charset=us-ascii".to_owned()),
            encoding,
            notify: job.delivery_status.notify.as_deref(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a7_built_without_a_compiler_it_says_what_to_do() {
        let why = missing_with(&[]).unwrap();
        assert!(why.contains("install mono-mcs") && why.contains("build it anew"), "{why}");
        // Built with one, the host decides.
        assert_eq!(missing_with(b"MZ"), platform::missing());
    }
}

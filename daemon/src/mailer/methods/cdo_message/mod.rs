//! The method `cdo-message`: Collaboration Data Objects, a library of Windows that is spoken to through COM.
//!
//! The finished message, signed or not, is loaded through a stream, so that CDO sends what it was given and composes nothing.
//! Who gets it, CDO reads from the message: so those who stand in no other field stand in Bcc, which it takes out again.
//! It gives one answer for all: when one recipient is refused, nobody gets the message, and the answer says who it was.
//!
//! A call may hang as long as the server does, and cannot be ended: each job has a thread of its own, in an apartment of its
//! own ([`call`]). When all that may be are hanging, messages wait for the next attempt, and the mailer's process ends as soon
//! as it has nothing else to do: no job of another account is lost.

mod call;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as platform;
#[cfg(windows)]
use windows as platform;

use std::time::Duration;

use zeroize::Zeroizing;

use super::foreign::{self, Begun, Handed};
use super::header::{self, Header, Mailbox};
use crate::accounts::Security;
use crate::mailer::progress::Progress;
use crate::mailer::{Failure, FailureKind, Job, Notify, Outcome, Reply, SmtpRoute, Step, Timeouts};
use call::Call;

/// For people.
const NAME: &str = "CDO";

/// The largest message, in bytes: it is in memory, and some servers' limit is below this.
const LARGEST: u64 = 200 * 1024 * 1024;

/// Where the names of its settings begin.
const CONFIGURATION: &str = "http://schemas.microsoft.com/cdo/configuration/";

/// What this host lacks.
pub(super) fn missing() -> Option<String> {
    platform::missing()
}

/// Nothing but a new process gives CDO its places back.
pub(in crate::mailer) fn is_worn_out() -> bool {
    call::all_hang()
}

pub(in crate::mailer) async fn run(job: &Job, route: &SmtpRoute, progress: Progress) -> Outcome {
    let begun = match foreign::begin(job, route, progress, NAME).await {
        Ok(begun) => begun,
        Err(outcome) => return outcome,
    };
    let handed = hand_over(job, route, &begun).await;
    begun.end(handed)
}

async fn hand_over(job: &Job, route: &SmtpRoute, begun: &Begun<'_>) -> Handed {
    let failed = |kind, text| Failure { step: Step::Message, kind, text, reply: None };
    if job.body.size() > LARGEST {
        let text = format!("{NAME} takes messages of at most {LARGEST} bytes");
        return failed(FailureKind::TooLarge, text).into();
    }
    let (message, remarks) = match message(job, &begun.recipients()).await {
        Ok(made) => made,
        Err(error) => {
            let text = format!("the message cannot be read: {error}");
            return failed(FailureKind::LocalFile, text).into();
        }
    };
    let order = Order { settings: settings(route), notify: notify(job), message };
    let patience = patience(route.timeouts);
    let Some(call) = Call::begin(route, patience).await else {
        let text = format!("all that {NAME} may do at once was under way");
        return failed(FailureKind::MailerFailed, text).into();
    };
    begun.progress().final_dot().await;
    let failure = match call.make(move || platform::send(&order), patience).await {
        Ok(Ok(())) => None,
        Ok(Err(refusal)) => Some(refusal.failure()),
        Err((kind, text)) => Some(failed(kind, text)),
    };
    Handed {
        failure,
        answer: "taken; CDO does not tell the server's words".to_owned(),
        remarks,
        ..Handed::default()
    }
}

/// A message, and how it goes.
#[cfg_attr(unix, allow(dead_code, reason = "CDO is a part of Windows"))]
struct Order {
    settings: Vec<(String, Value)>,
    /// DSNOptions, when reports were asked for or forbidden.
    notify: Option<i32>,
    message: Vec<u8>,
}

/// A setting's value.
#[cfg_attr(unix, allow(dead_code, reason = "CDO is a part of Windows"))]
enum Value {
    Number(i32),
    Flag(bool),
    Text(Zeroizing<String>),
}

fn settings(route: &SmtpRoute) -> Vec<(String, Value)> {
    let text = |text: &str| Value::Text(Zeroizing::new(text.to_owned()));
    let mut settings = vec![
        // By a server, and not by the pickup folder of this machine.
        ("sendusing", Value::Number(2)),
        ("smtpserver", text(&route.server)),
        ("smtpserverport", Value::Number(route.port.into())),
        ("smtpusessl", Value::Flag(route.security == Security::Implicit)),
        ("smtpconnectiontimeout", Value::Number(i32::try_from(route.timeouts.command).unwrap_or(i32::MAX))),
        // Basic, or none.
        ("smtpauthenticate", Value::Number(route.sign_in.is_some().into())),
    ];
    if let Some(sign_in) = &route.sign_in {
        settings.push(("sendusername", text(&sign_in.login)));
        settings.push(("sendpassword", text(sign_in.credential.secret().expose())));
    }
    settings.into_iter().map(|(name, value)| (format!("{CONFIGURATION}{name}"), value)).collect()
}

fn notify(job: &Job) -> Option<i32> {
    let occasions = job.delivery_status.notify.as_ref()?;
    let bit = |occasion: &Notify| match occasion {
        Notify::Failure => 2,
        Notify::Success => 4,
        Notify::Delay => 8,
    };
    // 1: never.
    Some(if occasions.is_empty() { 1 } else { occasions.iter().map(bit).fold(0, |all, one| all | one) })
}

/// The message as CDO is given it, and what was changed in its header.
async fn message(job: &Job, recipients: &[String]) -> std::io::Result<(Vec<u8>, Vec<String>)> {
    let (header, mut body) = header::open(&job.body).await?;
    let author = header.mailboxes("from").into_iter().next().map(|one| one.address).unwrap_or_default();
    let (header, mut remarks) = addressed(&header, recipients);
    if !author.eq_ignore_ascii_case(&job.envelope.from) {
        remarks.push(format!("{NAME} knows no other sender than the author: MAIL FROM is {author}"));
    }
    let mut message = Vec::with_capacity(usize::try_from(job.body.size()).unwrap_or(0) + header.len());
    message.extend_from_slice(header.as_bytes());
    let mut piece = Vec::new();
    loop {
        body.read(&mut piece).await?;
        if piece.is_empty() {
            return Ok((message, remarks));
        }
        message.extend_from_slice(&piece);
    }
}

/// The header, with the empty line, in which exactly these stand.
fn addressed(header: &Header, recipients: &[String]) -> (String, Vec<String>) {
    let same = |one: &Mailbox, to: &String| to.eq_ignore_ascii_case(&one.address);
    let gets_it = |one: &Mailbox| recipients.iter().any(|to| same(one, to));
    let (mut text, mut remarks, mut shown) = (String::new(), Vec::new(), Vec::new());
    let hides = ["to", "cc"].map(|name| {
        if header.get(name).is_none() {
            return (name, false);
        }
        // CDO reads the field for itself, and one of it that the server refuses is refused for all: `To: root`, or a group.
        let everybody = header.everybody(name).filter(|members| members.iter().all(gets_it));
        let hidden = everybody.is_none();
        shown.extend(everybody.into_iter().flatten());
        if hidden {
            remarks.push(format!("{NAME} would send to everybody in {name}, so that field is left out"));
        }
        (name, hidden)
    });
    for field in header.fields() {
        let left_out = hides.iter().any(|(name, hidden)| *hidden && field.is(name));
        if !left_out && !field.is("bcc") {
            text.push_str(&format!("{}: {}\r\n", field.name, field.value));
        }
    }
    let others = recipients.iter().filter(|to| !shown.iter().any(|one| same(one, to)));
    let others = others.map(String::as_str).collect::<Vec<_>>().join(",\r\n ");
    if !others.is_empty() {
        text.push_str(&format!("Bcc: {others}\r\n"));
    }
    text.push_str("\r\n");
    (text, remarks)
}

fn patience(timeouts: Timeouts) -> Duration {
    // Greeting, EHLO, TLS, three lines of a sign-in, sender, recipients and DATA.
    let commands = timeouts.command.saturating_mul(10);
    let connects = timeouts.connect.saturating_mul(4);
    Duration::from_secs(
        connects.saturating_add(commands).saturating_add(timeouts.data).saturating_add(timeouts.final_answer),
    )
}

/// Why COM or CDO did not do something.
#[derive(Debug)]
struct Refusal {
    /// An HRESULT.
    code: u32,
    /// CDO's words, in the language of the machine.
    text: String,
    /// What was called.
    call: &'static str,
}

impl Refusal {
    fn failure(&self) -> Failure {
        let reply = server_words(&self.text);
        let transport = transport_code(&self.text);
        let (step, kind) = meaning(self.code, transport, reply.as_ref().map(|reply| reply.code));
        let text = match &reply {
            Some(reply) => format!("the server refused: {}", reply.in_one_line()),
            None if self.text.trim().is_empty() => {
                format!("{NAME} failed in {} (0x{:08X})", self.call, self.code)
            }
            None => format!("{NAME} failed: {} (0x{:08X})", self.text.trim(), self.code),
        };
        Failure { step, kind, text, reply }
    }
}

/// The codes are those of `cdosys.h`, and of its transport.
fn meaning(code: u32, transport: Option<u32>, reply: Option<u16>) -> (Step, FailureKind) {
    match (code, transport) {
        // CDO_E_LOGON_FAILURE, CDO_E_AUTHENTICATION_FAILURE, there or as the transport's
        (0x8004_0217 | 0x8004_0215, _) | (_, Some(0x8004_0217 | 0x8004_0215)) => {
            let temporary = reply.is_some_and(|code| (400..500).contains(&code));
            (Step::SignIn, if temporary { FailureKind::AuthTemporary } else { FailureKind::AuthRejected })
        }
        // CDO_E_SENDER_REJECTED, CDO_E_RECIPIENTS_REJECTED
        (0x8004_020E, _) => (Step::Sender, FailureKind::SenderRejected),
        (0x8004_020F, _) => (Step::Recipient, FailureKind::RecipientRejected),
        // CDO_E_FAILED_TO_CONNECT, which it says as well when TLS fails; the transport's host unknown, connect failed
        (_, Some(0x800C_CC0D)) => (Step::Resolve, FailureKind::NameNotFound),
        (0x8004_0213, _) | (_, Some(0x800C_CC0E | 0x8004_0213)) => (Step::Connect, FailureKind::Unreachable),
        // The server's word about the message
        _ if reply.is_some_and(|code| (400..600).contains(&code)) => match reply {
            Some(421) => (Step::Connect, FailureKind::SessionRefused),
            Some(530 | 534 | 535) => (Step::SignIn, FailureKind::AuthRejected),
            _ => (Step::Message, FailureKind::MessageRejected),
        },
        // CDO_E_FROM_MISSING, CDO_E_RECIPIENT_MISSING, CDO_E_INVALID_CONTENT_TYPE: of the message, and for good
        (0x8004_020C | 0x8004_020D | 0x8004_0216, _) => (Step::Message, FailureKind::MessageRejected),
        // CDO_E_SMTP_SEND_FAILED, CDO_E_CONNECTION_DROPPED: where, it does not say
        (0x8004_0211 | 0x8004_0212, _) => (Step::Message, FailureKind::Uncertain),
        _ => (Step::Message, FailureKind::MailerFailed),
    }
}

/// "… The transport error code was 0x80040217. …", in any language.
fn transport_code(text: &str) -> Option<u32> {
    let at = text.find("0x8")?;
    u32::from_str_radix(text.get(at + 2..at + 10)?, 16).ok()
}

/// The server's answer at the end of a sentence: three digits, a blank, words.
fn server_words(text: &str) -> Option<Reply> {
    let starts = text.match_indices([':', '\n']).map(|(at, _)| at + 1);
    let mut answers = starts.filter_map(|at| {
        let words = text[at..].trim();
        let (code, rest) = words.split_at_checked(3)?;
        let digits = code.bytes().all(|byte| byte.is_ascii_digit()) && rest.starts_with([' ', '-']);
        let code = code.parse().ok().filter(|code| digits && (200..600).contains(code))?;
        Some(Reply::retold(code, &[rest[1..].trim().to_owned()]))
    });
    answers.next()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a7_what_cdo_says_is_told_as_what_it_means() {
        for (code, text, step, kind, reply) in [
            (
                0x8004_0213,
                "The transport failed to connect to the server.\r\n",
                Step::Connect,
                FailureKind::Unreachable,
                None,
            ),
            (
                0x8004_020F,
                "The server rejected one or more recipient addresses. The server response was: 550 5.1.1 <x@y>: unknown\r\n",
                Step::Recipient,
                FailureKind::RecipientRejected,
                Some((550, Some("5.1.1"))),
            ),
            (
                0x8004_020F,
                "Сервер отклонил один или несколько адресов получателей. Ответ сервера: 450 4.2.1 later",
                Step::Recipient,
                FailureKind::RecipientRejected,
                Some((450, Some("4.2.1"))),
            ),
            (
                0x8004_020E,
                "The server rejected the sender address. The server response was: 553 no",
                Step::Sender,
                FailureKind::SenderRejected,
                Some((553, None)),
            ),
            (
                0x8004_0211,
                "The message could not be sent to the SMTP server. The transport error code was 0x80040217. The server response was not available\r\n",
                Step::SignIn,
                FailureKind::AuthRejected,
                None,
            ),
            (
                0x8004_0211,
                "The message could not be sent to the SMTP server. The transport error code was 0x800ccc0d. The server response was not available",
                Step::Resolve,
                FailureKind::NameNotFound,
                None,
            ),
            (
                0x8004_0211,
                "The message could not be sent to the SMTP server. The transport error code was 0x80040211. The server response was: 554 5.7.1 spam",
                Step::Message,
                FailureKind::MessageRejected,
                Some((554, Some("5.7.1"))),
            ),
            (0x8004_0211, "The message could not be sent.", Step::Message, FailureKind::Uncertain, None),
            (0x8004_0154, "", Step::Message, FailureKind::MailerFailed, None),
        ] {
            let failure = Refusal { code, text: text.to_owned(), call: "Send" }.failure();
            assert_eq!((failure.step, failure.kind), (step, kind), "{text}");
            let told = failure.reply.as_ref().map(|reply| (reply.code, reply.enhanced.as_deref()));
            assert_eq!(told, reply, "{text}");
            assert!(!failure.text.is_empty());
        }
    }

    #[test]
    fn a7_who_stands_in_the_header_gets_the_message_and_nobody_else() {
        let header =
            Header::parse(b"From: a@b.test\r\nTo: One <one@x.test>\r\nCc: two@x.test\r\nBcc: old@x.test\r\n");
        let to = |list: &[&str]| list.iter().map(|&one| one.to_owned()).collect::<Vec<_>>();
        let (text, remarks) = addressed(&header, &to(&["one@X.test", "two@x.test", "three@x.test"]));
        assert_eq!(
            text,
            "From: a@b.test\r\nTo: One <one@x.test>\r\nCc: two@x.test\r\nBcc: three@x.test\r\n\r\n"
        );
        assert_eq!(remarks, [""; 0]);
        let (text, remarks) = addressed(&header, &to(&["one@x.test"]));
        assert_eq!(text, "From: a@b.test\r\nTo: One <one@x.test>\r\n\r\n");
        assert!(remarks[0].contains("cc"), "{remarks:?}");
        for local in [
            "root",
            "one@x.test, root",
            "undisclosed-recipients:;",
            "group: one@x.test;",
            "",
            "<>",
            "\"root\"",
        ] {
            let header = Header::parse(format!("From: a@b.test\r\nTo: {local}\r\n").as_bytes());
            let (text, remarks) = addressed(&header, &to(&["one@x.test"]));
            assert_eq!(text, "From: a@b.test\r\nBcc: one@x.test\r\n\r\n", "{local}");
            assert!(remarks[0].contains("to"), "{local}: {remarks:?}");
        }
        let (text, _) = addressed(&header, &to(&["three@x.test", "four@x.test"]));
        assert_eq!(text, "From: a@b.test\r\nBcc: three@x.test,\r\n four@x.test\r\n\r\n");
    }

    proptest! {
        #[test]
        fn h6_any_words_are_taken(code in any::<u32>(), text in "\\PC{0,40}|[: 0-9x\\r\\na-f-]{0,60}") {
            let failure = Refusal { code, text, call: "Send" }.failure();
            prop_assert!(!failure.text.is_empty());
        }
    }
}

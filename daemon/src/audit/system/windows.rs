//! The Windows Event Log. Each part is a text of its own after the sentence, so that the log can be searched.

use std::io;

use super::{Event, Outcome};
use crate::service::event_log::{Level, report};

pub(super) fn write(event: &Event) -> io::Result<()> {
    let (level, number) = match event.outcome {
        Outcome::Done => (Level::Information, 100),
        Outcome::Pending => (Level::Information, 101),
        Outcome::Denied => (Level::Warning, 102),
        Outcome::Failed => (Level::Warning, 103),
    };
    report(level, number, Some(&event.caller_id), &texts(event))
}

/// The sentence, and then part by part.
fn texts(event: &Event) -> Vec<String> {
    let request = if event.request == 0 { String::new() } else { event.request.to_string() };
    let parts = [
        ("method", event.method.as_str()),
        ("caller", &event.caller_name),
        ("caller-id", &event.caller_id),
        ("role", &event.role),
        ("origin", &event.origin),
        ("target", &event.target),
        ("outcome", event.outcome.as_str()),
        ("reason", &event.reason),
        ("request", &request),
    ];
    let parts = parts.into_iter().map(|(name, value)| format!("{name}={value}"));
    std::iter::once(event.sentence()).chain(parts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        Event {
            at: 1,
            caller_id: "S-1-5-20".to_owned(),
            caller_name: r"NT AUTHORITY\NETWORK SERVICE".to_owned(),
            role: "service".to_owned(),
            origin: "local, process 4711".to_owned(),
            method: "faxpost.v1.Certificates/GrantKeyAccess".to_owned(),
            target: "certificate ab12 to Факс".to_owned(),
            outcome: Outcome::Pending,
            reason: "APPROVAL_PENDING".to_owned(),
            request: 7,
        }
    }

    #[test]
    fn h4_the_event_log_takes_every_outcome_and_any_name() {
        for outcome in [Outcome::Done, Outcome::Denied, Outcome::Failed, Outcome::Pending] {
            write(&Event { outcome, ..event() }).unwrap();
        }
        let evil = "CN=\0%1\r\n%n".repeat(10_000);
        write(&Event { target: evil, caller_id: "nobody".to_owned(), ..event() }).unwrap();
    }

    #[test]
    fn h4_every_part_is_a_text_of_its_own() {
        let texts = texts(&event());
        assert!(texts[0].starts_with("Certificates/GrantKeyAccess pending"), "{texts:?}");
        assert!(texts.contains(&"target=certificate ab12 to Факс".to_owned()), "{texts:?}");
        assert!(texts.contains(&"caller-id=S-1-5-20".to_owned()), "{texts:?}");
        assert_eq!(texts.len(), 10);
    }
}

//! The Windows Event Log: Application, source Faxpost. Each part is a text of its own after the sentence.
//!
//! How it is shown is told to Windows by the installer; until then the viewer shows the same texts below a remark.

#![allow(unsafe_code)] // the Event Log is a C interface; all of it is here

use std::io;

use windows::Win32::Foundation::{HANDLE, HLOCAL, LocalFree};
use windows::Win32::Security::Authorization::ConvertStringSidToSidW;
use windows::Win32::Security::PSID;
use windows::Win32::System::EventLog::{
    DeregisterEventSource, EVENTLOG_INFORMATION_TYPE, EVENTLOG_WARNING_TYPE, RegisterEventSourceW,
    ReportEventW,
};
use windows::core::{HSTRING, PCWSTR, w};

use super::{Event, Outcome};

const SOURCE: PCWSTR = w!("Faxpost");

/// Of a text, UTF-16 units at most: Windows refuses longer ones.
const LONGEST: usize = 31_839;

pub(super) fn write(event: &Event) -> io::Result<()> {
    let source = Source::open()?;
    let caller = Sid::read(&event.caller_id);
    // Numbers that EventCreate.exe has a text for, which shows the first string.
    let (kind, number) = match event.outcome {
        Outcome::Done => (EVENTLOG_INFORMATION_TYPE, 100),
        Outcome::Pending => (EVENTLOG_INFORMATION_TYPE, 101),
        Outcome::Denied => (EVENTLOG_WARNING_TYPE, 102),
        Outcome::Failed => (EVENTLOG_WARNING_TYPE, 103),
    };
    let texts = texts(event);
    let texts: Vec<PCWSTR> = texts.iter().map(|text| PCWSTR(text.as_ptr())).collect();
    // SAFETY: the source is open; each text ends with zero, as HSTRING has it, and as the SID outlives the call.
    unsafe {
        let caller = caller.as_ref().map(|sid| sid.0);
        ReportEventW(source.0, kind, 0, number, caller, 0, Some(&texts), None)
    }
    .map_err(io::Error::other)
}

/// The sentence, and then part by part, so that the log can be searched.
fn texts(event: &Event) -> Vec<HSTRING> {
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
    std::iter::once(event.sentence()).chain(parts).map(|text| fitting(&text)).collect()
}

/// Without what would end it, and with a gap behind each "%": Windows' viewer puts other texts in the place of "%1" and
/// "%%1", wherever they come from.
fn fitting(text: &str) -> HSTRING {
    let units: Vec<u16> = text.replace('\0', " ").replace('%', "% ").encode_utf16().take(LONGEST).collect();
    HSTRING::from_wide(&units)
}

struct Source(HANDLE);

impl Source {
    fn open() -> io::Result<Self> {
        // SAFETY: the name ends with zero and lives for ever; the handle has its owner at once.
        unsafe { RegisterEventSourceW(None, SOURCE) }.map(Self).map_err(io::Error::other)
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        // SAFETY: opened here, and closed only here.
        let _ = unsafe { DeregisterEventSource(self.0) };
    }
}

/// In memory that Windows lent.
struct Sid(PSID);

impl Sid {
    fn read(text: &str) -> Option<Self> {
        let mut sid = PSID::default();
        // SAFETY: the text ends with zero, as HSTRING has it; the memory has its owner at once.
        unsafe { ConvertStringSidToSidW(&HSTRING::from(text), &mut sid) }.ok()?;
        Some(Self(sid))
    }
}

impl Drop for Sid {
    fn drop(&mut self) {
        // SAFETY: it came from a call that documents LocalFree for it, and is freed only here.
        unsafe { LocalFree(Some(HLOCAL(self.0.0))) };
    }
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
        let texts: Vec<_> = texts(&event()).iter().map(HSTRING::to_string_lossy).collect();
        assert!(texts[0].starts_with("Certificates/GrantKeyAccess pending"), "{texts:?}");
        assert!(texts.contains(&"target=certificate ab12 to Факс".to_owned()), "{texts:?}");
        assert!(texts.contains(&"caller-id=S-1-5-20".to_owned()), "{texts:?}");
        assert_eq!(texts.len(), 10);
        assert_eq!(fitting("100 % of \0").to_string_lossy(), "100 %  of  ");
        assert_eq!(fitting(&"я".repeat(100_000)).len(), LONGEST);
    }
}

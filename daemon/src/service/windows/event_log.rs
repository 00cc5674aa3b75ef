//! The Windows Event Log: Application, source Faxpost.
//!
//! How it is shown is told to Windows by `faxpostd install`; until then the viewer shows the same texts below a remark.

use std::io;

use windows::Win32::Foundation::{HANDLE, HLOCAL, LocalFree};
use windows::Win32::Security::Authorization::ConvertStringSidToSidW;
use windows::Win32::Security::PSID;
use windows::Win32::System::EventLog::{
    DeregisterEventSource, EVENTLOG_ERROR_TYPE, EVENTLOG_INFORMATION_TYPE, EVENTLOG_WARNING_TYPE,
    REPORT_EVENT_TYPE, RegisterEventSourceW, ReportEventW,
};
use windows::core::{HSTRING, PCWSTR};

/// The name that events are found under.
pub(super) const SOURCE: &str = "Faxpost";

/// Of a text, UTF-16 units at most: Windows refuses longer ones.
const LONGEST: usize = 31_839;

/// How much somebody should care.
#[derive(Clone, Copy)]
pub(crate) enum Level {
    Information,
    Warning,
    Error,
}

/// Writes an event: its number (EventCreate.exe has a text for 1 to 1000, which shows the first string), the SID of who
/// caused it, and its texts.
pub(crate) fn report(level: Level, number: u32, cause: Option<&str>, texts: &[String]) -> io::Result<()> {
    let source = Source::open()?;
    let cause = cause.and_then(Sid::read);
    let texts: Vec<HSTRING> = texts.iter().map(|text| fitting(text)).collect();
    let texts: Vec<PCWSTR> = texts.iter().map(|text| PCWSTR(text.as_ptr())).collect();
    // SAFETY: the source is open; each text ends with zero, as HSTRING has it, and as the SID outlives the call.
    unsafe {
        let cause = cause.as_ref().map(|sid| sid.0);
        ReportEventW(source.0, kind(level), 0, number, cause, 0, Some(&texts), None)
    }
    .map_err(io::Error::other)
}

fn kind(level: Level) -> REPORT_EVENT_TYPE {
    match level {
        Level::Information => EVENTLOG_INFORMATION_TYPE,
        Level::Warning => EVENTLOG_WARNING_TYPE,
        Level::Error => EVENTLOG_ERROR_TYPE,
    }
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
        // SAFETY: the name ends with zero, as HSTRING has it; the handle has its owner at once.
        unsafe { RegisterEventSourceW(None, &HSTRING::from(SOURCE)) }.map(Self).map_err(io::Error::other)
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

    #[test]
    fn h4_the_event_log_takes_every_level_and_any_text() {
        for level in [Level::Information, Level::Warning, Level::Error] {
            report(level, 1, None, &["Служба".to_owned()]).unwrap();
        }
        let evil = "CN=\0%1\r\n%n".repeat(10_000);
        report(Level::Warning, 102, Some("nobody"), &[evil.clone(), evil]).unwrap();
        report(Level::Information, 100, Some("S-1-5-20"), &[]).unwrap();
    }

    #[test]
    fn h4_no_text_brings_others_into_the_viewer() {
        assert_eq!(fitting("100 % of \0").to_string_lossy(), "100 %  of  ");
        assert_eq!(fitting(&"я".repeat(100_000)).len(), LONGEST);
    }
}

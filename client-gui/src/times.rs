//! Times as people write them where the language is spoken, in the time zone of whoever reads.

use faxpost_proto::advice::Language;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use prost_types::Timestamp as Wire;

/// Date and time to the second; `-` for none.
#[must_use]
pub fn local(time: Option<&Wire>, language: Language) -> String {
    zoned(
        time,
        match language {
            Language::En => "%Y-%m-%d %H:%M:%S",
            Language::Ru => "%d.%m.%Y %H:%M:%S",
        },
    )
}

/// Date only; `-` for none.
#[must_use]
pub fn local_date(time: Option<&Wire>, language: Language) -> String {
    zoned(
        time,
        match language {
            Language::En => "%Y-%m-%d",
            Language::Ru => "%d.%m.%Y",
        },
    )
}

/// Milliseconds: `12 ms`, `3.4 s`; in Russian `12 мс`, `3,4 с`.
#[must_use]
pub fn millis(millis: i32, language: Language) -> String {
    let millis = millis.max(0);
    let text =
        if millis < 1000 { format!("{millis} ms") } else { format!("{:.1} s", f64::from(millis) / 1000.0) };
    match language {
        Language::En => text,
        Language::Ru => text.replace('.', ",").replace("ms", "мс").replace(" s", " с"),
    }
}

/// Minutes and seconds left: `4:09`.
#[must_use]
pub fn countdown(seconds: u64) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

fn zoned(time: Option<&Wire>, format: &str) -> String {
    time.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok())
        .map_or_else(|| "-".to_owned(), |time| time.to_zoned(TimeZone::system()).strftime(format).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_language_does() {
        let noon = Wire { seconds: 1_795_867_200, nanos: 0 };
        assert!(local_date(Some(&noon), Language::Ru).ends_with(".2026"));
        assert!(local_date(Some(&noon), Language::En).starts_with("2026-"));
        assert_eq!(local(None, Language::En), "-");
        assert_eq!(millis(3_400, Language::Ru), "3,4 с");
        assert_eq!(millis(12, Language::Ru), "12 мс");
        assert_eq!(millis(12, Language::En), "12 ms");
        assert_eq!([0, 59, 605].map(countdown), ["0:00", "0:59", "10:05"]);
    }
}

//! Times and durations: read from the command line, and shown in the time zone of whoever reads.

use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};
use prost_types::Timestamp as Wire;

/// A moment: RFC 3339, a local date or date and time, or how long ago: `90s`, `15m`, `2h`, `3d`, `1w`.
pub(crate) fn parse_moment(text: &str) -> Result<Wire, String> {
    moment(text, Timestamp::now(), &TimeZone::system()).map(to_wire).ok_or_else(|| {
        "expected RFC 3339 (2026-11-23T14:00:00+03:00), a local date or time (2026-11-23, 2026-11-23T14:00), \
         or how long ago (90s, 15m, 2h, 3d, 1w)"
            .to_owned()
    })
}

/// RFC 3339, as it can be typed again.
pub(crate) fn rfc3339(time: &Wire) -> String {
    Timestamp::new(time.seconds, time.nanos).map_or_else(|_| String::new(), |time| time.to_string())
}

/// Date and time to the second, local.
pub(crate) fn local(time: Option<&Wire>) -> String {
    zoned(time, "%Y-%m-%d %H:%M:%S")
}

/// Date only, local.
pub(crate) fn local_date(time: Option<&Wire>) -> String {
    zoned(time, "%Y-%m-%d")
}

/// Milliseconds for people: `12 ms`, `3.4 s`.
pub(crate) fn millis(millis: i32) -> String {
    let millis = millis.max(0);
    if millis < 1000 { format!("{millis} ms") } else { format!("{:.1} s", f64::from(millis) / 1000.0) }
}

fn zoned(time: Option<&Wire>, format: &str) -> String {
    time.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok())
        .map_or_else(|| "-".to_owned(), |time| time.to_zoned(TimeZone::system()).strftime(format).to_string())
}

fn moment(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    if let Some(ago) = ago(text) {
        return now.checked_sub(ago).ok();
    }
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment);
    }
    let local = text.parse::<civil::DateTime>().ok()?;
    local.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp())
}

fn ago(text: &str) -> Option<SignedDuration> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    let number = &text[..text.len() - unit.len_utf8()];
    // `parse` would take a sign, too.
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let count = digits.then(|| number.parse::<i64>().ok()).flatten()?;
    count.checked_mul(seconds).map(SignedDuration::from_secs)
}

fn to_wire(time: Timestamp) -> Wire {
    // prost wants 0 ≤ nanos, also before 1970.
    let nanos = time.subsec_nanosecond();
    let (seconds, nanos) =
        if nanos < 0 { (time.as_second() - 1, nanos + 1_000_000_000) } else { (time.as_second(), nanos) };
    Wire { seconds, nanos }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Option<String> {
        let now = "2026-11-23T12:00:00Z".parse().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(3));
        moment(text, now, &zone).map(|moment| moment.to_string())
    }

    #[test]
    fn a_moment_is_absolute_local_or_ago() {
        assert_eq!(at("2026-11-20T10:00:00+03:00").as_deref(), Some("2026-11-20T07:00:00Z"));
        assert_eq!(at("2026-11-20T10:00:00Z").as_deref(), Some("2026-11-20T10:00:00Z"));
        assert_eq!(at("2026-11-20").as_deref(), Some("2026-11-19T21:00:00Z"));
        assert_eq!(at("2026-11-20T10:30").as_deref(), Some("2026-11-20T07:30:00Z"));
        assert_eq!(at("90s").as_deref(), Some("2026-11-23T11:58:30Z"));
        assert_eq!(at("2h").as_deref(), Some("2026-11-23T10:00:00Z"));
        assert_eq!(at("3d").as_deref(), Some("2026-11-20T12:00:00Z"));
        assert_eq!(at("1w").as_deref(), Some("2026-11-16T12:00:00Z"));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "h",
            "-2h",
            "+2h",
            "2",
            "2y",
            "2 h",
            "tomorrow",
            "2026-13-01",
            "99999999999999999999d",
            "9223372036854775807w",
            "٣h",
        ] {
            assert_eq!(at(text), None, "{text:?}");
        }
    }

    #[test]
    fn milliseconds_grow_into_seconds() {
        assert_eq!(millis(7), "7 ms");
        assert_eq!(millis(999), "999 ms");
        assert_eq!(millis(3_440), "3.4 s");
        assert_eq!(millis(-1), "0 ms");
    }

    #[test]
    fn a_time_before_1970_has_positive_nanoseconds() {
        let wire = to_wire("1969-12-31T23:59:59.5Z".parse().unwrap());
        assert_eq!((wire.seconds, wire.nanos), (-1, 500_000_000));
    }

    #[test]
    fn an_impossible_time_from_the_wire_is_a_dash() {
        assert_eq!(local(None), "-");
        assert_eq!(local(Some(&Wire { seconds: i64::MAX, nanos: 0 })), "-");
    }

    proptest! {
        #[test]
        fn any_text_parses_or_is_refused(text in "\\PC{0,24}") {
            let _ = at(&text);
        }

        #[test]
        fn any_text_with_a_unit_parses_or_is_refused(text in "[0-9٠-٩-]{0,24}[smhdwж]") {
            let _ = at(&text);
        }
    }
}

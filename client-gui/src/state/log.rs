//! What of the e-mail log is looked for.

use faxpost_proto::v1::{EntryFilter, EntryKind, EntryOutcome};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use prost_types::Timestamp as Wire;

/// Outcomes in the order of their list, after "any".
pub const OUTCOMES: [EntryOutcome; 4] =
    [EntryOutcome::Ok, EntryOutcome::Partial, EntryOutcome::Temporary, EntryOutcome::Permanent];
/// Kinds in the order of their list, after "all".
pub const KINDS: [EntryKind; 5] =
    [EntryKind::Accepted, EntryKind::Attempt, EntryKind::Test, EntryKind::Expired, EntryKind::Steered];
/// Times in the order of their list.
pub const SPANS: [Span; 6] = [Span::Any, Span::Hour, Span::Today, Span::Week, Span::Month, Span::Between];

/// When it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Span {
    /// At any time.
    #[default]
    Any,
    /// In the last hour.
    Hour,
    /// Since midnight.
    Today,
    /// In the last seven days.
    Week,
    /// In the last thirty days.
    Month,
    /// Between two days that are typed.
    Between,
}

/// What is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// All, if none.
    pub outcome: Option<EntryOutcome>,
    /// All, if none.
    pub kind: Option<EntryKind>,
    /// When it was.
    pub span: Span,
    /// First day, as it is typed.
    pub from: String,
    /// Last day, as it is typed.
    pub until: String,
    /// Id; empty: all.
    pub account: String,
    /// Part of a recipient's address.
    pub recipient: String,
    /// Part of the caller's name.
    pub caller: String,
    /// Id of one message; empty: all.
    pub message: String,
}

impl Search {
    /// Something is looked for.
    #[must_use]
    pub fn is_any(&self) -> bool {
        *self == Self::default()
    }

    /// What the daemon is asked for.
    ///
    /// # Errors
    /// What was typed as a day, and is none.
    pub fn filter(&self, now: &Zoned) -> Result<EntryFilter, String> {
        let ago = |hours: i64| now.timestamp().checked_sub(SignedDuration::from_hours(hours)).ok();
        let (since, until) = match self.span {
            Span::Any => (None, None),
            Span::Hour => (ago(1), None),
            Span::Today => (now.start_of_day().ok().map(|day| day.timestamp()), None),
            Span::Week => (ago(7 * 24), None),
            Span::Month => (ago(30 * 24), None),
            Span::Between => {
                let zone = now.time_zone();
                let since = midnight(&self.from, 0, zone)?;
                // The last day belongs to it.
                (since, midnight(&self.until, 1, zone)?)
            }
        };
        Ok(EntryFilter {
            message: self.message.trim().to_owned(),
            account: self.account.clone(),
            recipient: self.recipient.trim().to_owned(),
            caller: self.caller.trim().to_owned(),
            kinds: self.kind.into_iter().map(Into::into).collect(),
            outcomes: self.outcome.into_iter().map(Into::into).collect(),
            since: since.map(wire),
            until: until.map(wire),
        })
    }
}

/// The first address, and how many more.
#[must_use]
pub fn addresses<'a>(mut all: impl ExactSizeIterator<Item = &'a str>) -> String {
    match (all.next(), all.len()) {
        (None, _) => String::new(),
        (Some(only), 0) => only.to_owned(),
        (Some(first), more) => format!("{first} +{more}"),
    }
}

/// A day as people type it: 2026-11-26, or 26.11.2026. Empty: none.
fn midnight(typed: &str, later: i64, zone: &TimeZone) -> Result<Option<Timestamp>, String> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Ok(None);
    }
    let day = ["%Y-%m-%d", "%d.%m.%Y"].into_iter().find_map(|format| Date::strptime(format, typed).ok());
    let day = day.and_then(|day| day.checked_add(jiff::Span::new().try_days(later).ok()?).ok());
    let begin = day.and_then(|day| day.to_zoned(zone.clone()).ok());
    begin.map(|begin| Some(begin.timestamp())).ok_or_else(|| typed.to_owned())
}

fn wire(time: Timestamp) -> Wire {
    Wire { seconds: time.as_second(), nanos: time.subsec_nanosecond() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Zoned {
        "2026-11-26T12:00:00+00:00[UTC]".parse().unwrap()
    }

    #[test]
    fn e3_nothing_is_asked_for_that_was_not_chosen() {
        assert_eq!(Search::default().filter(&now()), Ok(EntryFilter::default()));
        assert!(Search::default().is_any());
    }

    #[test]
    fn e3_days_are_understood_as_either_language_writes_them() {
        let between = |from: &str, until: &str| {
            let search =
                Search { span: Span::Between, from: from.into(), until: until.into(), ..Search::default() };
            search
                .filter(&now())
                .map(|filter| (filter.since.map(|time| time.seconds), filter.until.map(|time| time.seconds)))
        };
        let day = 86_400;
        let begin = "2026-11-20T00:00:00Z".parse::<Timestamp>().unwrap().as_second();
        assert_eq!(between("2026-11-20", "20.11.2026"), Ok((Some(begin), Some(begin + day))));
        assert_eq!(between(" 20.11.2026 ", ""), Ok((Some(begin), None)));
        assert_eq!(between("", ""), Ok((None, None)));
        assert_eq!(between("2026-11-20", "yesterday"), Err("yesterday".to_owned()));
        assert_eq!(between("31.02.2026", ""), Err("31.02.2026".to_owned()));
    }

    #[test]
    fn e3_spans_end_now() {
        let since = |span| {
            let search = Search { span, ..Search::default() };
            now().timestamp().as_second() - search.filter(&now()).unwrap().since.unwrap().seconds
        };
        assert_eq!(
            [Span::Hour, Span::Today, Span::Week, Span::Month].map(since),
            [3_600, 12 * 3_600, 7 * 86_400, 30 * 86_400]
        );
    }

    #[test]
    fn e3_of_many_recipients_the_first_is_shown() {
        let shown = |all: &[&str]| addresses(all.iter().copied());
        assert_eq!(shown(&[]), "");
        assert_eq!(shown(&["a@b"]), "a@b");
        assert_eq!(shown(&["a@b", "c@d", "e@f"]), "a@b +2");
    }
}

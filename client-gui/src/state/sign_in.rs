//! Where a sign-in stands, which ways there are to get one, and why one cannot be gone just now.

use std::time::SystemTime;

use faxpost_proto::v1::{Account, OAuthFlow, OAuthProfile, SignInState};

use super::account::Form;

/// The profile of whoever registered with no known provider.
pub const CUSTOM: &str = "custom";

/// How the service signs in to the mail server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It does not.
    None,
    /// With a password.
    Password,
    /// With OAuth 2.0.
    OAuth,
}

/// All, in the order of the page.
pub const WAYS: [Way; 3] = [Way::None, Way::Password, Way::OAuth];

/// The way of an account.
#[must_use]
pub fn way(account: &Account) -> Way {
    match (account.authentication, account.oauth) {
        (false, _) => Way::None,
        (true, false) => Way::Password,
        (true, true) => Way::OAuth,
    }
}

/// Chooses another way.
pub fn choose(form: &mut Form, way: Way) {
    match way {
        Way::None => form.switch("authentication", false),
        Way::Password => {
            form.switch("authentication", true);
            form.switch("oauth", false);
        }
        Way::OAuth => form.switch("oauth", true),
    }
}

/// Why nobody can sign in this way now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Barrier {
    /// The policy.
    Denied,
    /// The changes on this page must be saved first.
    Unsaved,
    /// There is no client ID.
    NoClient,
    /// The provider has no such way.
    NotOffered,
    /// It wants a client secret.
    NoSecret,
    /// Another one is under way.
    Busy,
}

/// Why nobody can sign in this way now; `None`: one can.
#[must_use]
pub fn barrier(
    form: &Form,
    profile: Option<&OAuthProfile>,
    flow: OAuthFlow,
    may: bool,
    busy: bool,
) -> Option<Barrier> {
    let account = form.draft();
    if !may {
        return Some(Barrier::Denied);
    }
    if busy {
        return Some(Barrier::Busy);
    }
    let known = profile.filter(|profile| !profile.flows.is_empty());
    if known.is_some_and(|profile| !profile.flows.contains(&flow.into())) {
        return Some(Barrier::NotOffered);
    }
    if account.oauth_client_id.is_empty() {
        return Some(Barrier::NoClient);
    }
    // The daemon signs in with what is saved.
    if !form.changed().is_empty() {
        return Some(Barrier::Unsaved);
    }
    let wants_secret =
        flow == OAuthFlow::ClientCredentials || known.is_some_and(|profile| profile.client_secret_required);
    (wants_secret && !account.has_oauth_client_secret).then_some(Barrier::NoSecret)
}

/// How loud the state is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// All is well.
    Good,
    /// Nobody needs to do anything yet.
    Uneasy,
    /// Somebody must sign in.
    Bad,
    /// Nothing to say.
    Quiet,
}

/// The tone of a state.
#[must_use]
pub fn tone(state: SignInState) -> Tone {
    match state {
        SignInState::SignedIn => Tone::Good,
        SignInState::Degraded => Tone::Uneasy,
        SignInState::Lost => Tone::Bad,
        SignInState::SignedOut | SignInState::Unspecified => Tone::Quiet,
    }
}

/// Seconds until `end`; a clock that is wrong makes it no more than `most`.
#[must_use]
pub fn seconds_left(end: SystemTime, now: SystemTime, most: u64) -> u64 {
    end.duration_since(now).map_or(0, |left| left.as_secs()).min(most)
}

/// A date as it is typed, at its beginning in UTC; `None`: it is none.
#[must_use]
pub fn date(text: &str) -> Option<prost_types::Timestamp> {
    let date: jiff::civil::Date = text.trim().parse().ok()?;
    let start = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(prost_types::Timestamp { seconds: start.timestamp().as_second(), nanos: 0 })
}

/// A moment as the date that would be typed for it.
#[must_use]
pub fn typed_date(time: Option<&prost_types::Timestamp>) -> String {
    let moment = time.and_then(|time| jiff::Timestamp::new(time.seconds, time.nanos).ok());
    moment.map_or_else(String::new, |moment| {
        moment.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y-%m-%d").to_string()
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn form(change: impl FnOnce(&mut Account)) -> Form {
        let mut account =
            Account { authentication: true, oauth: true, oauth_client_id: "me".into(), ..Account::default() };
        change(&mut account);
        let mut form = Form::default();
        form.arrive(account);
        form
    }

    #[test]
    fn b1_a_way_is_chosen_and_read_back() {
        let mut form = form(|_| ());
        for chosen in WAYS {
            choose(&mut form, chosen);
            assert_eq!(way(form.draft()), chosen);
        }
    }

    #[test]
    fn b2_what_stands_in_the_way_is_said() {
        let microsoft = OAuthProfile {
            flows: vec![OAuthFlow::AuthorizationCode.into(), OAuthFlow::ClientCredentials.into()],
            ..OAuthProfile::default()
        };
        let code = OAuthFlow::AuthorizationCode;
        let look = |form: &Form, flow| barrier(form, Some(&microsoft), flow, true, false);
        let ready = form(|_| ());
        assert_eq!(look(&ready, code), None);
        assert_eq!(look(&ready, OAuthFlow::DeviceCode), Some(Barrier::NotOffered));
        assert_eq!(look(&ready, OAuthFlow::ClientCredentials), Some(Barrier::NoSecret));
        assert_eq!(barrier(&ready, None, code, false, false), Some(Barrier::Denied));
        assert_eq!(barrier(&ready, None, code, true, true), Some(Barrier::Busy));
        let mut changed = form(|_| ());
        changed.edit("oauth_scope", "mail");
        assert_eq!(look(&changed, code), Some(Barrier::Unsaved));
        let none = form(|account| account.oauth_client_id.clear());
        assert_eq!(look(&none, code), Some(Barrier::NoClient));
    }

    #[test]
    fn b3_the_countdown_does_not_follow_a_wrong_clock() {
        let now = SystemTime::now();
        assert_eq!(seconds_left(now + Duration::from_secs(59), now, 600), 59);
        assert_eq!(seconds_left(now + Duration::from_secs(90_000), now, 600), 600);
        assert_eq!(seconds_left(now - Duration::from_secs(5), now, 600), 0);
    }

    #[test]
    fn b7_a_date_is_read_and_shown_again() {
        let time = date("2027-06-30");
        assert_eq!(typed_date(time.as_ref()), "2027-06-30");
        assert_eq!(date("30.06.2027"), None);
        assert_eq!(typed_date(None), "");
    }
}

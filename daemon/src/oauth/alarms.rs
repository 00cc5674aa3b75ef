//! What an administrator should know before mail waits (requirement B7).

use super::profiles::Flow;
use super::uses_oauth;
use super::view::{SignIn, SignInState};
use crate::alarm::Alarm;
use crate::store::AccountRow;

const DAY_MS: i64 = 86_400_000;

/// An ageing refresh token is told of so long before it ends.
const AGEING_DAYS: i64 = 14;

/// Alarms about one account's sign-in.
#[must_use]
pub fn alarms(row: &AccountRow, sign_in: &SignIn, now: i64) -> Vec<Alarm> {
    let mut alarms = Vec::new();
    if !uses_oauth(row) {
        return alarms;
    }
    match sign_in.state {
        SignInState::SignedOut => {
            let text =
                "the account uses OAuth 2.0 and nobody has signed in: its mail is held until somebody does";
            alarms.push(Alarm::new("OAUTH_SIGNED_OUT", text));
        }
        SignInState::Lost => {
            let text = format!(
                "the sign-in was lost, and mail is held until it is repaired ({})",
                sign_in.error_text
            );
            alarms.push(Alarm::new("OAUTH_LOST", text));
        }
        SignInState::SignedIn | SignInState::Degraded => alarms.extend(ageing(sign_in, now)),
    }
    if let Some(ends) = row.account.oauth_settings.client_secret_expires_at
        && let Some(when) = soon(ends, now, &[1, 7, 30])
    {
        let text =
            format!("the client secret {when}: make a new one at the provider and set oauth_client_secret");
        alarms.push(Alarm::before(ends, "OAUTH_CLIENT_SECRET_EXPIRING", text));
    }
    alarms
}

fn ageing(sign_in: &SignIn, now: i64) -> Option<Alarm> {
    let renewable = sign_in.refresh_at.is_some() || sign_in.flow == Some(Flow::ClientCredentials);
    const REASON: &str = "OAUTH_REFRESH_TOKEN_AGEING";
    match (renewable, sign_in.refresh_expires_at) {
        (false, _) => Some(Alarm::new(
            REASON,
            "the provider gave no refresh token: when the access token ends, somebody must sign in again \
                       (Microsoft: add offline_access to the scope; Google: sign in anew)",
        )),
        (true, Some(ends)) => {
            let when = soon(ends, now, &[AGEING_DAYS])?;
            Some(Alarm::before(ends, REASON, format!("the refresh token {when}: sign in again")))
        }
        (true, None) => None,
    }
}

/// "ends within 7 days", by the first of `days` that is enough.
fn soon(ends: i64, now: i64, days: &[i64]) -> Option<String> {
    let left = ends.saturating_sub(now);
    if left <= 0 {
        return Some("is over".to_owned());
    }
    let days = days.iter().find(|days| left <= **days * DAY_MS)?;
    Some(if *days == 1 { "ends within a day".to_owned() } else { format!("ends within {days} days") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b7_alarms_come_30_7_and_1_days_before() {
        let at = |days: i64| soon(days * DAY_MS, 0, &[1, 7, 30]);
        assert_eq!(at(31), None);
        assert_eq!(at(30).as_deref(), Some("ends within 30 days"));
        assert_eq!(at(8).as_deref(), Some("ends within 30 days"));
        assert_eq!(at(7).as_deref(), Some("ends within 7 days"));
        assert_eq!(at(1).as_deref(), Some("ends within a day"));
        assert_eq!(at(0).as_deref(), Some("is over"));
    }
}

//! Where the sign-in of an account stands, for people.

use faxpost_proto::v1::{SignIn, SignInState};

use crate::{lang::Texts, output::escape::one_line, times};

/// All that is known; several lines.
pub(crate) fn pairs(sign_in: &SignIn, texts: &'static Texts) -> Vec<(&'static str, String)> {
    let texts = &texts.signin;
    let mut pairs = vec![(texts.sign_in, state(sign_in, texts))];
    if !sign_in.scope.is_empty() {
        pairs.push((texts.scope, sign_in.scope.clone()));
    }
    if let Some(end) = &sign_in.access_token_expire_time {
        pairs.push((texts.access_token, (texts.valid_until)(&times::local(Some(end)))));
    }
    if let Some(renewed) = &sign_in.refresh_token_time {
        let renewed = times::local(Some(renewed));
        let token = match &sign_in.refresh_token_expire_time {
            Some(end) => (texts.renewed_until)(&renewed, &times::local(Some(end))),
            None => (texts.renewed)(&renewed),
        };
        pairs.push((texts.refresh_token, token));
    }
    let error = [sign_in.error_code.as_str(), &sign_in.error_text].join(" ");
    if !error.trim().is_empty() {
        pairs.push((texts.provider_says, error.trim().to_owned()));
    }
    pairs
}

/// Account and state in a line; `None`: nothing that an overview should have.
pub(crate) fn line(sign_in: &SignIn, texts: &Texts) -> Option<String> {
    let texts = &texts.signin;
    match sign_in.state() {
        SignInState::Unspecified | SignInState::SignedOut => None,
        _ => Some(format!("{}: {}", one_line(&sign_in.account), state(sign_in, texts))),
    }
}

fn state(sign_in: &SignIn, texts: &crate::lang::SignInTexts) -> String {
    let state = (texts.state)(sign_in.state());
    let who = &sign_in.signed_in_by;
    if sign_in.state() == SignInState::SignedOut || who.is_empty() {
        return state.to_owned();
    }
    format!("{state} ({})", (texts.by)(who, &times::local(sign_in.sign_in_time.as_ref())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::{EN, RU};

    #[test]
    fn b5_a_lost_sign_in_says_what_the_provider_said_and_what_to_do() {
        let lost = SignIn {
            account: "default".into(),
            state: SignInState::Lost.into(),
            signed_in_by: "anna".into(),
            error_code: "invalid_grant".into(),
            error_text: "the grant was revoked".into(),
            ..SignIn::default()
        };
        assert_eq!(line(&lost, &EN).as_deref(), Some("default: lost: sign in again (by anna, -)"));
        let shown = pairs(&lost, &RU);
        assert_eq!(shown[0].1, "утрачен: войдите заново (anna, -)");
        assert_eq!(shown[1].1, "invalid_grant the grant was revoked");
        let out = SignIn { state: SignInState::SignedOut.into(), ..SignIn::default() };
        assert_eq!(line(&out, &EN), None);
    }
}

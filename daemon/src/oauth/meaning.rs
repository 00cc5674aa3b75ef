//! What a provider's refusal means: is the grant lost or the client refused, and what should a person do about it.

use super::grant::{Loss, LossKind};
use crate::mailer::{ExchangeError, ExchangeFault};

/// Advice where mail waits because nobody has signed in.
pub const SIGN_IN_FIRST: &str = "OAUTH_SIGN_IN_FIRST";
/// Advice where the access token is over and there is nothing to renew it with.
pub(super) const NO_REFRESH_TOKEN: &str = "OAUTH_NO_REFRESH_TOKEN";

/// What Microsoft's codes mean; its RFC codes are too coarse.
const AADSTS: &[(&str, &str)] = &[
    ("AADSTS700082", "OAUTH_UNUSED_TOO_LONG"),
    ("AADSTS70008", "OAUTH_UNUSED_TOO_LONG"),
    ("AADSTS700084", "OAUTH_SIGN_IN_AGAIN"),
    ("AADSTS50173", "OAUTH_PASSWORD_CHANGED"),
    ("AADSTS70043", "OAUTH_POLICY_WANTS_SIGN_IN"),
    ("AADSTS50076", "OAUTH_POLICY_WANTS_SIGN_IN"),
    ("AADSTS50078", "OAUTH_POLICY_WANTS_SIGN_IN"),
    ("AADSTS50079", "OAUTH_POLICY_WANTS_SIGN_IN"),
    ("AADSTS50158", "OAUTH_POLICY_WANTS_SIGN_IN"),
    ("AADSTS53000", "OAUTH_POLICY_WANTS_SIGN_IN"),
    ("AADSTS53003", "OAUTH_POLICY_WANTS_SIGN_IN"),
    ("AADSTS50053", "OAUTH_USER_DISABLED"),
    ("AADSTS50057", "OAUTH_USER_DISABLED"),
    ("AADSTS50034", "OAUTH_USER_DISABLED"),
    ("AADSTS65001", "OAUTH_CONSENT_NEEDED"),
    ("AADSTS65004", "OAUTH_CONSENT_NEEDED"),
    ("AADSTS90094", "OAUTH_CONSENT_NEEDED"),
    ("AADSTS90099", "OAUTH_CONSENT_NEEDED"),
    ("AADSTS7000222", "OAUTH_CLIENT_SECRET_OVER"),
    ("AADSTS7000215", "OAUTH_CLIENT_SECRET_WRONG"),
    ("AADSTS7000218", "OAUTH_PUBLIC_CLIENT_OFF"),
    ("AADSTS700016", "OAUTH_CLIENT_UNKNOWN"),
    ("AADSTS90002", "OAUTH_TENANT_UNKNOWN"),
    ("AADSTS900021", "OAUTH_TENANT_UNKNOWN"),
    ("AADSTS70011", "OAUTH_SCOPE_REFUSED"),
    ("AADSTS650053", "OAUTH_SCOPE_REFUSED"),
    ("AADSTS500011", "OAUTH_SCOPE_REFUSED"),
];

/// The same for the codes of RFC 6749, RFC 8628 and OpenID Connect.
const COMMON: &[(&str, &str)] = &[
    ("invalid_grant", "OAUTH_SIGN_IN_AGAIN"),
    ("login_required", "OAUTH_SIGN_IN_AGAIN"),
    ("interaction_required", "OAUTH_POLICY_WANTS_SIGN_IN"),
    ("consent_required", "OAUTH_CONSENT_NEEDED"),
    ("access_denied", "OAUTH_CONSENT_NEEDED"),
    ("expired_token", "OAUTH_TOO_LATE"),
    ("invalid_client", "OAUTH_CLIENT_SECRET_WRONG"),
    ("unauthorized_client", "OAUTH_CLIENT_UNKNOWN"),
    ("invalid_scope", "OAUTH_SCOPE_REFUSED"),
];

/// Code of the advice for this failure.
#[must_use]
pub(super) fn advise(error: &ExchangeError) -> &'static str {
    match error.kind {
        ExchangeFault::Unreachable => "OAUTH_UNREACHABLE",
        ExchangeFault::Busy => "OAUTH_PROVIDER_BUSY",
        ExchangeFault::Nonsense => "OAUTH_CHECK_ENDPOINTS",
        ExchangeFault::Refused => {
            let find = |table: &'static [(&str, &'static str)], code: &str| {
                table.iter().find(|(known, _)| *known == code).map(|(_, advice)| *advice)
            };
            find(AADSTS, &error.code).or_else(|| find(COMMON, &error.error)).unwrap_or("OAUTH_CHECK_CLIENT")
        }
    }
}

/// What a refused refresh has cost; `None`: nothing, it may be tried again.
#[must_use]
pub(super) fn loss(error: &ExchangeError) -> Option<Loss> {
    if error.kind != ExchangeFault::Refused {
        return None;
    }
    let over =
        ["invalid_grant", "interaction_required", "consent_required", "login_required", "access_denied"];
    let kind = if over.contains(&error.error.as_str()) { LossKind::Grant } else { LossKind::Client };
    Some(Loss { kind, code: error.code.clone(), text: error.text.clone(), advice: advise(error).to_owned() })
}

/// All codes of advice that are given here.
pub fn advice_codes() -> impl Iterator<Item = &'static str> {
    let tables = AADSTS.iter().chain(COMMON).map(|(_, advice)| *advice);
    tables.chain([
        SIGN_IN_FIRST,
        NO_REFRESH_TOKEN,
        "OAUTH_UNREACHABLE",
        "OAUTH_PROVIDER_BUSY",
        "OAUTH_CHECK_ENDPOINTS",
        "OAUTH_CHECK_CLIENT",
    ])
}

#[cfg(test)]
mod tests {
    use faxpost_proto::advice::{Language, text};

    use super::*;

    fn refusal(error: &str, code: &str) -> ExchangeError {
        ExchangeError {
            kind: ExchangeFault::Refused,
            code: code.to_owned(),
            error: error.to_owned(),
            text: String::new(),
            retry_after: None,
        }
    }

    #[test]
    fn b5_every_loss_has_advice_in_both_languages() {
        for code in advice_codes() {
            for language in [Language::En, Language::Ru] {
                assert!(text(code, language).is_some_and(|text| !text.is_empty()), "{code}");
            }
        }
    }

    #[test]
    fn b4_losses_are_told_from_troubles_that_pass() {
        use LossKind::{Client, Grant};
        for (error, code, kind, advice) in [
            ("invalid_grant", "invalid_grant", Grant, "OAUTH_SIGN_IN_AGAIN"),
            ("invalid_grant", "AADSTS700082", Grant, "OAUTH_UNUSED_TOO_LONG"),
            ("invalid_grant", "AADSTS50173", Grant, "OAUTH_PASSWORD_CHANGED"),
            ("invalid_grant", "AADSTS65001", Grant, "OAUTH_CONSENT_NEEDED"),
            ("interaction_required", "AADSTS50076", Grant, "OAUTH_POLICY_WANTS_SIGN_IN"),
            ("consent_required", "consent_required", Grant, "OAUTH_CONSENT_NEEDED"),
            ("invalid_client", "AADSTS7000222", Client, "OAUTH_CLIENT_SECRET_OVER"),
            ("invalid_client", "AADSTS7000215", Client, "OAUTH_CLIENT_SECRET_WRONG"),
            ("invalid_client", "invalid_client", Client, "OAUTH_CLIENT_SECRET_WRONG"),
            ("something_new", "something_new", Client, "OAUTH_CHECK_CLIENT"),
        ] {
            let loss = loss(&refusal(error, code)).unwrap();
            assert_eq!((loss.kind, loss.advice.as_str()), (kind, advice), "{error} {code}");
        }
        for kind in [ExchangeFault::Unreachable, ExchangeFault::Busy, ExchangeFault::Nonsense] {
            assert_eq!(loss(&ExchangeError { kind, ..refusal("", "") }), None);
        }
    }
}

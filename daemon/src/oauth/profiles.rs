//! What is known of the providers, as data. `providers()` is shown to clients; [`Endpoints`] is what an account makes
//! of it.

use crate::accounts::{OauthSettings, Security};

/// How a grant is obtained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Authorization code with PKCE (RFC 7636) and a loopback redirect (RFC 8252).
    AuthorizationCode = 1,
    /// RFC 8628.
    DeviceCode = 2,
    /// RFC 6749 section 4.4.
    ClientCredentials = 3,
}

impl Flow {
    /// The flow of a stored number.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        [Self::AuthorizationCode, Self::DeviceCode, Self::ClientCredentials]
            .into_iter()
            .find(|flow| *flow as i64 == number)
    }
}

/// One provider.
#[derive(Clone, Debug)]
pub struct Profile {
    /// A value for the account.
    pub id: &'static str,
    /// For people.
    pub title: &'static str,
    /// `{tenant}` stands for Microsoft's directory.
    pub authorization_endpoint: &'static str,
    /// The same.
    pub token_endpoint: &'static str,
    /// The same. Empty: it has none.
    pub device_authorization_endpoint: &'static str,
    /// The same.
    pub revocation_endpoint: &'static str,
    /// Space-separated.
    pub scope: &'static str,
    /// For client credentials.
    pub client_credentials_scope: &'static str,
    /// What its mail service takes.
    pub flows: &'static [Flow],
    /// A registration without secret does not work.
    pub secret_required: bool,
    /// The secret goes into the form, not the Authorization header.
    pub secret_in_body: bool,
    /// More parameters of the authorization request.
    pub authorization_parameters: &'static [(&'static str, &'static str)],
    /// It fills the sign-in page in from `login_hint`.
    pub login_hint: bool,
    /// A refresh token that nobody uses for so many days ends; 0: not known.
    pub idle_days: i64,
    /// SMTP server.
    pub server: &'static str,
    /// Its port.
    pub port: u16,
    /// When TLS begins there.
    pub security: Security,
    /// SASL mechanism.
    pub mechanism: &'static str,
    /// What people stumble over.
    pub notes: &'static [&'static str],
    /// Domains of addresses that it fits.
    pub domains: &'static [&'static str],
}

/// A profile with nothing filled in.
pub const CUSTOM: &str = "custom";

const NOTHING: Profile = Profile {
    id: CUSTOM,
    title: "Another provider",
    authorization_endpoint: "",
    token_endpoint: "",
    device_authorization_endpoint: "",
    revocation_endpoint: "",
    scope: "",
    client_credentials_scope: "",
    flows: &[Flow::AuthorizationCode, Flow::DeviceCode, Flow::ClientCredentials],
    secret_required: false,
    secret_in_body: false,
    authorization_parameters: &[],
    login_hint: false,
    idle_days: 0,
    server: "",
    port: 0,
    security: Security::Starttls,
    mechanism: "XOAUTH2",
    notes: &[],
    domains: &[],
};

static PROFILES: [Profile; 8] = [
    Profile {
        id: "google",
        title: "Google (Gmail, Workspace)",
        authorization_endpoint: "https://accounts.google.com/o/oauth2/v2/auth",
        token_endpoint: "https://oauth2.googleapis.com/token",
        revocation_endpoint: "https://oauth2.googleapis.com/revoke",
        scope: "https://mail.google.com/",
        flows: &[Flow::AuthorizationCode],
        secret_required: true,
        secret_in_body: true,
        // Without these, a second consent brings no refresh token.
        authorization_parameters: &[("access_type", "offline"), ("prompt", "consent")],
        login_hint: true,
        idle_days: 180,
        server: "smtp.gmail.com",
        port: 465,
        security: Security::Implicit,
        notes: &[
            "register a desktop client of your own in the Google Cloud console; it has a secret",
            "while the app's publishing status is Testing, its tokens end after 7 days, which cannot be seen from here: \
             publish the app, or make it internal to your organisation",
            "the grant ends when it is unused for 6 months, and when the password of the Google account is changed",
            "Google's device flow does not give access to mail",
        ],
        domains: &["gmail.com", "googlemail.com"],
        ..NOTHING
    },
    Profile {
        id: "microsoft",
        title: "Microsoft 365, Outlook.com",
        authorization_endpoint: "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize",
        token_endpoint: "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
        device_authorization_endpoint: "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/devicecode",
        scope: "https://outlook.office.com/SMTP.Send offline_access",
        client_credentials_scope: "https://outlook.office365.com/.default",
        flows: &[Flow::AuthorizationCode, Flow::DeviceCode, Flow::ClientCredentials],
        secret_in_body: true,
        authorization_parameters: &[("prompt", "select_account")],
        login_hint: true,
        idle_days: 90,
        server: "smtp.office365.com",
        port: 587,
        security: Security::Starttls,
        notes: &[
            "register the app with the platform \"Mobile and desktop applications\" and the redirect http://localhost",
            "for a shared mailbox, sign in as a person who may send as it, and set the sender to the mailbox",
            "SMTP AUTH must be on for the mailbox: Set-CASMailbox -SmtpClientAuthenticationDisabled $false",
            "for client credentials, set the tenant, and give the service principal (object id of the enterprise \
             application) access in Exchange; that takes 15 to 30 minutes",
            "the grant ends when it is unused for 90 days; the daemon uses it daily",
        ],
        domains: &["outlook.com", "hotmail.com", "live.com", "msn.com"],
        ..NOTHING
    },
    yahoo(
        "yahoo",
        "Yahoo Mail",
        "https://api.login.yahoo.com/oauth2/request_auth",
        "https://api.login.yahoo.com/oauth2/get_token",
        "smtp.mail.yahoo.com",
        &["yahoo.com", "ymail.com", "rocketmail.com"],
    ),
    yahoo(
        "aol",
        "AOL Mail",
        "https://api.login.aol.com/oauth2/request_auth",
        "https://api.login.aol.com/oauth2/get_token",
        "smtp.aol.com",
        &["aol.com", "aim.com"],
    ),
    Profile {
        id: "yandex",
        title: "Yandex",
        authorization_endpoint: "https://oauth.yandex.com/authorize",
        token_endpoint: "https://oauth.yandex.com/token",
        device_authorization_endpoint: "https://oauth.yandex.com/device/code",
        scope: "mail:smtp",
        flows: &[Flow::AuthorizationCode, Flow::DeviceCode],
        login_hint: true,
        server: "smtp.yandex.com",
        port: 465,
        security: Security::Implicit,
        notes: &["turn on access by mail programs in the settings of the mailbox"],
        domains: &["yandex.com", "yandex.ru", "ya.ru"],
        ..NOTHING
    },
    Profile {
        id: "mailru",
        title: "Mail.ru",
        authorization_endpoint: "https://o2.mail.ru/login",
        token_endpoint: "https://o2.mail.ru/token",
        scope: "mail.imap",
        flows: &[Flow::AuthorizationCode],
        secret_required: true,
        server: "smtp.mail.ru",
        port: 465,
        security: Security::Implicit,
        notes: &["register http://localhost as the redirect"],
        domains: &["mail.ru", "inbox.ru", "list.ru", "bk.ru"],
        ..NOTHING
    },
    Profile {
        id: "fastmail",
        title: "Fastmail",
        authorization_endpoint: "https://api.fastmail.com/oauth/authorize",
        token_endpoint: "https://api.fastmail.com/oauth/refresh",
        scope: "https://www.fastmail.com/dev/protocol-smtp",
        flows: &[Flow::AuthorizationCode],
        server: "smtp.fastmail.com",
        port: 465,
        security: Security::Implicit,
        notes: &["Fastmail registers clients on request; an app password works without"],
        domains: &["fastmail.com", "fastmail.fm"],
        ..NOTHING
    },
    NOTHING,
];

const fn yahoo(
    id: &'static str,
    title: &'static str,
    authorization_endpoint: &'static str,
    token_endpoint: &'static str,
    server: &'static str,
    domains: &'static [&'static str],
) -> Profile {
    Profile {
        id,
        title,
        authorization_endpoint,
        token_endpoint,
        scope: "mail-w",
        flows: &[Flow::AuthorizationCode],
        server,
        port: 465,
        security: Security::Implicit,
        notes: &[
            "access to mail needs the provider's approval of your registration; an app password works without",
        ],
        domains,
        ..NOTHING
    }
}

/// All of them, "custom" last.
#[must_use]
pub fn profiles() -> &'static [Profile] {
    &PROFILES
}

/// The profile of this id; empty: "custom".
#[must_use]
pub fn profile(id: &str) -> Option<&'static Profile> {
    let id = if id.is_empty() { CUSTOM } else { id };
    PROFILES.iter().find(|profile| profile.id == id)
}

/// Where an account's tokens come from: its own endpoints, or those of its profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// For the browser.
    pub authorization: String,
    /// For tokens.
    pub token: String,
    /// Empty: none.
    pub device: String,
    /// Empty: none.
    pub revocation: String,
}

impl Endpoints {
    /// Those of these settings.
    #[must_use]
    pub fn of(settings: &OauthSettings) -> Self {
        let profile = settings.profile();
        let tenant = if settings.tenant.is_empty() { "common" } else { &settings.tenant };
        let choose = |own: &str, known: &str| match own {
            "" => known.replace("{tenant}", tenant),
            own => own.to_owned(),
        };
        // An endpoint of one's own for tokens is another provider: the profile's others would get its secrets.
        let other = !settings.token_endpoint.is_empty();
        let beside = |known: &'static str| if other { "" } else { known };
        Self {
            authorization: choose(&settings.authorization_endpoint, profile.authorization_endpoint),
            token: choose(&settings.token_endpoint, profile.token_endpoint),
            device: choose(
                &settings.device_authorization_endpoint,
                beside(profile.device_authorization_endpoint),
            ),
            revocation: choose(&settings.revocation_endpoint, beside(profile.revocation_endpoint)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(profile: &str) -> OauthSettings {
        OauthSettings { profile: profile.to_owned(), ..OauthSettings::default() }
    }

    #[test]
    fn b1_the_profiles_are_those_of_the_providers_own_documents() {
        for (id, authorization, token, scope, server, port) in [
            (
                "google",
                "https://accounts.google.com/o/oauth2/v2/auth",
                "https://oauth2.googleapis.com/token",
                "https://mail.google.com/",
                "smtp.gmail.com",
                465,
            ),
            (
                "microsoft",
                "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
                "https://login.microsoftonline.com/common/oauth2/v2.0/token",
                "https://outlook.office.com/SMTP.Send offline_access",
                "smtp.office365.com",
                587,
            ),
            (
                "yahoo",
                "https://api.login.yahoo.com/oauth2/request_auth",
                "https://api.login.yahoo.com/oauth2/get_token",
                "mail-w",
                "smtp.mail.yahoo.com",
                465,
            ),
            (
                "aol",
                "https://api.login.aol.com/oauth2/request_auth",
                "https://api.login.aol.com/oauth2/get_token",
                "mail-w",
                "smtp.aol.com",
                465,
            ),
            (
                "yandex",
                "https://oauth.yandex.com/authorize",
                "https://oauth.yandex.com/token",
                "mail:smtp",
                "smtp.yandex.com",
                465,
            ),
            (
                "mailru",
                "https://o2.mail.ru/login",
                "https://o2.mail.ru/token",
                "mail.imap",
                "smtp.mail.ru",
                465,
            ),
            (
                "fastmail",
                "https://api.fastmail.com/oauth/authorize",
                "https://api.fastmail.com/oauth/refresh",
                "https://www.fastmail.com/dev/protocol-smtp",
                "smtp.fastmail.com",
                465,
            ),
        ] {
            let endpoints = Endpoints::of(&settings(id));
            let profile = profile(id).unwrap();
            assert_eq!((endpoints.authorization.as_str(), endpoints.token.as_str()), (authorization, token));
            assert_eq!((profile.scope, profile.server, profile.port), (scope, server, port), "{id}");
            assert_eq!(profile.mechanism, "XOAUTH2", "{id}");
            assert_eq!(profile.security.usual_port(), port, "{id}");
        }
        assert_eq!(profiles().len(), 8);
    }

    #[test]
    fn b1_b3_flows_are_those_that_the_mail_services_take() {
        use Flow::{AuthorizationCode as Code, ClientCredentials as Own, DeviceCode as Device};
        let flows = |id| profile(id).unwrap().flows.to_vec();
        assert_eq!(flows("google"), [Code], "the device endpoint rejects mail scopes");
        assert_eq!(flows("microsoft"), [Code, Device, Own]);
        assert_eq!(flows("yandex"), [Code, Device]);
        for id in ["yahoo", "aol", "mailru", "fastmail"] {
            assert_eq!(flows(id), [Code], "{id}");
        }
        for profile in profiles().iter().filter(|profile| profile.id != CUSTOM) {
            let device = profile.flows.contains(&Device);
            assert_eq!(device, !profile.device_authorization_endpoint.is_empty(), "{}", profile.id);
        }
        let secrets: Vec<_> = profiles().iter().filter(|p| p.secret_required).map(|p| p.id).collect();
        assert_eq!(secrets, ["google", "mailru"]);
    }

    #[test]
    fn b1_a_tenant_takes_its_place_in_every_address_of_microsoft() {
        let account = OauthSettings { tenant: "contoso.com".to_owned(), ..settings("microsoft") };
        let Endpoints { authorization, token, device, revocation } = Endpoints::of(&account);
        for endpoint in [&authorization, &token, &device] {
            assert!(
                endpoint.starts_with("https://login.microsoftonline.com/contoso.com/oauth2/v2.0/"),
                "{endpoint}"
            );
        }
        assert_eq!(revocation, "");
    }

    #[test]
    fn b1_own_endpoints_win_and_a_foreign_token_endpoint_leaves_the_profiles_others() {
        let account =
            OauthSettings { token_endpoint: "https://sso.example/token".to_owned(), ..settings("google") };
        let endpoints = Endpoints::of(&account);
        assert_eq!(endpoints.token, "https://sso.example/token");
        assert_eq!(endpoints.revocation, "", "its tokens are not Google's to see");
        assert_eq!(Endpoints::of(&settings("")).token, "");
    }

    #[test]
    fn b1_every_profile_is_one_that_an_account_takes() {
        for profile in profiles() {
            assert!(crate::accounts::AccountId::parse(profile.id).is_ok(), "{}", profile.id);
            for endpoint in
                [profile.authorization_endpoint, profile.token_endpoint, profile.revocation_endpoint]
            {
                assert!(endpoint.is_empty() || endpoint.starts_with("https://"), "{endpoint}");
            }
        }
    }
}

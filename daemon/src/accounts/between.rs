//! What differs between two states of an account, as the fields that turn one into the other: the history shows them, and
//! a rollback sets them by the same rules as a person would.

use super::model::{Account, TlsCheck};
use super::oauth::{OauthSettings, SetOauth};
use super::update::{Set, TlsCheckKind};

/// What must be set in `from` to make it `to`, in the order of the fields.
#[must_use]
pub fn between(from: &Account, to: &Account) -> Vec<Set> {
    // Whole, so that a new field cannot be forgotten here.
    let Account {
        sender_email,
        sender_name,
        method,
        server,
        port,
        security,
        tls_check,
        authentication,
        login,
        plaintext_auth,
        oauth,
        oauth_settings,
        sign,
        certificate,
        pickup_directory,
        ehlo_name,
        mechanism,
        envelope_sender,
        reply_to,
        max_connections,
        messages_per_minute,
        proxy,
        timeout_seconds,
    } = to;
    let mut sets = Vec::new();
    let mut differs = |differs: bool, set: &dyn Fn() -> Set| {
        if differs {
            sets.push(set());
        }
    };
    differs(from.sender_email != *sender_email, &|| Set::SenderEmail(sender_email.clone()));
    differs(from.sender_name != *sender_name, &|| Set::SenderName(Some(sender_name.clone())));
    differs(from.method != *method, &|| Set::Method(Some(*method)));
    differs(from.server != *server, &|| Set::Server(server.clone()));
    differs(from.port != *port, &|| Set::Port(port.unwrap_or(0).into()));
    differs(from.security != *security, &|| Set::Security(Some(*security)));
    let (was, (kind, pin)) = (parts(&from.tls_check), parts(tls_check));
    differs(was.0 != kind, &|| Set::TlsCheck(Some(kind)));
    // Without a pin, the kind alone forgets the one that was there.
    differs(was.1 != pin && !pin.is_empty(), &|| Set::TlsPin(pin.clone()));
    differs(from.authentication != *authentication, &|| Set::Authentication(*authentication));
    differs(from.login != *login, &|| Set::Login(login.clone()));
    differs(from.plaintext_auth != *plaintext_auth, &|| Set::PlaintextAuth(*plaintext_auth));
    differs(from.oauth != *oauth, &|| Set::Oauth(*oauth));
    differs(from.sign != *sign, &|| Set::Sign(Some(*sign)));
    differs(from.certificate != *certificate, &|| Set::Certificate(certificate.clone()));
    differs(from.pickup_directory != *pickup_directory, &|| Set::PickupDirectory(pickup_directory.clone()));
    differs(from.ehlo_name != *ehlo_name, &|| Set::EhloName(ehlo_name.clone()));
    differs(from.mechanism != *mechanism, &|| {
        Set::Mechanism(mechanism.map_or_else(String::new, |mechanism| mechanism.as_str().to_owned()))
    });
    differs(from.envelope_sender != *envelope_sender, &|| Set::EnvelopeSender(envelope_sender.clone()));
    differs(from.reply_to != *reply_to, &|| Set::ReplyTo(reply_to.clone()));
    differs(from.max_connections != *max_connections, &|| Set::MaxConnections(*max_connections));
    differs(from.messages_per_minute != *messages_per_minute, &|| {
        Set::MessagesPerMinute(*messages_per_minute)
    });
    differs(from.proxy != *proxy, &|| Set::Proxy(proxy.clone()));
    differs(from.timeout_seconds != *timeout_seconds, &|| Set::TimeoutSeconds(*timeout_seconds));
    sets.extend(oauth_between(&from.oauth_settings, oauth_settings));
    sets
}

fn oauth_between(from: &OauthSettings, to: &OauthSettings) -> Vec<Set> {
    let OauthSettings {
        profile,
        client_id,
        client_secret_expires_at,
        tenant,
        scope,
        authorization_endpoint,
        token_endpoint,
        device_authorization_endpoint,
        revocation_endpoint,
    } = to;
    let mut sets = Vec::new();
    let mut text = |was: &str, is: &str, set: fn(String) -> SetOauth| {
        if was != is {
            sets.push(Set::OauthSetting(set(is.to_owned())));
        }
    };
    text(&from.profile, profile, SetOauth::Profile);
    text(&from.client_id, client_id, SetOauth::ClientId);
    text(&from.tenant, tenant, SetOauth::Tenant);
    text(&from.scope, scope, SetOauth::Scope);
    text(&from.authorization_endpoint, authorization_endpoint, SetOauth::AuthorizationEndpoint);
    text(&from.token_endpoint, token_endpoint, SetOauth::TokenEndpoint);
    text(&from.device_authorization_endpoint, device_authorization_endpoint, SetOauth::DeviceEndpoint);
    text(&from.revocation_endpoint, revocation_endpoint, SetOauth::RevocationEndpoint);
    if from.client_secret_expires_at != *client_secret_expires_at {
        sets.push(Set::OauthSetting(SetOauth::ClientSecretExpires(*client_secret_expires_at)));
    }
    sets
}

fn parts(check: &TlsCheck) -> (TlsCheckKind, String) {
    match check {
        TlsCheck::System => (TlsCheckKind::System, String::new()),
        TlsCheck::Pinned(pin) => (TlsCheckKind::Pinned, hex::encode(pin)),
        TlsCheck::AcceptInvalid => (TlsCheckKind::AcceptInvalid, String::new()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::model::{Method, Security, Signing};
    use super::super::update::apply;
    use super::*;

    fn other() -> Account {
        Account {
            sender_email: "fax@example.com".to_owned(),
            sender_name: String::new(),
            method: Method::SecureSmtpClient,
            server: "mail.example.com".to_owned(),
            port: Some(2525),
            security: Security::Starttls,
            tls_check: TlsCheck::Pinned([7; 32]),
            authentication: true,
            login: "fax".to_owned(),
            plaintext_auth: true,
            oauth: true,
            oauth_settings: OauthSettings {
                profile: "google".to_owned(),
                client_id: "id".to_owned(),
                client_secret_expires_at: Some(1_800_000_000_000),
                tenant: "common".to_owned(),
                scope: "a b".to_owned(),
                authorization_endpoint: "https://a.example/".to_owned(),
                token_endpoint: "https://b.example/".to_owned(),
                device_authorization_endpoint: "https://c.example/".to_owned(),
                revocation_endpoint: "https://d.example/".to_owned(),
            },
            sign: Signing::Clear,
            certificate: "ab".repeat(32),
            pickup_directory: std::env::temp_dir().display().to_string(),
            ehlo_name: "fax.example.com".to_owned(),
            mechanism: Some(crate::accounts::Mechanism::ALL[6]),
            envelope_sender: "bounce@example.com".to_owned(),
            reply_to: "Help <help@example.com>".to_owned(),
            max_connections: 1,
            messages_per_minute: 30,
            proxy: "proxy.example.com:1080".to_owned(),
            timeout_seconds: 20,
        }
    }

    #[test]
    fn a12_every_field_is_told_and_set_back() {
        let (fresh, other) = (Account::default(), other());
        let sets = between(&fresh, &other);
        let mut fields: Vec<_> = sets.iter().map(Set::field).collect();
        assert_eq!(fields.len(), 32, "{fields:?}");
        fields.dedup();
        assert_eq!(fields.len(), 32, "each once");
        assert_eq!(apply(&fresh, false, &sets, true).unwrap().account, other);
        assert_eq!(apply(&other, false, &between(&other, &fresh), true).unwrap().account, fresh);
        assert!(between(&other, &other).is_empty());
    }

    proptest! {
        #[test]
        fn a12_what_differs_makes_one_of_the_other(
            port in proptest::option::of(1_u16..), pins in any::<[[u8; 32]; 2]>(), kinds in [0..3_u8, 0..3],
            flag in any::<bool>(), name in "[a-z]{0,8}",
        ) {
            let check = |kind: u8, pin: [u8; 32]| match kind {
                0 => TlsCheck::System,
                1 => TlsCheck::AcceptInvalid,
                _ => TlsCheck::Pinned(pin),
            };
            let from = Account { tls_check: check(kinds[0], pins[0]), ..Account::default() };
            let to = Account {
                tls_check: check(kinds[1], pins[1]), port, plaintext_auth: flag, sender_name: name, ..other()
            };
            let applied = apply(&from, false, &between(&from, &to), true).unwrap();
            prop_assert_eq!(applied.account, to);
        }
    }
}

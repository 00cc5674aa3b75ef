//! Providers' servers, as proposals (requirement A11): the providers of OAuth 2.0, and those with passwords only.

use super::model::Security;
use crate::oauth::profiles::{CUSTOM, Profile, profiles};

/// One provider's server.
#[derive(Clone, Debug)]
pub struct Preset {
    /// Its name; that of its profile, if it has one.
    pub id: &'static str,
    /// For people.
    pub title: &'static str,
    /// Of addresses that it fits.
    pub domains: &'static [&'static str],
    /// Where the mail hosts of its customers' own domains are (MX records).
    pub exchangers: &'static [&'static str],
    /// SMTP server.
    pub server: &'static str,
    /// Its port.
    pub port: u16,
    /// When TLS begins there.
    pub security: Security,
    /// A password signs in, and of what kind.
    pub password: Password,
    /// It has a profile of OAuth 2.0 of the same id.
    pub oauth: bool,
    /// Messages a minute that it takes; 0: not known.
    pub messages_per_minute: u32,
    /// What people stumble over here.
    pub notes: &'static [&'static str],
}

/// Whether a password signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Password {
    /// No.
    None,
    /// One that is made for programs in the provider's settings.
    App,
    /// The mailbox's own.
    Own,
}

const APP: &[&str] =
    &["make an app password in the settings of the mailbox; the mailbox's own does not work"];

/// With a password only. id, title, domains, exchangers, server, port, security, password, notes.
#[rustfmt::skip]
const BY_PASSWORD: [Preset; 11] = [
    only("zoho", "Zoho Mail", &["zohomail.com", "zoho.com"], &["zoho.com"], "smtp.zoho.com", 465, Password::App,
         &["a domain of your own has smtppro.zoho.com; accounts in Europe have smtp.zoho.eu",
           "with two-factor authentication an app password is needed"]),
    only("zoho-eu", "Zoho Mail (Europe)", &["zohomail.eu", "zoho.eu"], &["zoho.eu"], "smtp.zoho.eu", 465, Password::App,
         &["a domain of your own has smtppro.zoho.eu", "with two-factor authentication an app password is needed"]),
    starttls(only("icloud", "iCloud Mail", &["icloud.com", "me.com", "mac.com"], &["mail.icloud.com"],
         "smtp.mail.me.com", 587, Password::App,
         &["make an app-specific password at account.apple.com; the account's own does not work"])),
    only("gmx", "GMX (gmx.net)", &["gmx.net", "gmx.de", "gmx.at", "gmx.ch"], &[], "mail.gmx.net", 465, Password::Own,
         &["turn on POP3 and IMAP access in the settings of the mailbox"]),
    only("gmx-com", "GMX (gmx.com)", &["gmx.com", "gmx.us"], &[], "mail.gmx.com", 465, Password::Own,
         &["turn on POP3 and IMAP access in the settings of the mailbox"]),
    starttls(only("web-de", "WEB.DE", &["web.de"], &[], "smtp.web.de", 587, Password::Own,
         &["turn on POP3 and IMAP access in the settings of the mailbox"])),
    only("t-online", "T-Online", &["t-online.de", "magenta.de"], &[], "securesmtp.t-online.de", 465, Password::App,
         &["make a password for mail programs in the customer centre"]),
    only("mailbox-org", "mailbox.org", &["mailbox.org"], &["mailbox.org"], "smtp.mailbox.org", 465, Password::Own, &[]),
    only("posteo", "Posteo", &["posteo.de", "posteo.net"], &[], "posteo.de", 465, Password::Own, &[]),
    only("rambler", "Rambler", &["rambler.ru", "lenta.ru", "ro.ru", "autorambler.ru", "myrambler.ru"], &[],
         "smtp.rambler.ru", 465, Password::Own, &["turn on access by mail programs in the settings of the mailbox"]),
    only("migadu", "Migadu", &[], &["migadu.com"], "smtp.migadu.com", 465, Password::Own, &[]),
];

#[expect(clippy::too_many_arguments, reason = "a row of a table")]
const fn only(
    id: &'static str,
    title: &'static str,
    domains: &'static [&'static str],
    exchangers: &'static [&'static str],
    server: &'static str,
    port: u16,
    password: Password,
    notes: &'static [&'static str],
) -> Preset {
    let (security, oauth, messages_per_minute) = (Security::Implicit, false, 0);
    Preset {
        id,
        title,
        domains,
        exchangers,
        server,
        port,
        security,
        password,
        oauth,
        messages_per_minute,
        notes,
    }
}

const fn starttls(mut preset: Preset) -> Preset {
    preset.security = Security::Starttls;
    preset
}

/// Those with OAuth 2.0 first, in the order of their profiles.
pub fn presets() -> impl Iterator<Item = Preset> {
    profiles().iter().filter(|profile| profile.id != CUSTOM).map(of_profile).chain(BY_PASSWORD)
}

fn of_profile(profile: &'static Profile) -> Preset {
    // Google's and Microsoft's customers have domains of their own, and their mail hosts tell.
    let (password, exchangers, messages_per_minute): (_, &[&str], _) = match profile.id {
        "google" => (Password::App, &["google.com", "googlemail.com"], 0),
        "microsoft" => (Password::None, &["mail.protection.outlook.com", "mx.microsoft"], 30),
        "yandex" => (Password::App, &["yandex.net", "yandex.ru"], 0),
        "mailru" => (Password::App, &["mail.ru"], 0),
        "fastmail" => (Password::App, &["messagingengine.com"], 0),
        _ => (Password::App, &[], 0),
    };
    Preset {
        id: profile.id,
        title: profile.title,
        domains: profile.domains,
        exchangers,
        server: profile.server,
        port: profile.port,
        security: profile.security,
        password,
        oauth: true,
        messages_per_minute,
        notes: if password == Password::App { APP } else { profile.notes },
    }
}

/// The one that a domain's addresses belong to.
pub(super) fn of_domain(domain: &str) -> Option<Preset> {
    presets().find(|preset| preset.domains.contains(&domain))
}

/// The one that a mail host belongs to.
pub(super) fn of_exchanger(host: &str) -> Option<Preset> {
    presets().find(|preset| preset.exchangers.iter().any(|parent| is_within(host, parent)))
}

/// The one that this server is of.
pub(super) fn of_server(host: &str) -> Option<Preset> {
    presets().find(|preset| preset.server == host)
}

/// `host` is `domain`, or below it.
pub(super) fn is_within(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::super::host::parse_server;
    use super::*;

    #[test]
    fn a11_every_preset_is_complete_and_found_by_one_domain_only() {
        let mut ids = Vec::new();
        let mut domains = Vec::new();
        for preset in presets() {
            assert_eq!(parse_server(preset.server).as_deref(), Ok(preset.server), "{}", preset.id);
            assert_ne!(preset.security, Security::None, "{}", preset.id);
            assert_eq!(preset.port, preset.security.usual_port(), "{}", preset.id);
            assert!(preset.oauth || preset.password != Password::None, "{} can sign in", preset.id);
            ids.push(preset.id);
            domains.extend(preset.domains);
        }
        for found in [&mut ids, &mut domains] {
            let count = found.len();
            found.sort_unstable();
            found.dedup();
            assert_eq!(found.len(), count, "{found:?}");
        }
        for known in ["google", "microsoft", "yahoo", "yandex", "mailru", "fastmail", "zoho", "icloud"] {
            assert!(ids.contains(&known), "{known}");
        }
    }

    #[test]
    fn a11_mail_hosts_tell_the_provider_of_a_domain() {
        let id = |host: &str| of_exchanger(host).map(|preset| preset.id);
        assert_eq!(id("aspmx.l.google.com"), Some("google"));
        assert_eq!(id("example-org.mail.protection.outlook.com"), Some("microsoft"));
        assert_eq!(id("in1-smtp.messagingengine.com"), Some("fastmail"));
        assert_eq!(id("mx.notgoogle.com"), None);
        assert_eq!(id("google.com.evil.example"), None);
    }
}

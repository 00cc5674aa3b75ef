//! The settings of an account as KEY=VALUE: read into the protocol's message and mask, and shown again.
//!
//! Only words become values here. What values are good is the daemon's to say.

use faxpost_proto::v1::{Account, Method, Security, Signing, TlsCheck};

use crate::{
    error::Error,
    lang::Texts,
    times,
    words::{self, Word},
};

/// The account that always exists.
pub(crate) const DEFAULT_ACCOUNT: &str = "default";

/// Keys whose values are secrets.
const SECRETS: [&str; 3] = ["password", "client-secret", "oauth-client-secret"];

/// Whether this key is that of a secret.
pub(crate) fn is_secret(name: &str) -> bool {
    SECRETS.contains(&name)
}

/// Settings to change: the values, and which they are.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Changes {
    pub(crate) account: Account,
    pub(crate) fields: Vec<String>,
}

impl Changes {
    /// Reads KEY=VALUE, all of them.
    pub(crate) fn parse(settings: &[String], texts: &Texts) -> Result<Self, Error> {
        let mut changes = Self::default();
        for setting in settings {
            changes.read(setting, texts)?;
        }
        Ok(changes)
    }

    /// The account with these changes.
    pub(crate) fn over(&self, account: Account, texts: &Texts) -> Account {
        let mut changed = Self { account, fields: Vec::new() };
        for key in KEYS.iter().filter(|key| self.fields.iter().any(|field| field == key.field)) {
            // It was read from a good value, so it is one.
            let _ = changed.put(key.name, &(key.show)(&self.account), texts);
        }
        changed.account
    }

    /// The account with the defaults in their place: of a new one, what is not theirs is no change.
    pub(crate) fn without(&self, account: Account, texts: &Texts) -> Account {
        let empty = Self { account: Account::default(), fields: self.fields.clone() };
        empty.over(account, texts)
    }

    /// Sets the password, or forgets it when empty.
    pub(crate) fn password(&mut self, password: String) {
        self.account.password = password;
        self.fields.push("password".to_owned());
    }

    /// Sets the secret of the OAuth client, or forgets it when empty.
    pub(crate) fn client_secret(&mut self, secret: String) {
        self.account.oauth_client_secret = secret;
        self.fields.push("oauth_client_secret".to_owned());
    }

    /// A line with a key that there is not is wrong; a value that is none is wrong data, as those are that the daemon
    /// refuses.
    fn read(&mut self, setting: &str, texts: &Texts) -> Result<(), Error> {
        let Some((name, value)) = setting.split_once('=') else {
            let secret = SECRETS.contains(&setting);
            return Err(Error::Usage(if secret {
                (texts.secret_argument)(setting)
            } else {
                (texts.not_a_setting)(setting)
            }));
        };
        if is_secret(name) {
            return Err(Error::Usage((texts.secret_argument)(name)));
        }
        self.key(name, texts).map_err(Error::Usage)?;
        self.put(name, value, texts).map_err(Error::Data)
    }

    /// The key of that name, if it was not given yet.
    fn key(&self, name: &str, texts: &Texts) -> Result<&'static Key, String> {
        let key = KEYS.iter().find(|key| key.name == name).ok_or_else(|| {
            let known: Vec<_> = KEYS.iter().map(|key| key.name).collect();
            (texts.unknown_key)(name, crate::nearest::to(name, &known).unwrap_or_default(), &known.join(", "))
        })?;
        if self.fields.iter().any(|field| field == key.field) {
            return Err((texts.key_twice)(name));
        }
        Ok(key)
    }

    /// Takes one key and its value.
    pub(crate) fn put(&mut self, name: &str, value: &str, texts: &Texts) -> Result<(), String> {
        let key = self.key(name, texts)?;
        self.fields.push(key.field.to_owned());
        let more = (key.set)(&mut self.account, value).map_err(|bad| match bad {
            Bad::Word(good) => (texts.bad_word)(name, value, &good),
            Bad::Number => (texts.bad_number)(name, value),
            Bad::Pin => (texts.bad_pin)(name),
            Bad::Time => (texts.bad_time)(name, value),
        })?;
        self.fields.extend(more.map(str::to_owned));
        Ok(())
    }
}

/// `[ID] KEY=VALUE…`: the id is the first word, if it has no `=`.
pub(crate) fn split_id<'a>(words: &'a [String], texts: &Texts) -> Result<(&'a str, &'a [String]), Error> {
    match words {
        // `server smtp.example.org`: two words with a blank in between. The second may be a secret: not repeated.
        [name, value, ..] if SECRETS.contains(&name.as_str()) && !value.contains('=') => {
            Err(Error::Usage((texts.secret_argument)(name)))
        }
        [name, value, ..] if KEYS.iter().any(|key| key.name == name) && !value.contains('=') => {
            Err(Error::Usage((texts.meant_a_setting)(name, value)))
        }
        [id, settings @ ..] if !id.contains('=') => Ok((id, settings)),
        _ => Ok((DEFAULT_ACCOUNT, words)),
    }
}

/// A sentence of the daemon with the names of fields as a person types them: `plaintext_auth` → `plaintext-auth`.
pub(crate) fn with_keys(sentence: &str) -> String {
    KEYS.iter()
        .filter(|key| key.field.contains('_'))
        .fold(sentence.to_owned(), |sentence, key| sentence.replace(key.field, key.name))
}

/// One key of `account set`.
pub(crate) struct Key {
    /// As typed.
    pub(crate) name: &'static str,
    /// As in the protocol.
    pub(crate) field: &'static str,
    /// Takes the value, and names a second field that it sets.
    set: fn(&mut Account, &str) -> Result<Option<&'static str>, Bad>,
    /// As it would be typed; empty: the default.
    pub(crate) show: fn(&Account) -> String,
}

/// Why a value is none.
enum Bad {
    /// Not one of these.
    Word(String),
    Number,
    Pin,
    Time,
}

/// All keys, in the order in which a person thinks of them.
pub(crate) const KEYS: &[Key] = &[
    Key {
        name: "sender-email",
        field: "sender_email",
        set: |to, value| put(&mut to.sender_email, value),
        show: |of| of.sender_email.clone(),
    },
    Key { name: "sender-name", field: "sender_name", set: set_sender_name, show: show_sender_name },
    Key {
        name: "method",
        field: "method",
        set: |to, value| put_word::<Method>(&mut to.method, value),
        show: |of| shown::<Method>(of.method),
    },
    Key {
        name: "server",
        field: "server",
        set: |to, value| put(&mut to.server, value),
        show: |of| of.server.clone(),
    },
    Key {
        name: "port",
        field: "port",
        set: |to, value| put_number(&mut to.port, value),
        show: |of| number(of.port),
    },
    Key {
        name: "security",
        field: "security",
        set: |to, value| put_word::<Security>(&mut to.security, value),
        show: |of| shown::<Security>(of.security),
    },
    Key { name: "tls-check", field: "tls_check", set: set_tls_check, show: show_tls_check },
    Key {
        name: "authentication",
        field: "authentication",
        set: |to, value| put_switch(&mut to.authentication, value),
        show: |of| switch(of.authentication),
    },
    Key {
        name: "login",
        field: "login",
        set: |to, value| put(&mut to.login, value),
        show: |of| of.login.clone(),
    },
    Key {
        name: "plaintext-auth",
        field: "plaintext_auth",
        set: |to, value| put_switch(&mut to.plaintext_auth, value),
        show: |of| switch(of.plaintext_auth),
    },
    Key {
        name: "oauth",
        field: "oauth",
        set: |to, value| put_switch(&mut to.oauth, value),
        show: |of| switch(of.oauth),
    },
    Key {
        name: "sign",
        field: "sign",
        set: |to, value| put_word::<Signing>(&mut to.sign, value),
        show: |of| shown::<Signing>(of.sign),
    },
    Key {
        name: "certificate",
        field: "certificate",
        set: |to, value| put(&mut to.certificate, value),
        show: |of| of.certificate.clone(),
    },
    Key {
        name: "pickup-directory",
        field: "pickup_directory",
        set: |to, value| put(&mut to.pickup_directory, value),
        show: |of| of.pickup_directory.clone(),
    },
    Key {
        name: "ehlo-name",
        field: "ehlo_name",
        set: |to, value| put(&mut to.ehlo_name, value),
        show: |of| of.ehlo_name.clone(),
    },
    Key {
        name: "oauth-profile",
        field: "oauth_profile",
        set: |to, value| put(&mut to.oauth_profile, value),
        show: |of| of.oauth_profile.clone(),
    },
    Key {
        name: "oauth-client-id",
        field: "oauth_client_id",
        set: |to, value| put(&mut to.oauth_client_id, value),
        show: |of| of.oauth_client_id.clone(),
    },
    Key {
        name: "oauth-client-secret-expire-time",
        field: "oauth_client_secret_expire_time",
        set: set_secret_expiry,
        show: show_secret_expiry,
    },
    Key {
        name: "oauth-tenant",
        field: "oauth_tenant",
        set: |to, value| put(&mut to.oauth_tenant, value),
        show: |of| of.oauth_tenant.clone(),
    },
    Key {
        name: "oauth-scope",
        field: "oauth_scope",
        set: |to, value| put(&mut to.oauth_scope, value),
        show: |of| of.oauth_scope.clone(),
    },
    Key {
        name: "oauth-authorization-endpoint",
        field: "oauth_authorization_endpoint",
        set: |to, value| put(&mut to.oauth_authorization_endpoint, value),
        show: |of| of.oauth_authorization_endpoint.clone(),
    },
    Key {
        name: "oauth-token-endpoint",
        field: "oauth_token_endpoint",
        set: |to, value| put(&mut to.oauth_token_endpoint, value),
        show: |of| of.oauth_token_endpoint.clone(),
    },
    Key {
        name: "oauth-device-authorization-endpoint",
        field: "oauth_device_authorization_endpoint",
        set: |to, value| put(&mut to.oauth_device_authorization_endpoint, value),
        show: |of| of.oauth_device_authorization_endpoint.clone(),
    },
    Key {
        name: "oauth-revocation-endpoint",
        field: "oauth_revocation_endpoint",
        set: |to, value| put(&mut to.oauth_revocation_endpoint, value),
        show: |of| of.oauth_revocation_endpoint.clone(),
    },
    Key {
        name: "mechanism",
        field: "mechanism",
        set: |to, value| put(&mut to.mechanism, value),
        show: |of| of.mechanism.clone(),
    },
    Key {
        name: "envelope-sender",
        field: "envelope_sender",
        set: |to, value| put(&mut to.envelope_sender, value),
        show: |of| of.envelope_sender.clone(),
    },
    Key {
        name: "reply-to",
        field: "reply_to",
        set: |to, value| put(&mut to.reply_to, value),
        show: |of| of.reply_to.clone(),
    },
    Key {
        name: "max-connections",
        field: "max_connections",
        set: |to, value| put_number(&mut to.max_connections, value),
        show: |of| number(of.max_connections),
    },
    Key {
        name: "messages-per-minute",
        field: "messages_per_minute",
        set: |to, value| put_number(&mut to.messages_per_minute, value),
        show: |of| number(of.messages_per_minute),
    },
    Key {
        name: "proxy",
        field: "proxy",
        set: |to, value| put(&mut to.proxy, value),
        show: |of| of.proxy.clone(),
    },
    Key {
        name: "timeout-seconds",
        field: "timeout_seconds",
        set: |to, value| put_number(&mut to.timeout_seconds, value),
        show: |of| number(of.timeout_seconds),
    },
];

/// The key of a field, as a person types it: `sender_email` → `sender-email`.
pub(crate) fn key_of(field: &str) -> String {
    // The pin is a part of the value of tls-check.
    if field == "tls_pin" { "tls-check".to_owned() } else { field.replace('_', "-") }
}

fn put(to: &mut String, value: &str) -> Result<Option<&'static str>, Bad> {
    value.clone_into(to);
    Ok(None)
}

fn put_word<E: Word + Into<i32>>(to: &mut i32, value: &str) -> Result<Option<&'static str>, Bad> {
    *to = if value.is_empty() { 0 } else { E::parse(value).ok_or_else(|| Bad::Word(E::list()))?.into() };
    Ok(None)
}

fn put_switch(to: &mut bool, value: &str) -> Result<Option<&'static str>, Bad> {
    *to = match value {
        "on" => true,
        "off" | "" => false,
        _ => return Err(Bad::Word("on, off".to_owned())),
    };
    Ok(None)
}

fn set_sender_name(to: &mut Account, value: &str) -> Result<Option<&'static str>, Bad> {
    to.sender_name = match value {
        "" => None,
        blank if blank.trim().is_empty() => Some(String::new()),
        name => Some(name.to_owned()),
    };
    Ok(None)
}

fn show_sender_name(of: &Account) -> String {
    match of.sender_name.as_deref() {
        None => String::new(),
        Some("") => "' '".to_owned(),
        Some(name) => name.to_owned(),
    }
}

fn put_number(to: &mut u32, value: &str) -> Result<Option<&'static str>, Bad> {
    *to = if value.is_empty() { 0 } else { value.parse().map_err(|_| Bad::Number)? };
    Ok(None)
}

fn set_secret_expiry(to: &mut Account, value: &str) -> Result<Option<&'static str>, Bad> {
    to.oauth_client_secret_expire_time = match value {
        "" => None,
        value => Some(times::parse_moment(value).map_err(|_| Bad::Time)?),
    };
    Ok(None)
}

fn show_secret_expiry(of: &Account) -> String {
    of.oauth_client_secret_expire_time.as_ref().map(times::rfc3339).unwrap_or_default()
}

fn set_tls_check(to: &mut Account, value: &str) -> Result<Option<&'static str>, Bad> {
    let Some(pin) = value.strip_prefix("pinned:") else {
        return match put_word::<TlsCheck>(&mut to.tls_check, value) {
            Err(_) => Err(Bad::Word("system, pinned:SHA256, accept-invalid".to_owned())),
            good => good,
        };
    };
    to.tls_check = TlsCheck::Pinned.into();
    to.tls_pin = normal_pin(pin).ok_or(Bad::Pin)?;
    Ok(Some("tls_pin"))
}

fn show_tls_check(of: &Account) -> String {
    let word = shown::<TlsCheck>(of.tls_check);
    if of.tls_check() == TlsCheck::Pinned { format!("{word}:{}", of.tls_pin) } else { word }
}

/// A fingerprint as tools print it (`SHA256:AB:CD…`) → 64 digits in lower case.
fn normal_pin(text: &str) -> Option<String> {
    let prefix = text.get(..7).filter(|prefix| prefix.eq_ignore_ascii_case("sha256:"));
    let digits: String =
        text[prefix.map_or(0, str::len)..].chars().filter(|character| *character != ':').collect();
    let good = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    good.then(|| digits.to_ascii_lowercase())
}

fn shown<E: Word + TryFrom<i32>>(value: i32) -> String {
    if value == 0 { String::new() } else { words::word::<E>(value).into_owned() }
}

fn switch(on: bool) -> String {
    if on { "on" } else { "off" }.to_owned()
}

fn number(value: u32) -> String {
    if value == 0 { String::new() } else { value.to_string() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::lang::EN;

    const PIN: &str = "00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff";

    fn parse(settings: &[&str]) -> Result<Changes, String> {
        let settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
        Changes::parse(&settings, &EN).map_err(|error| error.sentence(&EN))
    }

    #[test]
    fn a1_to_a5_every_key_sets_its_field_and_its_mask() {
        let changes = parse(&[
            "sender-email=fax@example.org",
            "server=mail.example.org",
            "port=587",
            "security=starttls",
            "method=secure-smtp-client",
            "authentication=on",
            "login=fax=1",
            "sign=off",
        ])
        .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(changes.account.sender_email, "fax@example.org");
        assert_eq!(changes.account.port, 587);
        assert_eq!(changes.account.security(), Security::Starttls);
        assert_eq!(changes.account.method(), Method::SecureSmtpClient);
        assert!(changes.account.authentication);
        assert_eq!(changes.account.login, "fax=1");
        assert_eq!(
            changes.fields,
            ["sender_email", "server", "port", "security", "method", "authentication", "login", "sign"]
        );
    }

    #[test]
    fn an_empty_value_is_the_default() {
        let settings: Vec<String> = KEYS.iter().map(|key| format!("{}=", key.name)).collect();
        let changes = Changes::parse(&settings, &EN).unwrap_or_else(|_| panic!());
        assert_eq!(changes.account, Account::default());
        assert_eq!(changes.fields.len(), KEYS.len());
    }

    #[test]
    fn a1_a_sender_name_of_blanks_is_present_and_empty() {
        assert_eq!(parse(&["sender-name= "]).unwrap().account.sender_name.as_deref(), Some(""));
        assert_eq!(parse(&["sender-name="]).unwrap().account.sender_name, None);
        assert_eq!(parse(&["sender-name=Fax 1"]).unwrap().account.sender_name.as_deref(), Some("Fax 1"));
    }

    #[test]
    fn a4_a_pin_is_taken_as_tools_print_it() {
        let colons: Vec<String> =
            PIN.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).to_uppercase()).collect();
        for pin in [
            PIN.to_owned(),
            PIN.to_uppercase(),
            colons.join(":"),
            format!("sha256:{PIN}"),
            format!("SHA256:{}", colons.join(":")),
        ] {
            let changes = parse(&[&format!("tls-check=pinned:{pin}")]).unwrap();
            assert_eq!(changes.account.tls_pin, PIN);
            assert_eq!(changes.account.tls_check(), TlsCheck::Pinned);
            assert_eq!(changes.fields, ["tls_check", "tls_pin"]);
        }
        for pin in ["", "sha256:", &PIN[1..], "zz", "пинпин"] {
            assert!(parse(&[&format!("tls-check=pinned:{pin}")]).is_err(), "{pin:?}");
        }
    }

    #[test]
    fn a4_a_check_without_a_pin_leaves_the_stored_pin_to_the_daemon() {
        assert_eq!(parse(&["tls-check=system"]).unwrap().fields, ["tls_check"]);
        assert_eq!(parse(&["tls-check=pinned"]).unwrap().fields, ["tls_check"]);
    }

    #[test]
    fn a_bad_word_lists_the_good_ones() {
        assert!(parse(&["security=tls"]).err().unwrap().contains("none, implicit, starttls"));
        assert!(parse(&["tls-check=no"]).err().unwrap().contains("system, pinned:SHA256, accept-invalid"));
        assert!(parse(&["authentication=yes"]).err().unwrap().contains("on, off"));
        assert!(parse(&["sever=x"]).err().unwrap().contains("server"));
        assert!(parse(&["port=smtp"]).is_err());
        assert!(parse(&["server=a", "server=b"]).is_err());
        assert!(parse(&["server"]).is_err());
    }

    #[test]
    fn h3_a_secret_on_the_command_line_is_refused_and_not_repeated() {
        for key in SECRETS {
            let error = parse(&[&format!("{key}=hunter2")]).err().unwrap();
            let option = if key == "password" { "--password-stdin" } else { "--client-secret-stdin" };
            assert!(error.contains(option) && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn the_first_word_without_a_sign_is_the_account() {
        let words = |list: &[&str]| list.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let line = words(&["office", "port=25"]);
        assert_eq!(split_id(&line, &EN).ok(), Some(("office", &line[1..])));
        let line = words(&["port=25"]);
        assert_eq!(split_id(&line, &EN).ok(), Some(("default", &line[..])));
        assert_eq!(split_id(&[], &EN).ok(), Some(("default", &[][..])));

        let mistake = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            split_id(&words, &EN).err().map(|error| error.sentence(&EN))
        };
        assert!(
            mistake(&["server", "a.example"]).is_some_and(|text| text.contains("mean server=a.example?"))
        );
        let secret = mistake(&["password", "hunter2"]).expect("refused");
        assert!(secret.contains("--password-stdin") && !secret.contains("hunter2"), "{secret}");
        assert_eq!(mistake(&["server", "port=25"]), None, "an account may have such a name");
    }

    #[test]
    fn every_field_of_an_account_that_can_be_set_has_a_key() {
        let pool = prost_reflect::DescriptorPool::decode(faxpost_proto::FILE_DESCRIPTOR_SET).unwrap();
        let account = pool.get_message_by_name("faxpost.v1.Account").unwrap();
        let others = [
            "id",
            "etag",
            "effective_port",
            "effective_login",
            "password",
            "has_password",
            "tls_pin",
            "update_time",
            "updated_by",
            "sender_email_is_default",
            "redacted",
            "oauth_client_secret",
            "has_oauth_client_secret",
        ];
        for field in account.fields() {
            let known = KEYS.iter().any(|key| key.field == field.name());
            assert_ne!(known, others.contains(&field.name()), "{}", field.name());
        }
        for key in KEYS {
            assert_eq!(key_of(key.field), key.name);
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_can_be_typed_again(name in "[ -~]{0,20}", port in 1_u32..70_000, pin in "[0-9a-f]{64}") {
            let typed = [format!("sender-name={name}"), format!("port={port}"), format!("tls-check=pinned:{pin}")];
            let once = Changes::parse(&typed, &EN).unwrap_or_else(|_| panic!()).account;
            let shown = (show_tls_check(&once), number(once.port));
            prop_assert_eq!(shown, (format!("pinned:{pin}"), port.to_string()));
        }

        #[test]
        fn any_argument_is_read_or_refused(setting in any::<String>(), pin in any::<String>()) {
            let _ = Changes::parse(&[setting], &EN);
            let _ = Changes::parse(&[format!("tls-check=pinned:{pin}")], &EN);
        }
    }
}

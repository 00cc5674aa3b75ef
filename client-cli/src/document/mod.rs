//! Accounts as TOML: what `account export` prints, `account import` reads, and `account edit` opens.
//!
//! Keys and values are those of `account set`, so nothing here knows what a setting means. The order is always the same, and
//! every setting is there, so that two files can be compared and one says everything. Secrets never are.

mod read;
mod write;

pub(crate) use read::{Mistake, Read, read_accounts, read_one};
pub(crate) use write::{comment, write_accounts, write_one};

/// A part of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Sender,
    Sending,
    SigningIn,
    Signing,
    Limits,
    Oauth,
}

/// The settings in the order of documents.
const ORDER: [(Part, &[&str]); 6] = [
    (Part::Sender, &["sender-email", "sender-name", "envelope-sender", "reply-to"]),
    (
        Part::Sending,
        &["method", "server", "port", "security", "tls-check", "ehlo-name", "proxy", "pickup-directory"],
    ),
    (Part::SigningIn, &["authentication", "login", "plaintext-auth", "mechanism", "oauth"]),
    (Part::Signing, &["sign", "certificate"]),
    (Part::Limits, &["max-connections", "messages-per-minute", "timeout-seconds"]),
    (
        Part::Oauth,
        &[
            "oauth-profile",
            "oauth-client-id",
            "oauth-client-secret-expire-time",
            "oauth-tenant",
            "oauth-scope",
            "oauth-authorization-endpoint",
            "oauth-token-endpoint",
            "oauth-device-authorization-endpoint",
            "oauth-revocation-endpoint",
        ],
    ),
];

/// Settings that are true or false.
const SWITCHES: [&str; 3] = ["authentication", "plaintext-auth", "oauth"];

/// Settings that are numbers; 0 is the default.
const NUMBERS: [&str; 4] = ["port", "max-connections", "messages-per-minute", "timeout-seconds"];

/// The table of accounts in a file of several.
const TABLE: &str = "account";

#[cfg(test)]
mod tests {
    use faxpost_proto::v1::{Account, Method, Security, Signing, TlsCheck};
    use proptest::prelude::*;

    use super::*;
    use crate::{
        lang::{EN, RU},
        settings::KEYS,
    };

    #[test]
    fn a12_every_key_has_its_place_in_a_document() {
        let mut ordered: Vec<_> = ORDER.iter().flat_map(|(_, keys)| keys.iter().copied()).collect();
        let mut known: Vec<_> = KEYS.iter().map(|key| key.name).collect();
        ordered.sort_unstable();
        known.sort_unstable();
        assert_eq!(ordered, known);
        assert!(SWITCHES.iter().chain(&NUMBERS).all(|key| known.contains(key)));
    }

    fn account() -> Account {
        Account {
            id: "office".to_owned(),
            etag: "a".to_owned(),
            sender_email: "fax@example.org".to_owned(),
            sender_name: Some("Fax \"1\" \\ # 'x'".to_owned()),
            method: Method::SecureSmtpClient.into(),
            server: "mail.example.org".to_owned(),
            port: 2525,
            security: Security::Starttls.into(),
            tls_check: TlsCheck::Pinned.into(),
            tls_pin: "ab".repeat(32),
            authentication: true,
            login: "fax".to_owned(),
            has_password: true,
            sign: Signing::Clear.into(),
            max_connections: 2,
            ..Account::default()
        }
    }

    /// Without what no document has.
    fn settings(account: &Account) -> Account {
        Account { id: String::new(), etag: String::new(), has_password: false, ..account.clone() }
    }

    #[test]
    fn a12_a_document_has_every_setting_and_no_secret_and_is_read_back() {
        for texts in [&EN, &RU] {
            let text = write_one(&account(), texts);
            assert_eq!(text, write_one(&account(), texts), "always the same");
            let read = read_one(&text, texts).unwrap();
            assert_eq!(read.changes.account, settings(&account()), "{text}");
            assert_eq!(read.changes.fields.len(), KEYS.len() + 1, "tls_pin beside the keys");
            assert!(text.contains("port = 2525") && text.contains("authentication = true"), "{text}");

            let two = [account(), Account { id: "two".to_owned(), ..account() }];
            let file = write_accounts(&two, texts);
            let read = read_accounts(&file, texts).unwrap();
            assert_eq!(read.iter().map(|read| read.id.as_str()).collect::<Vec<_>>(), ["office", "two"]);
            assert!(read.iter().all(|read| read.changes.account == settings(&account())), "{file}");
        }
    }

    #[test]
    fn a12_what_is_hidden_or_made_up_by_the_daemon_is_not_given_back() {
        let seen = Account {
            sender_email_is_default: true,
            redacted: vec!["login".to_owned()],
            login: String::new(),
            ..account()
        };
        let text = write_one(&seen, &EN);
        let read = read_one(&text, &EN).unwrap();
        assert!(!read.changes.fields.contains(&"login".to_owned()), "{text}");
        assert_eq!(read.changes.account.sender_email, "", "{text}");
    }

    #[test]
    fn a12_a_wrong_key_or_value_names_its_line() {
        let lines = |text: &str| -> Vec<usize> {
            read_one(text, &EN).err().unwrap().into_iter().map(|mistake| mistake.line).collect()
        };
        assert_eq!(lines("port = 25\n\nsever = \"x\"\nsecurity = \"tls\"\n"), [3, 4]);
        assert_eq!(lines("port = 25\nport = 26\n"), [2]);
        assert_eq!(lines("\nport = \"many\"\n"), [2]);
        assert_eq!(lines("server = {a = 1}\n"), [1]);
        assert_eq!(lines("server = \"x\n"), [1]);
        assert_eq!(lines("# password\npassword = \"hunter2\"\n"), [2]);
        let secret = read_one("password = \"hunter2\"\n", &EN).err().unwrap();
        assert!(!secret[0].text.contains("hunter2") && secret[0].text.contains("--ask-password"));

        let lines = |text: &str| -> Vec<usize> {
            read_accounts(text, &EN).err().unwrap().into_iter().map(|mistake| mistake.line).collect()
        };
        assert_eq!(lines("[account.a]\nport = 25\n[acount.b]\nport = 1\n"), [3]);
        assert_eq!(lines("port = 25\n"), [1]);
        assert_eq!(lines("[account]\nport = 25\n"), [2]);
        assert_eq!(lines(""), [1]);
    }

    #[test]
    fn a12_values_may_be_strings_as_well() {
        let read = read_one("port = \"25\"\nauthentication = \"on\"\noauth = false\n", &EN).unwrap();
        assert_eq!((read.changes.account.port, read.changes.account.authentication), (25, true));
        assert_eq!(read.changes.fields, ["port", "authentication", "oauth"]);
        assert_eq!(read.line("authentication"), Some(2));
    }

    proptest! {
        #[test]
        fn a12_any_setting_survives_the_file(
            name in "\\PC{0,30}", login in any::<String>(), port in 0..70_000_u32, flag in any::<bool>(),
            reply in "[\"'\\\\ \\u{e9}\\u{1f600}\\n\\t#=\\[\\]]{0,20}",
        ) {
            // A blank name is typed as blanks.
            prop_assume!(name.trim() == name && !name.is_empty());
            let account = Account {
                sender_name: Some(name), login, port, authentication: flag, reply_to: reply, ..account()
            };
            let text = write_accounts(std::slice::from_ref(&account), &EN);
            let read = read_accounts(&text, &EN);
            let read = read.map_err(|mistakes| TestCaseError::fail(format!("{} in {text}", mistakes[0].text)))?;
            prop_assert_eq!(&read[0].changes.account, &settings(&account));
        }

        #[test]
        fn a12_any_file_is_read_or_refused_at_a_line_of_it(text in any::<String>(), toml in "[a-z=\\[\\]\"\\. \\n0-9]{0,60}") {
            for text in [text, toml] {
                for result in [read_one(&text, &EN).map(drop), read_accounts(&text, &EN).map(drop)] {
                    for mistake in result.err().unwrap_or_default() {
                        prop_assert!(mistake.line >= 1 && mistake.line <= text.lines().count().max(1) + 1);
                    }
                }
            }
        }
    }
}

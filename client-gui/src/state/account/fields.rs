//! The settings of an account by their names: read, written, compared and taken over one by one.

use faxpost_proto::v1::Account;

/// The sender's name where none was ever chosen.
pub const DEFAULT_SENDER_NAME: &str = "Faxpost";

macro_rules! fields {
    (text: $($text:ident),*; number: $($number:ident),*; switch: $($switch:ident),*; choice: $($choice:ident),*;) => {
        /// All that a person can change here, secrets aside.
        pub const ALL: &[&str] = &[
            "sender_name", "oauth_client_secret_expire_time",
            $(stringify!($text),)* $(stringify!($number),)* $(stringify!($switch),)* $(stringify!($choice)),*
        ];

        /// A line of text, as it is typed. Numbers: 0 is the default, and blank.
        #[must_use]
        pub fn text(account: &Account, field: &str) -> String {
            match field {
                "sender_name" => account.sender_name.clone().unwrap_or_else(|| DEFAULT_SENDER_NAME.to_owned()),
                $(stringify!($text) => account.$text.clone(),)*
                $(stringify!($number) => if account.$number == 0 { String::new() } else { account.$number.to_string() },)*
                _ => String::new(),
            }
        }

        /// Takes a line of text. `false`: it is no number, and the field wants one.
        pub fn set_text(account: &mut Account, field: &str, value: &str) -> bool {
            match field {
                "sender_name" => account.sender_name = Some(value.to_owned()),
                $(stringify!($text) => value.clone_into(&mut account.$text),)*
                $(stringify!($number) => match value.trim() {
                    "" => account.$number = 0,
                    digits => match digits.parse() {
                        Ok(number) => account.$number = number,
                        Err(_) => return false,
                    },
                },)*
                _ => {}
            }
            true
        }

        /// A switch.
        #[must_use]
        pub fn switch(account: &Account, field: &str) -> bool {
            match field {
                $(stringify!($switch) => account.$switch,)*
                _ => false,
            }
        }

        /// Turns a switch.
        pub fn set_switch(account: &mut Account, field: &str, on: bool) {
            match field {
                $(stringify!($switch) => account.$switch = on,)*
                _ => {}
            }
        }

        /// Number of the value of an enum.
        #[must_use]
        pub fn choice(account: &Account, field: &str) -> i32 {
            match field {
                $(stringify!($choice) => account.$choice,)*
                _ => 0,
            }
        }

        /// Chooses a value of an enum by its number.
        pub fn choose(account: &mut Account, field: &str, value: i32) {
            match field {
                $(stringify!($choice) => account.$choice = value,)*
                _ => {}
            }
        }

        /// Takes one field over.
        pub fn copy(from: &Account, to: &mut Account, field: &str) {
            match field {
                "sender_name" => to.sender_name.clone_from(&from.sender_name),
                "oauth_client_secret_expire_time" => {
                    to.oauth_client_secret_expire_time = from.oauth_client_secret_expire_time;
                }
                $(stringify!($text) => to.$text.clone_from(&from.$text),)*
                $(stringify!($number) => to.$number = from.$number,)*
                $(stringify!($switch) => to.$switch = from.$switch,)*
                $(stringify!($choice) => to.$choice = from.$choice,)*
                _ => {}
            }
        }
    };
}

fields! {
    text: sender_email, server, tls_pin, login, certificate, pickup_directory, ehlo_name, oauth_profile, oauth_client_id,
        oauth_tenant, oauth_scope, oauth_authorization_endpoint, oauth_token_endpoint,
        oauth_device_authorization_endpoint, oauth_revocation_endpoint, mechanism, envelope_sender, reply_to, proxy;
    number: port, max_connections, messages_per_minute, timeout_seconds;
    switch: authentication, plaintext_auth, oauth;
    choice: method, security, tls_check, sign;
}

/// Whether both have the same in this field, as far as a person sees it.
#[must_use]
pub fn same(a: &Account, b: &Account, field: &str) -> bool {
    text(a, field) == text(b, field)
        && switch(a, field) == switch(b, field)
        && choice(a, field) == choice(b, field)
        && (field != "oauth_client_secret_expire_time"
            || a.oauth_client_secret_expire_time == b.oauth_client_secret_expire_time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_can_be_compared_and_taken_over() {
        let empty = Account::default();
        for field in ALL {
            let mut other = Account::default();
            match *field {
                "port" | "max_connections" | "messages_per_minute" | "timeout_seconds" => {
                    assert!(set_text(&mut other, field, "7"));
                }
                "authentication" | "plaintext_auth" | "oauth" => set_switch(&mut other, field, true),
                "method" | "security" | "tls_check" | "sign" => choose(&mut other, field, 2),
                "oauth_client_secret_expire_time" => {
                    other.oauth_client_secret_expire_time = Some(prost_types::Timestamp::default());
                }
                _ => assert!(set_text(&mut other, field, "x")),
            }
            assert!(!same(&empty, &other, field), "{field}");
            let mut copied = Account::default();
            copy(&other, &mut copied, field);
            assert!(same(&copied, &other, field), "{field}");
            assert!(ALL.iter().all(|one| one == field || same(&empty, &copied, one)), "{field}");
        }
    }

    #[test]
    fn a_number_is_one_or_blank() {
        let mut account = Account { port: 25, ..Account::default() };
        assert!(!set_text(&mut account, "port", "x1"));
        assert!(!set_text(&mut account, "port", "99999999999"));
        assert_eq!(text(&account, "port"), "25");
        assert!(set_text(&mut account, "port", " "));
        assert_eq!(text(&account, "port"), "");
    }

    #[test]
    fn a1_a_blank_name_is_another_thing_than_none() {
        let mut account = Account::default();
        assert_eq!(text(&account, "sender_name"), "Faxpost");
        assert!(set_text(&mut account, "sender_name", ""));
        assert_eq!(account.sender_name.as_deref(), Some(""));
    }
}

//! Settings → TOML.

use faxpost_proto::v1::Account;

use super::{NUMBERS, ORDER, SWITCHES, TABLE};
use crate::{
    lang::Texts,
    settings::{KEYS, Key},
};

/// One account, its keys at the top.
pub(crate) fn write_one(account: &Account, texts: &Texts) -> String {
    let mut text = String::new();
    settings(account, texts, &mut text);
    text
}

/// Several accounts, a table each.
pub(crate) fn write_accounts(accounts: &[Account], texts: &Texts) -> String {
    let mut text = comment(texts.accounts.file_header);
    for account in accounts {
        text.push_str(&format!("\n[{TABLE}.{}]\n", account.id));
        settings(account, texts, &mut text);
    }
    text
}

fn settings(account: &Account, texts: &Texts, to: &mut String) {
    for (index, (part, names)) in ORDER.iter().enumerate() {
        if index > 0 {
            to.push('\n');
        }
        to.push_str(&comment((texts.accounts.part)(*part)));
        let keys = names.iter().filter_map(|name| KEYS.iter().find(|key| key.name == *name));
        for key in keys {
            if account.redacted.iter().any(|field| field == key.field) {
                to.push_str(&format!("# {}: {}\n", key.name, texts.hidden));
                continue;
            }
            let remark = remark(key, account, texts);
            let line = format!("{} = {}", key.name, value(key, account));
            to.push_str(&if remark.is_empty() { line } else { format!("{line}  # {remark}") });
            to.push('\n');
        }
        if names.contains(&"login") && account.has_password {
            to.push_str(&comment(texts.accounts.password_is_set));
        }
        if names.contains(&"oauth-client-id") && account.has_oauth_client_secret {
            to.push_str(&comment(texts.accounts.client_secret_is_set));
        }
    }
}

/// As it stands behind the `=`.
fn value(key: &Key, account: &Account) -> String {
    let shown = (key.show)(account);
    // Made of this host's name: on another it is another.
    let shown =
        if key.name == "sender-email" && account.sender_email_is_default { String::new() } else { shown };
    match (key.name, shown.as_str()) {
        (name, shown) if SWITCHES.contains(&name) => (shown == "on").to_string(),
        (name, "") if NUMBERS.contains(&name) => "0".to_owned(),
        (name, shown) if NUMBERS.contains(&name) => shown.to_owned(),
        // How a blank is typed in a shell; here it has its quotes already.
        ("sender-name", "' '") => quoted(" "),
        (_, shown) => quoted(shown),
    }
}

/// Good words, and what an empty value means.
fn remark(key: &Key, account: &Account, texts: &Texts) -> String {
    let words = match key.name {
        "method" => "secure-smtp-client, cdo-message, system-net-mail, pickup",
        "security" => "none, implicit, starttls",
        "tls-check" => "system, pinned:SHA256, accept-invalid",
        "sign" => "off, clear, opaque",
        "proxy" => "HOST:PORT, SOCKS5",
        "port" if account.port == 0 => return format!("{}", account.effective_port),
        "sender-email" if account.sender_email_is_default => return one_line(&account.sender_email),
        "login" if account.login.is_empty() && !account.effective_login.is_empty() => {
            return one_line(&account.effective_login);
        }
        name if (key.show)(account).is_empty() => (texts.unset)(name).unwrap_or_default(),
        _ => "",
    };
    words.trim_matches(['(', ')']).to_owned()
}

/// A basic string, which every text can be.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            // Also what turns the direction of text around: an editor would show another value than there is.
            c if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {
                quoted.push_str(&format!("\\U{:08X}", u32::from(c)));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Every line as a comment.
pub(crate) fn comment(text: &str) -> String {
    text.lines().map(|line| format!("# {line}").trim_end().to_owned() + "\n").collect()
}

fn one_line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

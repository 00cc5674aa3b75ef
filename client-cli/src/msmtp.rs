//! The configuration of msmtp, as accounts of ours. It is the user's file, so it is read here and not by the daemon.
//!
//! Passwords in it, and commands that print them, are never taken: a secret must not come in by a file that somebody may
//! have written for another program. What else has no place in an account is told, line by line.

use crate::{lang::Texts, settings::Changes};

/// One account of the file.
pub(crate) struct Imported {
    /// Its id here.
    pub(crate) id: String,
    pub(crate) changes: Changes,
    /// Where it begins, from 1.
    pub(crate) begins: usize,
    /// It has a password, or a command that prints one: somebody must set it.
    pub(crate) wants_password: bool,
}

/// Accounts, and what was left out.
pub(crate) struct Configuration {
    pub(crate) accounts: Vec<Imported>,
    /// Line and sentence.
    pub(crate) remarks: Vec<(usize, String)>,
}

/// Reads a whole file.
///
/// # Errors
/// The line, and what is wrong with it.
pub(crate) fn parse(text: &str, texts: &Texts) -> Result<Configuration, (usize, String)> {
    let mut file = File { texts, defaults: Vec::new(), accounts: Vec::new(), remarks: Vec::new() };
    let mut place = Place::Nowhere;
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (command, argument) = split(line);
        let command = command.to_ascii_lowercase();
        match command.as_str() {
            "defaults" => place = Place::Defaults,
            "account" => place = file.begin(argument, number)?,
            _ => {
                let setting = Setting { line: number, command, argument: unquoted(argument) };
                match place {
                    Place::Nowhere => return Err((number, texts.accounts.msmtp_nowhere.to_owned())),
                    Place::Defaults => file.defaults.push(setting),
                    Place::Account(index) => file.accounts[index].settings.push(setting),
                }
            }
        }
    }
    file.finish()
}

struct File<'a> {
    texts: &'a Texts,
    defaults: Vec<Setting>,
    accounts: Vec<Section>,
    remarks: Vec<(usize, String)>,
}

enum Place {
    Nowhere,
    Defaults,
    Account(usize),
}

#[derive(Clone)]
struct Setting {
    line: usize,
    command: String,
    argument: String,
}

struct Section {
    name: String,
    begins: usize,
    settings: Vec<Setting>,
}

impl File<'_> {
    /// `account NAME`, or `account NAME : OTHER, …`, which copies those.
    fn begin(&mut self, argument: &str, line: usize) -> Result<Place, (usize, String)> {
        let (name, others) = argument.split_once(':').unwrap_or((argument, ""));
        let name = name.trim().to_owned();
        if name.is_empty() || self.accounts.iter().any(|other| other.name == name) {
            return Err((line, (self.texts.accounts.msmtp_account)(&name)));
        }
        let mut settings = self.defaults.clone();
        for other in others.split(',').map(str::trim).filter(|other| !other.is_empty()) {
            let found = self.accounts.iter().find(|known| known.name == other);
            let found = found.ok_or_else(|| (line, (self.texts.accounts.msmtp_account)(other)))?;
            settings.extend(found.settings.clone());
        }
        self.accounts.push(Section { name, begins: line, settings });
        Ok(Place::Account(self.accounts.len() - 1))
    }

    fn finish(mut self) -> Result<Configuration, (usize, String)> {
        let mut accounts: Vec<Imported> = Vec::new();
        for section in std::mem::take(&mut self.accounts) {
            let id = id_of(&section.name);
            if accounts.iter().any(|other| other.id == id) {
                return Err((section.begins, (self.texts.accounts.msmtp_account)(&section.name)));
            }
            if id != section.name {
                self.remarks.push((section.begins, (self.texts.accounts.msmtp_renamed)(&section.name, &id)));
            }
            accounts.push(self.account(id, &section)?);
        }
        if accounts.is_empty() {
            return Err((1, self.texts.accounts.msmtp_nowhere.to_owned()));
        }
        // What stands in the defaults is met with every account.
        self.remarks.sort();
        self.remarks.dedup();
        Ok(Configuration { accounts, remarks: self.remarks })
    }

    fn account(&mut self, id: String, section: &Section) -> Result<Imported, (usize, String)> {
        // The last one counts, as in msmtp.
        let last = |command: &str| section.settings.iter().rev().find(|setting| setting.command == command);
        let is_on = |command: &str, default: bool| match last(command) {
            None => default,
            Some(setting) => setting.argument.is_empty() || setting.argument == "on",
        };
        let mut values: Vec<(&str, String, usize)> =
            vec![("method", "secure-smtp-client".to_owned(), section.begins)];
        let mut take = |key: &'static str, command: &str| {
            if let Some(setting) = last(command) {
                values.push((key, setting.argument.clone(), setting.line));
            }
        };
        take("server", "host");
        take("sender-email", "from");
        take("sender-name", "from_full_name");
        take("login", "user");
        take("ehlo-name", "domain");
        take("port", "port");
        if let Some(timeout) = last("timeout") {
            let seconds = if timeout.argument == "off" { "0".to_owned() } else { timeout.argument.clone() };
            values.push(("timeout-seconds", seconds, timeout.line));
        }
        let (tls, starttls) = (is_on("tls", false), is_on("tls_starttls", true));
        let security = match (tls, starttls) {
            (false, _) => "none",
            (true, true) => "starttls",
            (true, false) => "implicit",
        };
        values.push(("security", security.to_owned(), section.begins));
        if tls && starttls && last("port").is_none() {
            // Its usual port; ours is 587.
            values.push(("port", "25".to_owned(), section.begins));
        }
        if let Some(check) = last("tls_certcheck").filter(|check| check.argument == "off") {
            values.push(("tls-check", "accept-invalid".to_owned(), check.line));
        }
        if let Some(pin) = last("tls_fingerprint").filter(|pin| !pin.argument.is_empty()) {
            let digits = pin.argument.chars().filter(char::is_ascii_hexdigit).count();
            if digits == 64 {
                values.retain(|(key, ..)| *key != "tls-check");
                values.push(("tls-check", format!("pinned:{}", pin.argument), pin.line));
            } else {
                self.remarks.push((pin.line, self.texts.accounts.msmtp_fingerprint.to_owned()));
            }
        }
        if let Some(proxy) = last("proxy_host").filter(|proxy| !proxy.argument.is_empty()) {
            let port = last("proxy_port").map_or("1080", |port| port.argument.as_str());
            let host = &proxy.argument;
            let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
            values.push(("proxy", format!("{host}:{port}"), proxy.line));
        }
        if let Some(auth) = last("auth") {
            self.sign_in(auth, &mut values);
        }
        let wants_password = self.remark_on_the_rest(section);

        let mut changes = Changes::default();
        for (key, value, line) in values {
            changes.put(key, &value, self.texts).map_err(|text| (line, text))?;
        }
        Ok(Imported { id, changes, begins: section.begins, wants_password })
    }

    fn sign_in(&mut self, auth: &Setting, values: &mut Vec<(&str, String, usize)>) {
        let mut put = |key: &'static str, value: &str| values.push((key, value.to_owned(), auth.line));
        match auth.argument.to_ascii_lowercase().as_str() {
            "off" => {}
            "" | "on" => put("authentication", "on"),
            "oauthbearer" | "xoauth2" => {
                put("authentication", "on");
                put("oauth", "on");
            }
            known @ ("plain" | "login" | "cram-md5" | "scram-sha-1" | "scram-sha-256"
            | "scram-sha-256-plus") => {
                put("authentication", "on");
                put("mechanism", &known.to_ascii_uppercase());
            }
            other => {
                put("authentication", "on");
                self.remarks.push((auth.line, (self.texts.accounts.msmtp_mechanism)(other)));
            }
        }
    }

    /// Whether a password is meant.
    fn remark_on_the_rest(&mut self, section: &Section) -> bool {
        let mut wants_password = false;
        for Setting { line, command, .. } in &section.settings {
            match command.as_str() {
                "host" | "from" | "from_full_name" | "user" | "domain" | "port" | "timeout" | "tls"
                | "tls_starttls" | "tls_certcheck" | "tls_fingerprint" | "proxy_host" | "proxy_port"
                | "auth" => {}
                "password" | "passwordeval" => {
                    wants_password = true;
                    self.remarks.push((*line, (self.texts.accounts.msmtp_password)(command)));
                }
                other => self.remarks.push((*line, (self.texts.accounts.msmtp_left_out)(other))),
            }
        }
        wants_password
    }
}

/// Command and argument: a blank between them, or an equals sign.
fn split(line: &str) -> (&str, &str) {
    let end = line.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(line.len());
    let (command, rest) = line.split_at(end);
    let rest = rest.trim_start();
    (command, rest.strip_prefix('=').unwrap_or(rest).trim())
}

fn unquoted(argument: &str) -> String {
    let inside = argument.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inside.unwrap_or(argument).to_owned()
}

/// A name as an id: 1 to 32 of a-z, 0-9 and -, beginning with a letter.
fn id_of(name: &str) -> String {
    let mut id: String = name
        .chars()
        .map(|c| c.to_ascii_lowercase())
        .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' })
        .collect();
    if !id.starts_with(|c: char| c.is_ascii_lowercase()) {
        id.insert(0, 'a');
    }
    id.truncate(32);
    id
}

#[cfg(test)]
mod tests {
    use faxpost_proto::v1::{Security, TlsCheck};
    use proptest::prelude::*;

    use super::*;
    use crate::lang::{EN, RU};

    const FILE: &str = r#"# a usual one
defaults
auth           on
tls            on
tls_trust_file /etc/ssl/certs/ca-certificates.crt
logfile        ~/.msmtp.log

account        gmail
host           smtp.gmail.com
port           587
from           somebody@gmail.com
user           somebody@gmail.com
passwordeval   "gpg --quiet --decrypt ~/.msmtp-gmail.gpg"

account        Work_2
host = mail.example.org
tls_starttls   off
tls_fingerprint 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF
from           fax@example.org
from_full_name "Fax of the office"
auth           scram-sha-256
user           fax
password       hunter2
proxy_host     127.0.0.1
proxy_port     9050
timeout        20

account default : gmail
"#;

    #[test]
    fn a12_an_msmtp_configuration_becomes_accounts() {
        let read = parse(FILE, &EN).unwrap_or_else(|(line, text)| panic!("{line}: {text}"));
        let ids: Vec<_> = read.accounts.iter().map(|account| account.id.as_str()).collect();
        assert_eq!(ids, ["gmail", "work-2", "default"]);
        let gmail = &read.accounts[0].changes.account;
        assert_eq!((gmail.server.as_str(), gmail.port), ("smtp.gmail.com", 587));
        assert_eq!(gmail.security(), Security::Starttls);
        assert!(gmail.authentication && gmail.login == "somebody@gmail.com");
        assert_eq!(read.accounts[2].changes.account, *gmail);
        let work = &read.accounts[1].changes.account;
        assert_eq!(work.security(), Security::Implicit);
        assert_eq!(work.tls_check(), TlsCheck::Pinned);
        assert_eq!(work.sender_name.as_deref(), Some("Fax of the office"));
        assert_eq!((work.mechanism.as_str(), work.proxy.as_str()), ("SCRAM-SHA-256", "127.0.0.1:9050"));
        assert_eq!((work.timeout_seconds, work.port), (20, 0));
    }

    #[test]
    fn h3_a_password_in_the_file_is_never_taken_and_it_is_said_what_to_do() {
        let read = parse(FILE, &EN).unwrap_or_else(|_| panic!());
        assert!(read.accounts.iter().all(|account| account.wants_password));
        for account in &read.accounts {
            assert!(account.changes.account.password.is_empty());
            assert!(!account.changes.fields.iter().any(|field| field == "password"));
        }
        let told: String = read.remarks.iter().map(|(line, text)| format!("{line}: {text}\n")).collect();
        assert!(told.contains("13: ") && told.contains("24: ") && told.contains("--ask-password"), "{told}");
        assert!(told.contains("tls_trust_file") && told.contains("logfile"), "{told}");
        assert!(!told.contains("hunter2") && !told.contains("gpg"), "{told}");
    }

    #[test]
    fn a12_without_a_port_starttls_has_that_of_msmtp() {
        let read = parse("account a\nhost x.example\ntls\n", &EN).unwrap_or_else(|_| panic!());
        assert_eq!(read.accounts[0].changes.account.port, 25);
        assert_eq!(read.accounts[0].changes.account.security(), Security::Starttls);
        let read = parse("account a\nhost x.example\n", &EN).unwrap_or_else(|_| panic!());
        assert_eq!(read.accounts[0].changes.account.security(), Security::None);
    }

    #[test]
    fn a12_what_is_no_configuration_names_its_line() {
        let line = |text: &str| parse(text, &RU).err().unwrap().0;
        assert_eq!(line("host x\n"), 1);
        assert_eq!(line("account a\n\naccount b : c\n"), 3);
        assert_eq!(line("account a\naccount a\n"), 2);
        assert_eq!(line("account a.b\naccount a-b\n"), 2);
        assert_eq!(line("account a\nport many\n"), 2);
        assert_eq!(line("# nothing\n"), 1);
    }

    proptest! {
        #[test]
        fn a12_any_file_is_read_or_refused_and_no_password_is_ever_taken(
            text in any::<String>(),
            lines in proptest::collection::vec(
                ("(account|defaults|host|port|tls|tls_starttls|auth|user|password|passwordeval|from|timeout|tls_fingerprint|proxy_host)",
                 "[ -~]{0,12}"), 0..12),
        ) {
            let made: String = lines.iter().map(|(command, argument)| format!("{command} {argument}\n")).collect();
            for text in [text, made] {
                let Ok(read) = parse(&text, &EN) else { continue };
                for account in read.accounts {
                    prop_assert!(account.changes.account.password.is_empty());
                    prop_assert!(account.id.len() <= 32 && account.id.starts_with(|c: char| c.is_ascii_lowercase()));
                }
            }
        }
    }
}

//! What an administrator may set about the daemon itself: two arguments, and `faxpostd.toml` in the state folder.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use serde::Deserialize;

use crate::clock::Clock;
use crate::message::address::{parse_addr_spec, parse_mailbox_list};
use crate::secrets::{self, Secret};
use crate::store::{Address, How};

/// Everything the daemon is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the database, the spool, the key and the pickup folder live.
    pub state_dir: PathBuf,
    /// Pipe name or socket path.
    pub endpoint: String,
    /// Bounds on what callers can make the daemon do.
    pub limits: Limits,
    /// Where accounts, mail and log are.
    pub store: Store,
    /// When mail is tried again.
    pub outbox: Outbox,
    /// How long things are kept.
    pub log: Retention,
    /// Requests that wait for an administrator.
    pub approvals: Approvals,
    /// Who talks to servers and signs.
    pub mailer: Mailer,
    /// Finished messages of programs that pipe to sendmail.
    pub sendmail: Sendmail,
    /// Where the server of an address is looked for.
    pub discovery: Discovery,
    /// What time it is. Not in the file: only tests have another one.
    pub clock: Clock,
}

/// Bounds on what callers can make the daemon do (requirement H5). `[limits]` in `faxpostd.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Largest message, attachments before encoding, in bytes.
    pub max_message_bytes: u64,
    /// Connections open at once, of all callers.
    pub connections: usize,
    /// Connections open at once, of one caller. Administrators have the same, plus a reserve nobody else can take.
    pub connections_per_caller: usize,
    /// Calls under way at once, of one caller.
    pub calls_per_caller: usize,
    /// Bytes of requests in memory at once, of one caller: a mail that is not streamed is one request.
    pub request_bytes_per_caller: usize,
    /// The same of all callers together, without administrators.
    pub request_bytes: usize,
    /// Unfinished messages in the outbox, of one caller.
    pub queued_per_caller: u64,
    /// Bytes of the unfinished messages of one caller.
    pub queued_bytes_per_caller: u64,
    /// Seconds a new connection may take until its first request, and a stream between two of its parts.
    pub patience_seconds: u64,
    /// Messages handed over at the same time.
    pub deliveries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message_bytes: 50 * 1024 * 1024,
            connections: 512,
            connections_per_caller: 64,
            calls_per_caller: 64,
            request_bytes_per_caller: 16 * 1024 * 1024,
            request_bytes: 64 * 1024 * 1024,
            queued_per_caller: 100_000,
            queued_bytes_per_caller: 4 * 1024 * 1024 * 1024,
            patience_seconds: 10,
            deliveries: 24,
        }
    }
}

/// When mail is tried again (requirement F3). `[outbox]` in `faxpostd.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Outbox {
    /// Pauses after the first, second, … failed attempt, in seconds; the last one repeats.
    pub retry_seconds: Vec<u64>,
    /// Hours after which a message is given up (RFC 5321 section 4.5.4.1 proposes 4 to 5 days). 0: each is tried once.
    pub give_up_hours: u32,
    /// The sender is sent a report about what was given up.
    pub report_expired: bool,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            retry_seconds: vec![60, 120, 300, 600, 1200, 1800, 3600],
            give_up_hours: 120,
            report_expired: true,
        }
    }
}

/// How long the e-mail log and finished messages are kept (requirement E3). `[log]` in `faxpostd.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Retention {
    /// Days an entry of the log is kept.
    pub keep_days: u32,
    /// MiB the database may have, without the mail that waits in it; above that the oldest transcripts go, then the
    /// oldest entries and finished messages. 0: no bound.
    pub max_megabytes: u64,
    /// Days a message is kept after it was finished, and with it the promise that its `request_id` sends once.
    pub keep_messages_days: u32,
    /// From the start to the first look for what can go. Not in the file: only tests are in such a hurry.
    #[serde(skip)]
    pub first_look: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            keep_days: 90,
            max_megabytes: 512,
            keep_messages_days: 30,
            // After a boot, what waits goes out first, and the clock is set.
            first_look: Duration::from_secs(60),
        }
    }
}

/// Who talks to servers and signs (requirement H6). `[mailer]` in `faxpostd.toml`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Mailer {
    /// The account of the operating system it works under: a name, "uid:107" or a SID. `None`: the platform's
    /// default. `CertificateStore::trustee` resolves it.
    pub account: Option<String>,
}

/// Where the server of an address is looked for (requirement A11). `[discovery]` in `faxpostd.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Discovery {
    /// The name server to ask, ADDRESS:PORT. `None`: those of the system.
    pub dns_server: Option<SocketAddr>,
    /// The port where autoconfig documents are served; another one than 443 is for tests and closed networks.
    pub https_port: u16,
    /// Such documents may be read from addresses of closed networks and of this machine, and so any user can have them asked.
    pub private_addresses: bool,
}

impl Default for Discovery {
    fn default() -> Self {
        Self { dns_server: None, https_port: 443, private_addresses: false }
    }
}

/// Requests that wait for an administrator (requirement C6). `[approvals]` in `faxpostd.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Approvals {
    /// Hours after which a request that nobody decided is over.
    pub expire_hours: u32,
}

impl Default for Approvals {
    fn default() -> Self {
        // A week: somebody is back from his holidays, and nobody approves what everybody has forgotten.
        Self { expire_hours: 168 }
    }
}

/// Finished messages of programs that pipe to sendmail (requirement F4). `[sendmail]` in `faxpostd.toml`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Sendmail {
    /// What becomes of a message that is from an address which its account may not use.
    pub foreign_from: ForeignFrom,
    /// For each account, the addresses it may send as beside its own; "@domain": everybody there.
    pub senders: BTreeMap<String, Vec<String>>,
    /// For names without @, and at this host, the addresses they stand for, separated by commas; "*": every other name.
    pub aliases: BTreeMap<String, String>,
}

/// Where accounts, mail and log are. `[store]` in `faxpostd.toml`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Store {
    /// A database of a PostgreSQL server, as it is written; empty: the one in the state folder.
    pub url: String,
    /// File with its password in the first line; empty: the systemd credential `faxpost-store-password`, or none.
    pub password_file: PathBuf,
    /// What becomes of mail while the server is away.
    pub while_away: WhileAway,
    /// What `url` is.
    #[serde(skip)]
    pub address: Option<Address>,
    /// It is used also after it was moved elsewhere, and from then on.
    #[serde(skip)]
    pub reclaim: bool,
}

/// Name of the credential that systemd hands over.
const STORE_CREDENTIAL: &str = "faxpost-store-password";

/// See [`Store::while_away`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhileAway {
    /// It is refused for now: nothing is accepted that only one machine has.
    #[default]
    Refuse,
    /// It is accepted into the state folder, and handed over when the server is back.
    Keep,
}

impl Store {
    /// How the daemon works on the database.
    #[must_use]
    pub fn how(&self) -> How {
        match self.while_away {
            WhileAway::Refuse => How::Beside,
            WhileAway::Keep => How::Keeping,
        }
    }

    /// Takes this database.
    ///
    /// # Errors
    /// It is none.
    pub fn choose(&mut self, url: &str) -> anyhow::Result<()> {
        self.address = Some(Address::parse(url).map_err(|why| anyhow!(why))?);
        url.clone_into(&mut self.url);
        Ok(())
    }

    /// The password of the database, if there is one.
    ///
    /// # Errors
    /// It cannot be read, or others could read it, too.
    pub fn password(&self) -> anyhow::Result<Option<Secret>> {
        let path = &self.password_file;
        if path.as_os_str().is_empty() {
            return secrets::password_credential(STORE_CREDENTIAL).with_context(|| {
                format!("the database's password in the credential {STORE_CREDENTIAL} is not usable")
            });
        }
        let password = secrets::password_file(path);
        password
            .map(Some)
            .with_context(|| format!("the database's password in {} is not usable", path.display()))
    }
}

/// See [`Sendmail::foreign_from`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForeignFrom {
    /// It is sent as the account's.
    #[default]
    Rewrite,
    /// It is not taken.
    Refuse,
}

impl Sendmail {
    /// The aliases, names in lower case, each with its addresses.
    ///
    /// # Errors
    /// One of them is no list of addresses.
    pub fn addresses(&self) -> anyhow::Result<BTreeMap<String, Vec<String>>> {
        let list = |(name, list): (&String, &String)| {
            let mailboxes =
                parse_mailbox_list(list).map_err(|what| anyhow!("sendmail.aliases.{name} {what}"))?;
            let addresses = mailboxes.into_iter().map(|mailbox| mailbox.email.to_string()).collect();
            Ok((name.to_lowercase(), addresses))
        };
        self.aliases.iter().map(list).collect()
    }

    /// The further senders of each account: addresses, and "@domain", domains as A-labels.
    ///
    /// # Errors
    /// One of them is neither.
    pub fn senders(&self) -> anyhow::Result<BTreeMap<String, Vec<String>>> {
        let sender = |account: &str, sender: &String| {
            let address = if sender.starts_with('@') { format!("x{sender}") } else { sender.clone() };
            let parsed = parse_addr_spec(&address)
                .map_err(|what| anyhow!("sendmail.senders.{account}: {sender:?} {what}"))?;
            let domain = format!("@{}", parsed.domain());
            Ok(if sender.starts_with('@') { domain } else { parsed.to_string() })
        };
        let list = |(account, list): (&String, &Vec<String>)| {
            let list = list.iter().map(|given| sender(account, given)).collect::<anyhow::Result<_>>()?;
            Ok((account.clone(), list))
        };
        self.senders.iter().map(list).collect()
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    limits: Limits,
    store: Store,
    outbox: Outbox,
    log: Retention,
    mailer: Mailer,
    approvals: Approvals,
    sendmail: Sendmail,
    discovery: Discovery,
}

impl File {
    /// Numbers that no arithmetic stumbles over, and none that would shut everybody out.
    fn check(&self) -> anyhow::Result<()> {
        let Limits {
            max_message_bytes,
            connections,
            connections_per_caller,
            calls_per_caller,
            request_bytes_per_caller,
            request_bytes,
            queued_per_caller,
            queued_bytes_per_caller,
            patience_seconds,
            deliveries,
        } = self.limits;
        let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        for (name, found, from, to) in [
            ("max-message-bytes", max_message_bytes, 1, 1 << 40),
            ("connections", number(connections), 1, 65_536),
            ("connections-per-caller", number(connections_per_caller), 1, 65_536),
            ("calls-per-caller", number(calls_per_caller), 1, 65_536),
            // One request of the largest size must fit, or nobody could send it.
            ("request-bytes-per-caller", number(request_bytes_per_caller), 2 << 20, 1 << 40),
            ("request-bytes", number(request_bytes), 2 << 20, 1 << 40),
            ("queued-per-caller", queued_per_caller, 1, u64::MAX),
            ("queued-bytes-per-caller", queued_bytes_per_caller, 1, u64::MAX),
            ("patience-seconds", patience_seconds, 1, 3600),
            ("deliveries", number(deliveries), 1, 1024),
        ] {
            ensure!((from..=to).contains(&found), "limits.{name} is {found}; it can be {from} to {to}");
        }
        let Outbox { retry_seconds, give_up_hours, report_expired: _ } = &self.outbox;
        ensure!(!retry_seconds.is_empty(), "outbox.retry-seconds is empty; it needs one pause at least");
        for found in retry_seconds {
            ensure!(
                (1..=604_800).contains(found),
                "outbox.retry-seconds has {found}; a pause can be 1 to 604800"
            );
        }
        ensure!(
            (0..=8760).contains(give_up_hours),
            "outbox.give-up-hours is {give_up_hours}; it can be 0 to 8760"
        );
        let Retention { keep_days, max_megabytes, keep_messages_days, first_look: _ } = self.log;
        for (name, found, from, to) in [
            ("keep-days", keep_days.into(), 1, 36_500),
            ("max-megabytes", max_megabytes, 0, 1 << 20),
            ("keep-messages-days", keep_messages_days.into(), 1, 36_500),
        ] {
            ensure!((from..=to).contains(&found), "log.{name} is {found}; it can be {from} to {to}");
        }
        let Approvals { expire_hours } = self.approvals;
        ensure!(
            (1..=8760).contains(&expire_hours),
            "approvals.expire-hours is {expire_hours}; it can be 1 to 8760"
        );
        ensure!(self.discovery.https_port > 0, "discovery.https-port is 0; it can be 1 to 65535");
        if let Some(account) = &self.mailer.account {
            // No account's name is longer: 256 octets on Linux, a domain and 256 characters on Windows.
            let fits = (1..=512).contains(&account.len()) && !account.chars().any(char::is_control);
            ensure!(fits, "mailer.account is not the name, uid or SID of an account");
        }
        self.sendmail.addresses().and(self.sendmail.senders()).map(drop)
    }
}

impl Config {
    /// The configuration of this state folder.
    ///
    /// # Errors
    /// `faxpostd.toml` is there and cannot be read or has a wrong line: the daemon must not start on guesses.
    pub fn load(state_dir: &Path, endpoint: &str) -> anyhow::Result<Self> {
        let path = state_dir.join("faxpostd.toml");
        let file: File = match std::fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).with_context(|| format!("{} is not usable", path.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => File::default(),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        file.check().with_context(|| format!("{} is not usable", path.display()))?;
        let mut store = file.store;
        if !store.url.is_empty() {
            let url = store.url.clone();
            store.choose(&url).with_context(|| format!("store.url in {} is not usable", path.display()))?;
        }
        Ok(Self {
            state_dir: state_dir.to_owned(),
            endpoint: endpoint.to_owned(),
            limits: file.limits,
            store,
            outbox: file.outbox,
            log: file.log,
            approvals: file.approvals,
            mailer: file.mailer,
            sendmail: file.sendmail,
            discovery: file.discovery,
            clock: Clock::system(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("faxpostd.toml"), text).unwrap();
        Config::load(folder.path(), "x").map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn numbers_that_cannot_be_are_named() {
        for (text, named) in [
            ("[limits]\npatience-seconds = 9223372036854775807", "limits.patience-seconds"),
            ("[limits]\nconnections = 0", "limits.connections"),
            ("[limits]\nrequest-bytes = 1000", "limits.request-bytes"),
            ("[limits]\nrequest-bytes-per-caller = 0", "limits.request-bytes-per-caller"),
            ("[limits]\ndeliveries = 9223372036854775807", "limits.deliveries"),
            ("[outbox]\nretry-seconds = [1, 9223372036854775807]", "outbox.retry-seconds"),
            ("[outbox]\nretry-seconds = []", "outbox.retry-seconds"),
            ("[outbox]\ngive-up-hours = 8761", "outbox.give-up-hours"),
            ("[log]\nkeep-days = 0", "log.keep-days"),
            ("[log]\nkeep-messages-days = 4294967295", "log.keep-messages-days"),
            ("[log]\nmax-megabytes = 9223372036854775807", "log.max-megabytes"),
            ("[log]\nfirst-look = 1", "first-look"),
            ("[approvals]\nexpire-hours = 0", "approvals.expire-hours"),
            ("[store]\nurl = \"postgres://fax:secret@db/mail\"", "store.url"),
            ("[mailer]\naccount = \"\"", "mailer.account"),
            ("[sendmail.aliases]\nroot = \"admin\"", "sendmail.aliases.root"),
            ("[sendmail.senders]\ndefault = [\"@\"]", "sendmail.senders.default"),
            ("[sendmail]\nforeign-from = \"keep\"", "foreign-from"),
            ("[discovery]\nhttps-port = 0", "discovery.https-port"),
            ("[discovery]\ndns-server = \"ns.example\"", "dns-server"),
        ] {
            let error = load(text).unwrap_err();
            assert!(error.contains(named) && error.contains("faxpostd.toml"), "{error}");
        }
        assert_eq!(load("[outbox]\nretry-seconds = [1]").unwrap().outbox.retry_seconds, [1]);
        assert_eq!(load("[log]\nmax-megabytes = 0").unwrap().log.max_megabytes, 0);
        assert_eq!(load("[mailer]\naccount = \"fax\"").unwrap().mailer.account.as_deref(), Some("fax"));
        assert_eq!(load("").unwrap().mailer.account, None);
    }

    #[test]
    fn i2_the_defaults_that_package_and_readme_name_are_the_defaults() {
        // What is commented out has no blank behind the sign, a comment has.
        let packaged = include_str!("../packaging/linux/faxpostd.toml").lines();
        let packaged: String = packaged
            .map(|line| {
                line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line).to_owned() + "\n"
            })
            .collect();
        let (_, readme) = include_str!("../../README.md").split_once("```toml\n").unwrap();
        let (readme, _) = readme.split_once("```").unwrap();
        let keys = |text: &str| {
            let table: toml::Table = text.parse().unwrap();
            let all = table.iter().flat_map(|(part, values)| {
                let values = values.as_table().unwrap().clone();
                values.into_iter().map(move |(key, _)| format!("{part}.{key}"))
            });
            all.collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(keys(&packaged), keys(readme));
        let usual = load("").unwrap();
        for text in [&*packaged, readme] {
            let told = load(text).unwrap();
            let numbers = |config: &Config| {
                let Discovery { dns_server: _, https_port, private_addresses } = config.discovery;
                format!(
                    "{:?} {:?} {:?} {:?} {https_port} {private_addresses}",
                    config.limits, config.outbox, config.log, config.approvals
                )
            };
            assert_eq!(numbers(&told), numbers(&usual));
            assert_eq!(told.sendmail.foreign_from, usual.sendmail.foreign_from);
        }
    }
}

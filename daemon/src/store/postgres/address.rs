//! Where the server is, and how it is talked to: what an administrator wrote, checked once.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::config::SslMode;
use url::Url;

use super::STATEMENT_MS;

/// A server and a database of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    host: String,
    port: u16,
    user: String,
    database: String,
    /// `false`: without TLS, which only a server of this machine is talked to.
    pub(super) tls: bool,
    /// PEM of the authorities that are trusted instead of the system's.
    pub(super) authority: Option<PathBuf>,
}

impl Address {
    /// Of `postgres://user@host:port/database?sslmode=verify-full`.
    ///
    /// # Errors
    /// What is wrong with it, as a sentence. It never holds a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        // The error of a part may show the part, and the part may be a password.
        let url = Url::parse(text).map_err(|_| {
            "the store's address is not of the form postgres://user@host:port/database".to_owned()
        })?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(format!(
                "the store's address begins with {}:// instead of postgres://",
                url.scheme()
            ));
        }
        let in_query = url.query_pairs().any(|(name, _)| name == "password");
        if url.password().is_some() || in_query {
            return Err("the store's address holds a password, which everybody could read there; put it into a \
                        file that only the service can read, and name that file as password-file in [store] of \
                        faxpostd.toml, or give it as the systemd credential faxpost-store-password"
                .to_owned());
        }
        let (mut host, mut user) = (decoded(url.host_str().unwrap_or_default())?, decoded(url.username())?);
        let (mut mode, mut authority) = (None, None);
        for (name, value) in url.query_pairs() {
            match &*name {
                "host" => host = value.into_owned(),
                "user" => user = value.into_owned(),
                "sslmode" => mode = Some(value.into_owned()),
                "sslrootcert" => authority = Some(PathBuf::from(value.into_owned())),
                other => return Err(format!("the store's address has {other}, which is not known here")),
            }
        }
        let database = decoded(url.path().trim_start_matches('/'))?;
        for (what, text) in [("host", &host), ("user", &user), ("database", &database)] {
            if text.is_empty() || text.contains('\0') {
                return Err(format!("the store's address names no {what}"));
            }
        }
        let is_here = host.starts_with('/')
            || host.eq_ignore_ascii_case("localhost")
            || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        let tls = match mode.as_deref() {
            _ if host.starts_with('/') => false,
            None | Some("verify-full") => true,
            Some("disable") if is_here => false,
            Some("disable") => {
                return Err(format!("sslmode=disable is for a server of this machine only, not for {host}"));
            }
            Some(other) => {
                return Err(format!("sslmode is {other}; it can be verify-full, or disable on this machine"));
            }
        };
        let host = host.trim_matches(['[', ']']).to_owned();
        Ok(Self { host, port: url.port().unwrap_or(5432), user, database, tls, authority })
    }

    /// What a connection is made with.
    pub(super) fn config(&self, password: Option<&str>) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config
            .host(&self.host)
            .port(self.port)
            .user(&self.user)
            .dbname(&self.database)
            .ssl_mode(if self.tls { SslMode::Require } else { SslMode::Disable })
            .connect_timeout(Duration::from_secs(5))
            // A server that is cut off: neither its silence nor ours is waited for longer.
            .tcp_user_timeout(Duration::from_secs(10))
            .keepalives_idle(Duration::from_secs(10))
            .keepalives_interval(Duration::from_secs(3))
            .keepalives_retries(3)
            // "Accepted" rests on synchronous_commit, whatever the server's own setting is.
            .options(format!(
                "-c search_path=faxpost -c synchronous_commit=on -c default_transaction_isolation=read\\ committed \
                 -c statement_timeout={STATEMENT_MS} -c lock_timeout=10000 \
                 -c idle_in_transaction_session_timeout=60000 -c tcp_keepalives_idle=10 \
                 -c tcp_keepalives_interval=3 -c tcp_keepalives_count=3"
            ));
        if let Some(password) = password {
            config.password(password);
        }
        config
    }
}

/// For people: without what is nobody's business.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, user, database, .. } = self;
        match host.starts_with('/') {
            true => write!(f, "PostgreSQL in {host}, port {port}, database {database}, user {user}"),
            false => write!(f, "PostgreSQL at {host}:{port}, database {database}, user {user}"),
        }
    }
}

/// A part of the address without its %20.
fn decoded(part: &str) -> Result<String, String> {
    let wrong =
        || "the store's address has a % that is not followed by two digits of a UTF-8 text".to_owned();
    let (mut bytes, mut rest) = (Vec::new(), part.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let mut byte = *first;
        if byte == b'%' {
            let digits = rest.get(..2).ok_or_else(wrong)?;
            let text = std::str::from_utf8(digits).map_err(|_| wrong())?;
            byte = u8::from_str_radix(text, 16).map_err(|_| wrong())?;
            rest = &rest[2..];
        }
        bytes.push(byte);
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_is_read_and_tls_is_the_default() {
        let address = Address::parse("postgres://fax@db.example.com/mail").unwrap();
        assert_eq!(address.to_string(), "PostgreSQL at db.example.com:5432, database mail, user fax");
        assert!(address.tls);
        let address = Address::parse("postgresql:///mail?host=/run/postgresql&user=fax").unwrap();
        assert_eq!(address.host, "/run/postgresql");
        assert!(!address.tls);
        let address = Address::parse("postgres://fax@[::1]:5433/mail?sslmode=disable").unwrap();
        assert_eq!((&*address.host, address.port, address.tls), ("::1", 5433, false));
        let private = "postgres://fax@db/mail?sslmode=verify-full&sslrootcert=/etc/faxpost/ca.pem";
        assert_eq!(Address::parse(private).unwrap().authority, Some("/etc/faxpost/ca.pem".into()));
    }

    #[test]
    fn h3_a_password_in_the_address_is_refused_and_not_repeated() {
        for text in [
            "postgres://fax:hunter2@db/mail",
            "postgres://fax@db/mail?password=hunter2",
            "postgres://fax:hunter2@db:99999/mail",
        ] {
            let why = Address::parse(text).unwrap_err();
            assert!(!why.contains("hunter2"), "{why}");
        }
        assert!(Address::parse("postgres://fax:hunter2@db/mail").unwrap_err().contains("password-file"));
    }

    #[test]
    fn h1_without_tls_only_a_server_of_this_machine_is_talked_to() {
        for text in [
            "postgres://fax@db/mail?sslmode=disable",
            "postgres://fax@10.0.0.1/mail?sslmode=disable",
            "postgres://fax@db/mail?sslmode=prefer",
            "postgres://fax@db/mail?sslmode=require",
            "mysql://fax@db/mail",
            "postgres://db/mail",
            "postgres://fax@db",
            "postgres://fax@db/mail?options=-csearch_path",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_an_address_or_a_sentence(text in "(postgres://)?[ -~]{0,60}") {
            if let Err(why) = Address::parse(&text) {
                prop_assert!(!why.is_empty());
            }
        }
    }
}

//! A scriptable SMTP server in this process, on a free port of the loopback: takes mail like a submission server, and
//! misbehaves at any step when told so. The tests and the demo talk to it.
//!
//! ```no_run
//! # use faxpost_tests::smtp::{At, Authority, Fault, SmtpServer};
//! # async fn example() {
//! let server = SmtpServer::builder()
//!     .starttls(Authority::new().good())
//!     .credentials("fax", "secret")
//!     .fault_times(1, At::FinalDot, Fault::answer(451, "4.3.0 try again"))
//!     .start()
//!     .await;
//! // … send to server.address() …
//! let received = server.wait_for(1).await;
//! assert_eq!(received[0].login.as_deref(), Some("fax"));
//! # }
//! ```
//!
//! Recipients `r550@…`, `r450@…` and so on are refused with that code, senders `s553@…` likewise; 421 closes, too.
//! It is strict with clients: pipelining that was not offered and a bare LF in a command end the session.

mod certificates;
mod mailbox;
mod sasl;
mod script;
mod session;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

pub use certificates::{Authority, Identity};
pub use mailbox::Received;
pub use script::{At, Fault};

use mailbox::Mailbox;
use script::Script;
use session::Session;

/// When TLS begins.
#[derive(Clone, Default)]
enum Mode {
    #[default]
    Plain,
    Starttls(Identity),
    Implicit(Identity),
}

/// Whether this access token (second) lets this login (first) in.
type TokenCheck = Arc<dyn Fn(&str, &str) -> bool + Send + Sync>;

/// What the server offers and expects.
#[derive(Clone)]
struct Settings {
    mode: Mode,
    credentials: Option<(String, String)>,
    tokens: Option<TokenCheck>,
    mechanisms: Vec<String>,
    scram_rounds: u32,
    bindings: Vec<String>,
    auth_keyword: &'static str,
    auth_before_tls: bool,
    extensions: Vec<String>,
    size_limit: Option<u64>,
    digest_only: bool,
    thinks: Duration,
}

/// Makes an [`SmtpServer`].
#[must_use]
pub struct Builder {
    settings: Settings,
    script: Script,
}

/// A running server; dropped, it ends with all its connections.
pub struct SmtpServer {
    address: SocketAddr,
    mailbox: Arc<Mailbox>,
    task: JoinHandle<()>,
}

impl SmtpServer {
    /// A server without TLS and sign-in that offers PIPELINING, 8BITMIME, SMTPUTF8 and SIZE.
    pub fn builder() -> Builder {
        Builder {
            settings: Settings {
                mode: Mode::Plain,
                credentials: None,
                tokens: None,
                mechanisms: vec!["PLAIN".to_owned(), "LOGIN".to_owned()],
                scram_rounds: 4096,
                bindings: ["tls-exporter", "tls-server-end-point"].map(str::to_owned).to_vec(),
                auth_keyword: "AUTH ",
                auth_before_tls: false,
                extensions: ["PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"]
                    .map(str::to_owned)
                    .to_vec(),
                size_limit: Some(50 * 1024 * 1024),
                digest_only: false,
                thinks: Duration::ZERO,
            },
            script: Script::default(),
        }
    }

    /// Where it listens: 127.0.0.1 and a free port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port alone.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What was taken so far.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.mailbox.received()
    }

    /// Waits until `count` messages were taken, and gives all.
    ///
    /// # Panics
    /// When they do not come within half a minute.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        self.mailbox.wait_for(count).await
    }

    /// Every command line of every connection, in order; without SASL answers.
    #[must_use]
    pub fn commands(&self) -> Vec<String> {
        self.mailbox.commands()
    }

    /// How many connections were accepted.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.mailbox.connections()
    }

    /// How many connections were open at the same time, at most.
    #[must_use]
    pub fn most_at_once(&self) -> usize {
        self.mailbox.most_at_once()
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Builder {
    /// Offers STARTTLS, and takes neither sign-in nor mail before it.
    pub fn starttls(mut self, identity: Identity) -> Self {
        self.settings.mode = Mode::Starttls(identity);
        self
    }

    /// TLS before the first SMTP byte.
    pub fn implicit_tls(mut self, identity: Identity) -> Self {
        self.settings.mode = Mode::Implicit(identity);
        self
    }

    /// Takes mail after this sign-in only.
    pub fn credentials(mut self, login: &str, password: &str) -> Self {
        self.settings.credentials = Some((login.to_owned(), password.to_owned()));
        self
    }

    /// Takes mail after a sign-in with XOAUTH2 or OAUTHBEARER, too, by a token that `check` knows as this login's. It is
    /// asked anew for every sign-in: what stands behind it may let tokens end. Name the mechanisms after this.
    pub fn tokens(mut self, check: impl Fn(&str, &str) -> bool + Send + Sync + 'static) -> Self {
        self.settings.tokens = Some(Arc::new(check));
        self.mechanisms(&["XOAUTH2", "OAUTHBEARER"])
    }

    /// The channel bindings that SCRAM-SHA-256-PLUS takes; unless said, tls-exporter and tls-server-end-point.
    pub fn bindings(mut self, names: &[&str]) -> Self {
        self.settings.bindings = names.iter().map(|&name| name.to_owned()).collect();
        self
    }

    /// The mechanisms offered, in this order. PLAIN, LOGIN, CRAM-MD5, SCRAM-SHA-1, SCRAM-SHA-256 and -PLUS, XOAUTH2 and
    /// OAUTHBEARER can be used.
    pub fn mechanisms(mut self, names: &[&str]) -> Self {
        self.settings.mechanisms = names.iter().map(|&name| name.to_owned()).collect();
        self
    }

    /// Rounds of hashing that SCRAM asks for; 4096 unless said.
    pub fn scram_rounds(mut self, rounds: u32) -> Self {
        self.settings.scram_rounds = rounds;
        self
    }

    /// Offers them in the old way: `250-AUTH=LOGIN PLAIN`.
    pub fn old_auth_spelling(mut self) -> Self {
        self.settings.auth_keyword = "AUTH=";
        self
    }

    /// Offers and takes the sign-in before STARTTLS, too.
    pub fn auth_before_tls(mut self) -> Self {
        self.settings.auth_before_tls = true;
        self
    }

    /// Does not offer this extension, e.g. "PIPELINING".
    pub fn without(mut self, extension: &str) -> Self {
        self.settings.extensions.retain(|known| known != extension);
        self
    }

    /// Offers one more, e.g. "DSN".
    pub fn with(mut self, extension: &str) -> Self {
        self.settings.extensions.push(extension.to_owned());
        self
    }

    /// The limit in bytes that SIZE states; `None`: SIZE is not offered.
    pub fn size_limit(mut self, limit: Option<u64>) -> Self {
        self.settings.size_limit = limit;
        self
    }

    /// Before it answers to a whole content, as a server that looks into it.
    pub fn thinks(mut self, pause: Duration) -> Self {
        self.settings.thinks = pause;
        self
    }

    /// Keeps size and SHA-256 of messages and not their bytes.
    pub fn digest_only(mut self) -> Self {
        self.settings.digest_only = true;
        self
    }

    /// Always misbehaves so.
    pub fn fault(mut self, at: At, fault: Fault) -> Self {
        self.script.add(at, fault, None);
        self
    }

    /// Misbehaves so for the first `times`, and then works.
    pub fn fault_times(mut self, times: u32, at: At, fault: Fault) -> Self {
        self.script.add(at, fault, Some(times));
        self
    }

    /// Works there for the first `times`, misbehaves so once, and then works.
    pub fn after(mut self, times: u32, at: At, fault: Fault) -> Self {
        self.script.add_after(at, fault, times);
        self
    }

    /// Listens.
    ///
    /// # Panics
    /// When the loopback has no free port.
    pub async fn start(self) -> SmtpServer {
        self.start_on(0).await
    }

    /// Listens on this port of the loopback.
    ///
    /// # Panics
    /// When the port is taken.
    pub async fn start_on(self, port: u16) -> SmtpServer {
        self.start_at(SocketAddr::from(([127, 0, 0, 1], port))).await
    }

    /// Listens there.
    ///
    /// # Panics
    /// When the address is taken, or not this machine's.
    pub async fn start_at(self, address: SocketAddr) -> SmtpServer {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let mailbox = Arc::new(Mailbox::default());
        let task = tokio::spawn(serve(listener, self.settings, Arc::new(self.script), Arc::clone(&mailbox)));
        SmtpServer { address, mailbox, task }
    }
}

async fn serve(listener: TcpListener, settings: Settings, script: Arc<Script>, mailbox: Arc<Mailbox>) {
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let _ = stream.set_nodelay(true);
                mailbox.connected();
                let session = Session::new(stream, settings.clone(), Arc::clone(&script), Arc::clone(&mailbox));
                let mailbox = Arc::clone(&mailbox);
                sessions.spawn(async move {
                    session.run().await;
                    mailbox.disconnected();
                });
            }
            Some(_) = sessions.join_next() => {}
        }
    }
}

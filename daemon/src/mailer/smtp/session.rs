//! The session: from a name to a message that was taken, in the eight [`Step`]s that the Test shows.
//!
//! [`Session::steps`] is the whole of it. Each step is one function below (or, from the sender on, in `transaction`)
//! that leaves what it found in the session, and ends it by a [`Fault`].

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use lettre::transport::smtp::commands::{Ehlo, Starttls};
use lettre::transport::smtp::extension::ClientId;

use super::JobTurn;
use super::ahead::Begun;
use super::capabilities::Capabilities;
use super::connection::Connection;
use super::content::Survey;
use super::pool::{Key, Pool};
use super::recipients::Recipients;
use super::sasl::{Attempt, Exchange, Line, Setting, Turn};
use super::{connect, sasl, tls};
use crate::accounts::Security;
use crate::mailer::failure::Fault;
use crate::mailer::progress::Progress;
use crate::mailer::{
    Credential, Failure, FailureKind, Job, Outcome, Reply, SmtpRoute, Step, TlsInfo, Transcript,
};

/// One job's session with its server.
pub(in crate::mailer) struct Session<'a> {
    pub(super) job: &'a Job,
    pub(super) route: &'a SmtpRoute,
    pub(super) progress: Progress,
    pub(super) connection: Connection,
    pub(super) capabilities: Capabilities,
    pub(super) recipients: Recipients,
    /// The server's answer to the content.
    pub(super) answer: Option<Reply>,
    /// Some of the content has left: from now on, beginning anew may deliver it twice.
    pub(super) content_begun: bool,
    /// Not by BDAT, though it is offered: this server cannot.
    pub(super) without_chunking: bool,
    pub(super) survey: Survey,
    /// The content went by BDAT.
    pub(super) chunked: bool,
    /// DATA has left with the recipients.
    pub(super) data_asked: bool,
    addresses: Vec<SocketAddr>,
    /// Ours, of the connection.
    local: Option<IpAddr>,
    pub(super) tls: Option<TlsInfo>,
    pub(super) pool: Option<(&'a Pool, Key)>,
    pub(super) turn: &'a mut JobTurn,
    /// MAIL and the first recipients have left, behind the content of the message before.
    pub(super) begun: bool,
    /// The same of the next message.
    pub(super) ahead: Option<Begun>,
    /// Messages that the connection has carried before this one.
    pub(super) messages: u32,
    /// Taken out before the connection was given to the pool.
    pub(super) transcript: Option<Transcript>,
    /// What is said of the connection when it is used again.
    pub(super) label: String,
}

impl<'a> Session<'a> {
    pub(in crate::mailer) fn new(
        job: &'a Job,
        route: &'a SmtpRoute,
        progress: Progress,
        pool: Option<(&'a Pool, Key)>,
        turn: &'a mut JobTurn,
    ) -> Self {
        Self {
            job,
            route,
            progress,
            connection: Connection::new(route.timeouts),
            capabilities: Capabilities::default(),
            recipients: Recipients::new(&job.envelope),
            answer: None,
            content_begun: false,
            without_chunking: false,
            survey: Survey::default(),
            chunked: false,
            data_asked: false,
            addresses: Vec::new(),
            local: None,
            tls: None,
            pool,
            turn,
            begun: false,
            ahead: None,
            messages: 0,
            transcript: None,
            label: String::new(),
        }
    }

    pub(in crate::mailer) async fn run(mut self) -> Outcome {
        self.use_again().await;
        let mut failure = self.steps().await.err();
        while let Some(ended) = &failure
            && self.begins_anew(ended).await
        {
            failure = self.steps().await.err();
        }
        if !self.keep(failure.as_ref()).await {
            let transaction_stands = matches!(self.job.until, Step::Sender | Step::Recipient);
            self.connection.quit(transaction_stands).await;
        }

        let answer = self.answer.as_ref().map_or_else(String::new, Reply::to_string);
        let (recipients, refusal) = self.recipients.conclude(failure.as_ref(), self.answer.as_ref());
        Outcome {
            reused: self.messages > 0,
            failure: failure.or(refusal),
            recipients,
            transcript: self.transcript.unwrap_or_else(|| self.connection.recorder.take()),
            tls: self.tls,
            answer,
        }
    }

    async fn steps(&mut self) -> Result<(), Failure> {
        for step in Step::ALL.into_iter().take_while(|step| *step <= self.job.until) {
            if self.is_needless(step) {
                self.progress.skip(step);
                continue;
            }
            self.progress.begin(step);
            let result = match step {
                Step::Resolve => self.resolve().await,
                Step::Connect => self.connect().await,
                Step::Tls => self.secure().await,
                Step::Ehlo => self.introduce().await,
                Step::SignIn => self.sign_in().await,
                Step::Sender => self.sender().await,
                Step::Recipient => self.recipients().await,
                Step::Message => self.message().await,
            };
            match result {
                Ok(()) => self.progress.pass(),
                Err(fault) => return Err(self.progress.fail(fault)),
            }
        }
        Ok(())
    }

    fn is_needless(&self, step: Step) -> bool {
        match step {
            // Done by whoever opened this connection.
            _ if self.messages > 0 && step <= Step::SignIn => true,
            Step::Tls => self.route.security == Security::None,
            Step::SignIn => self.route.sign_in.is_none(),
            _ => false,
        }
    }

    async fn resolve(&mut self) -> Result<(), Fault> {
        let patience = Duration::from_secs(self.route.timeouts.connect);
        self.addresses = match &self.route.proxy {
            None => connect::resolve(self.server(), self.route.port, patience).await?,
            // The server's own name is the proxy's to look up.
            Some(proxy) => {
                self.progress.note(format!("through the proxy {proxy}"));
                connect::resolve(&proxy.host, proxy.port, patience).await.map_err(of_proxy)?
            }
        };
        for address in &self.addresses {
            self.progress.note(address.ip().to_string());
        }
        Ok(())
    }

    async fn connect(&mut self) -> Result<(), Fault> {
        let patience = Duration::from_secs(self.route.timeouts.connect);
        let stream = match &self.route.proxy {
            None => connect::connect(&self.addresses, patience).await?,
            Some(proxy) => {
                let stream = connect::connect(&self.addresses, patience).await.map_err(of_proxy)?;
                let (server, port) = (self.server(), self.route.port);
                let stream = connect::through(stream, server, port, patience).await?;
                self.label = format!("{server}:{port} through the proxy {proxy}");
                self.tell(&format!("connected to {}", self.label));
                self.connection.plain(stream);
                return self.greeted().await;
            }
        };
        if let (Ok(peer), Ok(local)) = (stream.peer_addr(), stream.local_addr()) {
            self.connection.recorder.remark(&format!("connected to {peer}"));
            self.progress.note(format!("connected to {peer}"));
            self.local = Some(local.ip());
            self.label = peer.to_string();
        }
        self.connection.plain(stream);
        self.greeted().await
    }

    /// Before implicit TLS there is no greeting.
    async fn greeted(&mut self) -> Result<(), Fault> {
        if self.route.security == Security::Implicit { Ok(()) } else { self.greeting().await }
    }

    /// TLS at once, or by STARTTLS: a server without it is an error, and never a reason to go on without TLS.
    async fn secure(&mut self) -> Result<(), Fault> {
        if self.route.security == Security::Starttls {
            self.ehlo().await?;
            if !self.capabilities.starttls {
                let text = "the server does not offer STARTTLS, which these settings require";
                return Err(Fault::new(FailureKind::StarttlsMissing, text));
            }
            let reply = self.connection.command(Starttls).await?;
            if reply.code != 220 {
                return Err(Fault::refused(FailureKind::TlsFailed, "STARTTLS", reply));
            }
        }
        self.handshake().await?;
        if self.route.security == Security::Implicit { self.greeting().await } else { Ok(()) }
    }

    /// After it, nothing that was heard before counts any more (RFC 3207 section 4.2): EHLO is said again.
    async fn handshake(&mut self) -> Result<(), Fault> {
        let stream = self.connection.take_for_tls()?;
        let patience = Duration::from_secs(self.route.timeouts.command);
        let (info, result) = tls::handshake(stream, self.server(), self.route.tls_check, patience).await;
        if let Some(info) = info {
            self.note_tls(&info);
            self.progress.tls(info.clone());
            self.tls = Some(info);
        }
        let stream = result.inspect_err(|fault| self.connection.recorder.remark(&fault.text))?;
        self.connection.tls(stream);
        self.capabilities = Capabilities::default();
        Ok(())
    }

    fn note_tls(&mut self, info: &TlsInfo) {
        let mut notes = Vec::new();
        if !info.version.is_empty() {
            notes.push(format!("{} {}", info.version, info.cipher));
        }
        if let Some(own) = info.chain.first() {
            let days = tls::days_left(own.not_after);
            notes.push(format!("certificate of {}, {days} days left", own.subject));
        }
        notes.extend(info.tolerated.as_ref().map(|complaint| format!("tolerated: {complaint}")));
        for note in notes {
            self.connection.recorder.remark(&note);
            self.progress.note(note);
        }
    }

    async fn greeting(&mut self) -> Result<(), Fault> {
        let reply = self.connection.reply().await.map_err(|mut fault| {
            if fault.kind == FailureKind::TimedOut {
                "the connection stands, but the server does not greet".clone_into(&mut fault.text);
            }
            fault
        })?;
        if reply.code != 220 {
            return Err(Fault::refused(FailureKind::SessionRefused, "the session", reply));
        }
        self.progress.note(reply.lines.join(" "));
        self.progress.answered(reply);
        Ok(())
    }

    async fn introduce(&mut self) -> Result<(), Fault> {
        self.ehlo().await?;
        for line in &self.capabilities.lines {
            self.progress.note(line);
        }
        Ok(())
    }

    async fn ehlo(&mut self) -> Result<(), Fault> {
        let us = client_id(&self.route.ehlo_name, self.local);
        let mut reply = self.connection.command(Ehlo::new(us.clone())).await?;
        if matches!(reply.code, 500 | 502 | 504) {
            // RFC 5321 section 3.2: a server without extensions. What the settings need of them will be missed.
            reply = self.connection.command(format!("HELO {us}\r\n")).await?;
        }
        if reply.code != 250 {
            return Err(Fault::refused(FailureKind::SessionRefused, "EHLO", reply));
        }
        self.capabilities = Capabilities::parse(&reply);
        self.progress.answered(reply);
        Ok(())
    }

    async fn sign_in(&mut self) -> Result<(), Fault> {
        let Some(sign_in) = &self.route.sign_in else { return Ok(()) };
        let line = match (self.connection.is_tls(), self.route.plaintext_auth) {
            (true, _) => Line::Closed,
            (false, true) => Line::Open,
            (false, false) => Line::Forbidden,
        };
        let bindings = self.connection.bindings();
        let attempts = sasl::choose(sign_in, &self.capabilities.mechanisms, line, &bindings)?;
        self.connection.recorder.hide(sign_in.credential.secret().expose());
        let by_token = matches!(sign_in.credential, Credential::AccessToken(_));
        let setting = Setting { sign_in, server: self.server(), port: self.route.port };

        let mut refusal = None;
        for attempt in attempts {
            let ended = self.exchange(&attempt, attempt.begin(&setting)).await?;
            let next_may_do = ended.another_binding || attempt.is_refused_as_such(&ended.reply);
            let kind = match ended.reply.code {
                235 => {
                    self.progress.note(format!("signed in as {} with {}", sign_in.login, attempt.name()));
                    self.progress.answered(ended.reply);
                    return Ok(());
                }
                400..500 => FailureKind::AuthTemporary,
                _ if next_may_do => FailureKind::NoMechanism,
                _ if by_token => FailureKind::TokenRejected,
                _ => FailureKind::AuthRejected,
            };
            let mut fault =
                Fault::refused(kind, &format!("the sign-in with {}", attempt.name()), ended.reply);
            if let Some(complaint) = ended.complaint {
                fault.text.push_str(&format!(" (it says {complaint})"));
            }
            refusal = Some(fault);
            if !next_may_do {
                break;
            }
        }
        Err(refusal.unwrap_or_else(|| Fault::new(FailureKind::NoMechanism, "no mechanism was tried")))
    }

    /// One mechanism, to the answer that ends it.
    async fn exchange(&mut self, attempt: &Attempt, mut exchange: Box<dyn Exchange>) -> Result<Ended, Fault> {
        let command = format!("AUTH {}", attempt.name());
        // What is too long for its line is asked for by an empty challenge.
        let initial = exchange.initial().filter(|initial| fits_a_command(&command, initial));
        self.connection.recorder.hide_challenges(attempt.hides_challenges());
        self.connection.queue_secret(Some(&command), initial.as_deref().map(Vec::as_slice));
        let mut complaint = None;
        let reply = loop {
            let (reply, challenge) = self.connection.reply_or_challenge().await?;
            let Some(challenge) = challenge else { break reply };
            let turn;
            (exchange, turn) = answer(exchange, challenge).await?;
            if let Some(remark) = exchange.remark() {
                self.tell(&remark);
            }
            if let Some(said) = exchange.complaint() {
                let said = sasl::shorten(&self.connection.recorder.scrub(&said));
                self.tell(&format!("the server says: {said}"));
                complaint = Some(said);
            }
            if let Some(proof) = exchange.proof() {
                self.connection.recorder.hide_exactly(proof);
            }
            match turn {
                Turn::Answer(answer) => self.connection.queue_secret(None, Some(&answer)),
                Turn::Cancel => break self.connection.command("*\r\n").await?,
                Turn::Distrust(why) => return Err(self.distrust(&why)),
            }
        };
        self.connection.recorder.hide_challenges(false);
        if reply.code == 235 && !exchange.knows_the_server() {
            return Err(self.distrust("the server let us in without a proof that it knows the password"));
        }
        Ok(Ended { reply, complaint, another_binding: exchange.wants_another_binding() })
    }

    /// In the transcript and in the report of the step.
    fn tell(&mut self, remark: &str) {
        self.connection.recorder.remark(remark);
        self.progress.note(remark);
    }

    /// Not a word more to this server.
    fn distrust(&mut self, why: &str) -> Fault {
        self.connection.close(why);
        Fault::new(FailureKind::ServerUnproven, why)
    }

    /// Without the brackets of an IPv6 literal.
    fn server(&self) -> &'a str {
        self.route.server.trim_start_matches('[').trim_end_matches(']')
    }
}

/// What failed on the way to the proxy is not about the server.
fn of_proxy(fault: Fault) -> Fault {
    Fault::new(FailureKind::ProxyFailed, format!("the proxy: {}", fault.text))
}

/// How an exchange ended.
struct Ended {
    reply: Reply,
    /// Why it is refused, in the server's words; without secrets, and not too long.
    complaint: Option<String>,
    /// Another channel binding may do.
    another_binding: bool,
}

/// RFC 4954 section 4: AUTH with its initial answer is a command line like any other. Servers with short ones would
/// otherwise refuse access tokens.
fn fits_a_command(command: &str, initial: &[u8]) -> bool {
    const LONGEST_COMMAND: usize = 512;
    command.len() + " \r\n".len() + initial.len().div_ceil(3) * 4 <= LONGEST_COMMAND
}

/// Where it keeps nobody waiting: a proof takes many rounds of hashing.
async fn answer(
    mut exchange: Box<dyn Exchange>,
    challenge: Vec<u8>,
) -> Result<(Box<dyn Exchange>, Turn), Fault> {
    let work = tokio::task::spawn_blocking(move || {
        let turn = exchange.answer(&challenge);
        (exchange, turn)
    });
    work.await.map_err(|_| Fault::new(FailureKind::AuthTemporary, "the sign-in could not be computed"))
}

/// How we introduce ourselves: by the name that was set, or else by our address on this connection.
fn client_id(name: &str, local: Option<IpAddr>) -> ClientId {
    let bare = name.trim_start_matches('[').trim_end_matches(']').trim_start_matches("IPv6:");
    let is_domain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    match (bare.parse().ok(), local) {
        (Some(IpAddr::V4(address)), _) => ClientId::Ipv4(address),
        (Some(IpAddr::V6(address)), _) => ClientId::Ipv6(address),
        _ if !name.is_empty() && name.chars().all(is_domain) => ClientId::Domain(name.to_owned()),
        (_, Some(IpAddr::V4(address))) => ClientId::Ipv4(address),
        (_, Some(IpAddr::V6(address))) => ClientId::Ipv6(address),
        _ => ClientId::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ehlo_has_a_name_or_an_address_and_never_anything_else() {
        let local = Some(IpAddr::from([192, 0, 2, 1]));
        for (name, said) in [
            ("fax.example.com", "fax.example.com"),
            ("", "[192.0.2.1]"),
            ("a b\r\nQUIT", "[192.0.2.1]"),
            ("[10.0.0.1]", "[10.0.0.1]"),
            ("[IPv6:::1]", "[IPv6:::1]"),
            ("::1", "[IPv6:::1]"),
        ] {
            assert_eq!(client_id(name, local).to_string(), said);
        }
    }
}

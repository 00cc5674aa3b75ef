//! The server's side of one connection.

use std::io;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::certificates::Identity;
use super::mailbox::{Mailbox, Received};
use super::sasl::{self, Scram};
use super::script::{At, Fault, Script};
use super::{Mode, Settings};

/// Octets of a command line, AUTH included (RFC 4954).
const LONGEST_LINE: u64 = 12_288;

trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

pub(super) struct Session {
    io: BufReader<Box<dyn Duplex>>,
    settings: Settings,
    script: Arc<Script>,
    mailbox: Arc<Mailbox>,
    /// The envelope that is being made, and who is there.
    message: Received,
    has_sender: bool,
    /// What a sign-in may be bound to.
    bindings: Vec<(&'static str, Vec<u8>)>,
    /// A message was taken on this connection since the last command.
    has_delivered: bool,
}

/// Why a session ends: an error, or the wish to end it.
type Step<T = ()> = io::Result<T>;

impl Session {
    pub(super) fn new(
        stream: TcpStream,
        settings: Settings,
        script: Arc<Script>,
        mailbox: Arc<Mailbox>,
    ) -> Self {
        let io = BufReader::with_capacity(64 * 1024, Box::new(stream) as Box<dyn Duplex>);
        Self {
            io,
            settings,
            script,
            mailbox,
            message: Received::default(),
            has_sender: false,
            bindings: Vec::new(),
            has_delivered: false,
        }
    }

    pub(super) async fn run(mut self) {
        // However it ended, the other side sees it: the connection is closed.
        let _ = self.converse().await;
        let _ = self.io.shutdown().await;
    }

    async fn converse(&mut self) -> Step {
        if let Mode::Implicit(identity) = self.settings.mode.clone() {
            self.handshake(&identity).await?;
        }
        self.answer(At::Greeting, "", 220, "mail.test ESMTP ready").await?;
        loop {
            if self.has_delivered
                && let Some(fault) = self.script.next(At::Idle)
            {
                self.misbehave(fault, "").await?;
            }
            let line = self.command().await?;
            self.has_delivered = false;
            self.mailbox.command(&line);
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match verb.to_ascii_uppercase().as_str() {
                "EHLO" => self.ehlo(&line).await?,
                "HELO" => self.say(250, "mail.test").await?,
                "STARTTLS" => self.starttls(&line).await?,
                "AUTH" => self.auth(rest).await?,
                "MAIL" => self.mail(&line).await?,
                "RCPT" => self.rcpt(&line).await?,
                "DATA" => self.data(&line).await?,
                "BDAT" => self.bdat(rest).await?,
                "RSET" => {
                    self.reset();
                    self.answer(At::Rset, &line, 250, "2.0.0 ok").await?;
                }
                "NOOP" => self.say(250, "2.0.0 ok").await?,
                "QUIT" => {
                    self.answer(At::Quit, &line, 221, "2.0.0 bye").await?;
                    return Ok(());
                }
                _ => self.say(502, "5.5.1 unknown command").await?,
            }
        }
    }

    async fn ehlo(&mut self, line: &str) -> Step {
        let mut lines = vec!["mail.test greets you".to_owned()];
        lines.extend(self.settings.extensions.iter().cloned());
        lines.extend(self.settings.size_limit.map(|limit| format!("SIZE {limit}")));
        let before_tls = matches!(self.settings.mode, Mode::Starttls(_)) && !self.message.tls;
        if before_tls {
            lines.push("STARTTLS".to_owned());
        }
        if self.settings.asks_for_sign_in() && (!before_tls || self.settings.auth_before_tls) {
            lines.push(format!("{}{}", self.settings.auth_keyword, self.settings.mechanisms.join(" ")));
        }
        self.answer(At::Ehlo, line, 250, &lines.join("\n")).await?;
        Ok(())
    }

    async fn starttls(&mut self, line: &str) -> Step {
        let Mode::Starttls(identity) = self.settings.mode.clone() else {
            return self.say(502, "5.5.1 not offered").await;
        };
        if self.answer(At::Starttls, line, 220, "2.0.0 go ahead").await? {
            self.handshake(&identity).await?;
        }
        Ok(())
    }

    async fn handshake(&mut self, identity: &Identity) -> Step {
        if let Some(fault) = self.script.next(At::Handshake) {
            // The client begins. Said earlier, it would not be part of the handshake.
            self.io.fill_buf().await?;
            self.misbehave(fault, "").await?;
        }
        let (unused, _) = tokio::io::duplex(1);
        let stream = std::mem::replace(&mut self.io, BufReader::new(Box::new(unused))).into_inner();
        let stream = TlsAcceptor::from(Arc::clone(&identity.config)).accept(stream).await?;
        self.bindings = sasl::bindings(stream.get_ref().1, identity.sha256);
        self.io = BufReader::with_capacity(64 * 1024, Box::new(stream));
        self.reset();
        self.message.tls = true;
        Ok(())
    }

    async fn auth(&mut self, rest: &str) -> Step {
        let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
        let mechanism = mechanism.to_ascii_uppercase();
        if !self.settings.asks_for_sign_in() {
            return self.say(502, "5.5.1 not offered").await;
        }
        // Nobody's: with tokens alone, no password is right.
        let credentials = self.settings.credentials.clone().unwrap_or_default();
        if let Some(fault) = self.script.next(At::Auth) {
            return self.misbehave(fault, rest).await;
        }
        if !self.settings.mechanisms.contains(&mechanism) {
            return self.say(504, "5.5.4 unknown mechanism").await;
        }
        let (said, given) = match mechanism.as_str() {
            "PLAIN" => {
                let said = if initial.is_empty() { self.challenge("").await? } else { initial.to_owned() };
                let text = decode(&said);
                let mut parts = text.split('\0').skip(1).map(str::to_owned);
                (said, (parts.next().unwrap_or_default(), parts.next().unwrap_or_default()))
            }
            "LOGIN" => {
                let login = self.challenge("Username:").await?;
                let password = self.challenge("Password:").await?;
                let given = (decode(&login), decode(&password));
                (format!("{login} {password}"), given)
            }
            "CRAM-MD5" => {
                let challenge = "<1896.697170952@mail.test>";
                let said = self.challenge(challenge).await?;
                let right = decode(&said) == sasl::cram_md5(&credentials.0, &credentials.1, challenge);
                (said, if right { credentials.clone() } else { Default::default() })
            }
            "XOAUTH2" | "OAUTHBEARER" => return self.token(&mechanism, initial).await,
            "SCRAM-SHA-1" | "SCRAM-SHA-256" | "SCRAM-SHA-256-PLUS" => {
                match self.scram(&mechanism, initial, &credentials).await? {
                    Some(found) => found,
                    None => return Ok(()),
                }
            }
            _ => return self.say(504, "5.5.4 this mechanism is only offered").await,
        };
        let right = given == credentials && given != Default::default();
        let (code, text) = if right {
            (235, "2.7.0 signed in")
        } else {
            (535, "5.7.8 Error: authentication failed: the password is wrong")
        };
        if self.answer(At::SignedIn, &said, code, text).await? && right {
            (self.message.login, self.message.mechanism) = (Some(given.0), Some(mechanism));
        }
        Ok(())
    }

    /// What the client said, and whose password it knows; `None`: it was answered already.
    async fn scram(
        &mut self,
        mechanism: &str,
        initial: &str,
        credentials: &(String, String),
    ) -> Step<Option<(String, (String, String))>> {
        let rounds = self.settings.scram_rounds;
        let client_first = decode(initial);
        let offers_plus = self.settings.mechanisms.iter().any(|name| name.ends_with("-PLUS"));
        let wanted = sasl::Binding::wanted(mechanism, &client_first, offers_plus);
        let known = |name: &str| self.settings.bindings.iter().any(|known| known == name);
        let binding = wanted.and_then(|wanted| wanted.of(&self.bindings, known));
        let begun = match binding {
            Ok(binding) => Scram::begin(mechanism, &client_first, binding, &credentials.1, rounds),
            // Refused at the end, as RFC 5802 section 5.1 has it.
            Err(error) => {
                let nonce = client_first.rsplit_once("r=").map_or("", |(_, nonce)| nonce);
                self.challenge(&format!("r={nonce}x,s=c2FsdA==,i=4096")).await?;
                self.challenge(&format!("e={error}")).await?;
                return Ok(Some((initial.to_owned(), Default::default())));
            }
        };
        let Some((scram, server_first)) = begun else {
            self.say(501, "5.5.2 this is no SCRAM").await?;
            return Ok(None);
        };
        let client_final = self.challenge(&server_first).await?;
        let said = format!("{initial} {client_final}");
        let same_name = client_first.contains(&format!(",,n={},r=", credentials.0));
        let proof = scram.finish(&decode(&client_final)).filter(|_| same_name);
        let Some(proof) = proof else { return Ok(Some((said, Default::default()))) };
        if !self.answer(At::ServerProof, "", 334, &STANDARD.encode(proof)).await? {
            return Ok(None);
        }
        if !self.command().await?.is_empty() {
            self.say(501, "5.7.0 cancelled").await?;
            return Ok(None);
        }
        Ok(Some((said, credentials.clone())))
    }

    /// XOAUTH2 or OAUTHBEARER, to its end.
    async fn token(&mut self, mechanism: &str, initial: &str) -> Step {
        let said = if initial.is_empty() { self.challenge("").await? } else { initial.to_owned() };
        let Some((login, token)) = sasl::token(mechanism, &decode(&said)) else {
            return self.say(501, "5.5.2 this is no message of that mechanism").await;
        };
        if self.settings.tokens.as_ref().is_some_and(|check| check(&login, &token)) {
            if self.answer(At::SignedIn, &said, 235, "2.7.0 signed in").await? {
                (self.message.login, self.message.mechanism) = (Some(login), Some(mechanism.to_owned()));
            }
            return Ok(());
        }
        let error = STANDARD.encode(r#"{"status":"401","schemes":"bearer","scope":"https:\/\/mail.test\/"}"#);
        if !self.answer(At::TokenRefused, &said, 334, &error).await? {
            return Ok(());
        }
        let acknowledged = self.command().await?;
        let expected = if mechanism == "XOAUTH2" { "" } else { "AQ==" };
        if acknowledged != expected {
            return self.say(501, "5.5.2 an error is acknowledged otherwise").await;
        }
        self.answer(At::SignedIn, &said, 535, "5.7.8 the token is not good").await?;
        Ok(())
    }

    async fn challenge(&mut self, text: &str) -> Step<String> {
        self.say(334, &STANDARD.encode(text)).await?;
        self.command().await
    }

    async fn mail(&mut self, line: &str) -> Step {
        if matches!(self.settings.mode, Mode::Starttls(_)) && !self.message.tls {
            return self.say(530, "5.7.0 Must issue a STARTTLS command first").await;
        }
        if self.settings.asks_for_sign_in() && self.message.login.is_none() {
            return self.say(530, "5.7.0 Authentication required").await;
        }
        let (from, parameters) = path(line);
        if let Some(code) = scripted(&from, 's') {
            return self.misbehave(Fault::Answer(code, text_for(code).to_owned()), line).await;
        }
        if self.answer(At::Mail, line, 250, "2.1.0 ok").await? {
            self.reset();
            (self.message.from, self.message.parameters, self.has_sender) = (from, parameters, true);
        }
        Ok(())
    }

    async fn rcpt(&mut self, line: &str) -> Step {
        if !self.has_sender {
            return self.say(503, "5.5.1 MAIL first").await;
        }
        let (to, _) = path(line);
        if let Some(code) = scripted(&to, 'r') {
            return self.misbehave(Fault::Answer(code, text_for(code).to_owned()), line).await;
        }
        if self.answer(At::Rcpt, line, 250, "2.1.5 ok").await? {
            self.message.to.push(to);
        }
        Ok(())
    }

    async fn data(&mut self, line: &str) -> Step {
        if self.message.to.is_empty() {
            return match self.script.next(At::Data) {
                Some(fault) => self.misbehave(fault, line).await,
                None => self.say(554, "5.5.1 no valid recipients").await,
            };
        }
        if !self.answer(At::Data, line, 354, "end with <CRLF>.<CRLF>").await? {
            return Ok(());
        }
        self.content().await?;
        self.taken().await
    }

    /// One chunk, which is the last (RFC 3030).
    async fn bdat(&mut self, rest: &str) -> Step {
        if !self.settings.extensions.iter().any(|known| known == "CHUNKING") {
            return self.say(502, "5.5.1 not offered").await;
        }
        if let Some(fault) = self.script.next(At::Bdat) {
            return self.misbehave(fault, rest).await;
        }
        let size = rest.strip_suffix(" LAST").and_then(|size| size.parse().ok());
        let Some(size) = size else { return self.say(501, "5.5.4 BDAT SIZE LAST").await };
        let mut content = vec![0; size];
        self.io.read_exact(&mut content).await?;
        if self.message.to.is_empty() {
            return self.say(554, "5.5.1 no valid recipients").await;
        }
        self.message.size = content.len() as u64;
        if self.settings.digest_only {
            self.message.sha256 = hex::encode(Sha256::digest(&content));
        } else {
            self.message.content = content;
        }
        self.taken().await
    }

    /// The answer to a whole content.
    async fn taken(&mut self) -> Step {
        let message = self.message.clone();
        if !self.settings.thinks.is_zero() {
            tokio::time::sleep(self.settings.thinks).await;
        }
        let fault = self.script.next(At::FinalDot);
        if !matches!(fault, Some(Fault::Answer(..))) {
            self.mailbox.take(message);
        }
        self.reset();
        self.has_delivered = true;
        match fault {
            None => self.say(250, "2.0.0 Ok: queued as 4Faxpost").await,
            Some(fault) => self.misbehave(fault, "").await,
        }
    }

    async fn content(&mut self) -> Step {
        let fault = self.script.next(At::Content);
        let mut digest = Sha256::new();
        let mut line = Vec::new();
        loop {
            line.clear();
            if self.io.read_until(b'\n', &mut line).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line == b".\r\n" {
                break;
            }
            let kept = line.strip_prefix(b".").unwrap_or(&line);
            self.message.size += kept.len() as u64;
            if self.settings.digest_only {
                digest.update(kept);
            } else {
                self.message.content.extend_from_slice(kept);
            }
            if let Some(fault) = &fault
                && self.message.size > 1000
            {
                self.misbehave(fault.clone(), "").await?;
                return Err(io::Error::other("as scripted"));
            }
        }
        if self.settings.digest_only {
            self.message.sha256 = hex::encode(digest.finalize());
        }
        Ok(())
    }

    /// Forgets the envelope, and remembers who is there.
    fn reset(&mut self) {
        self.has_sender = false;
        self.message = Received {
            login: self.message.login.take(),
            mechanism: self.message.mechanism.take(),
            tls: self.message.tls,
            ..Received::default()
        };
    }

    /// A line of the client, without its end.
    async fn command(&mut self) -> Step<String> {
        let mut line = Vec::new();
        (&mut self.io).take(LONGEST_LINE).read_until(b'\n', &mut line).await?;
        let Some(text) = line.strip_suffix(b"\r\n") else {
            let _ = self.say(500, "5.5.2 lines end with CR LF").await;
            return Err(io::ErrorKind::InvalidData.into());
        };
        let pipelining = self.settings.extensions.iter().any(|known| known == "PIPELINING");
        let is_last = text.eq_ignore_ascii_case(b"DATA") || text.eq_ignore_ascii_case(b"STARTTLS");
        let is_chunk = text.starts_with(b"BDAT ");
        if !self.io.buffer().is_empty() && (!pipelining || is_last) && !is_chunk {
            let _ = self.say(503, "5.5.0 improper pipelining").await;
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(String::from_utf8_lossy(text).into_owned())
    }

    /// The answer, unless the script has another; `true`: the session goes on as if it had been given.
    async fn answer(&mut self, at: At, said: &str, code: u16, text: &str) -> Step<bool> {
        match self.script.next(at) {
            None => self.say(code, text).await.map(|()| true),
            Some(fault) => {
                let goes_on = matches!(fault, Fault::Raw(_));
                self.misbehave(fault, said).await.map(|()| goes_on)
            }
        }
    }

    async fn say(&mut self, code: u16, text: &str) -> Step {
        let lines: Vec<&str> = text.split('\n').collect();
        let mut reply = String::new();
        for (index, line) in lines.iter().enumerate() {
            let mark = if index + 1 == lines.len() { ' ' } else { '-' };
            reply.push_str(&format!("{code}{mark}{line}\r\n"));
        }
        self.raw(reply.as_bytes()).await
    }

    async fn raw(&mut self, bytes: &[u8]) -> Step {
        self.io.write_all(bytes).await?;
        self.io.flush().await
    }

    async fn misbehave(&mut self, fault: Fault, said: &str) -> Step {
        match fault {
            Fault::Answer(code, text) => {
                self.say(code, &text).await?;
                if code == 421 { Err(io::Error::other("as scripted")) } else { Ok(()) }
            }
            Fault::Raw(bytes) => self.raw(&bytes).await,
            Fault::Echo(code) => {
                let decoded: Vec<_> = said.split(' ').map(decode).collect();
                self.say(code, &format!("5.7.8 you said {said}: {}", decoded.join(" "))).await
            }
            Fault::Drop => Err(io::Error::other("as scripted")),
            Fault::Stall => std::future::pending().await,
            Fault::Garbage => {
                self.raw(b"\x00\xff\x1b[2Jwhat?\x00\x01\x02\x03 neither SMTP nor TLS\r\n").await
            }
            Fault::Endless => self.endless(b"220-and another line of a banner that does not end\r\n").await,
            Fault::EndlessLine => self.endless(b"220 and another word of a line that does not end ").await,
        }
    }

    async fn endless(&mut self, piece: &[u8]) -> Step {
        let block = piece.repeat(1 << 10);
        for _ in 0..(100 << 20) / block.len() {
            self.raw(&block).await?;
        }
        Ok(())
    }
}

impl Settings {
    fn asks_for_sign_in(&self) -> bool {
        self.credentials.is_some() || self.tokens.is_some()
    }
}

/// The address between the angle brackets, and what follows.
fn path(line: &str) -> (String, String) {
    let inner = line.split_once('<').map_or("", |(_, rest)| rest);
    let (address, rest) = inner.split_once('>').unwrap_or((inner, ""));
    (address.to_owned(), rest.trim().to_owned())
}

/// The code that an address like `r550@example.com` asks for.
fn scripted(address: &str, letter: char) -> Option<u16> {
    let (local, _) = address.split_once('@')?;
    local.strip_prefix(letter)?.parse().ok().filter(|code| (400..600).contains(code))
}

fn text_for(code: u16) -> &'static str {
    match code {
        421 => "4.7.0 scripted: closing",
        450 => "4.2.1 scripted: greylisted, try again",
        400..500 => "4.3.0 scripted: try again",
        552 => "5.2.2 scripted: mailbox full",
        553 => "5.7.1 scripted: sender not allowed",
        _ => "5.1.1 scripted: no such user",
    }
}

fn decode(base64: &str) -> String {
    String::from_utf8_lossy(&STANDARD.decode(base64.trim()).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_ask_for_codes() {
        assert_eq!(scripted("r550@example.com", 'r'), Some(550));
        assert_eq!(scripted("r250@example.com", 'r'), None);
        assert_eq!(scripted("rose@example.com", 'r'), None);
        assert_eq!(path("MAIL FROM:<a@b> SIZE=1"), ("a@b".to_owned(), "SIZE=1".to_owned()));
    }

    #[tokio::test]
    async fn it_takes_mail_from_a_client_of_other_make() {
        use lettre::transport::smtp::authentication::Credentials;
        use lettre::{SmtpTransport, Transport as _, address::Envelope};

        let server =
            super::super::SmtpServer::builder().credentials("fax", "secret").digest_only().start().await;
        let port = server.port();
        let sent = tokio::task::spawn_blocking(move || {
            let client = SmtpTransport::builder_dangerous("127.0.0.1")
                .port(port)
                .credentials(Credentials::new("fax".to_owned(), "secret".to_owned()))
                .build();
            let to = vec!["b@example.com".parse().unwrap(), "r550@example.com".parse().unwrap()];
            let good = Envelope::new(Some("a@example.com".parse().unwrap()), to[..1].to_vec()).unwrap();
            let bad = Envelope::new(Some("a@example.com".parse().unwrap()), to).unwrap();
            // lettre ends the last line itself.
            let content = b"Subject: x\r\n\r\n.dot";
            (client.send_raw(&good, content).is_ok(), client.send_raw(&bad, content).is_ok())
        });
        assert_eq!(sent.await.unwrap(), (true, false));
        let received = server.wait_for(1).await;
        assert_eq!((received[0].size, received[0].login.as_deref()), (20, Some("fax")));
        assert_eq!(received[0].sha256, hex::encode(Sha256::digest(b"Subject: x\r\n\r\n.dot\r\n")));
    }
}

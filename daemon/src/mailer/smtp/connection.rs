//! One connection: commands out, replies in. Every wait has its timeout, every answer its limit, and everything goes
//! into the transcript.
//!
//! Commands are queued and leave together when an answer is waited for. So one command at a time and a pipelined group
//! (RFC 2920) are the same code: [`Connection::queue`] as often as allowed, then [`Connection::reply`] as often.
//!
//! After any fault the connection is closed: an answer that comes late would be taken for that of the next command.

use std::fmt::Display;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::transport::smtp::commands::{Quit, Rset};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use zeroize::{Zeroize as _, Zeroizing};

use super::acknowledge;
use super::reply::{LONGEST_LINE, Malformed, Parser};
use super::sasl::{self, Binding};
use super::transcript::{Recorder, printable};
use crate::mailer::failure::Fault;
use crate::mailer::{FailureKind, Reply, Timeouts};

/// For QUIT and its answer. Everything is decided by then, so nobody waits for long.
const FAREWELL: Duration = Duration::from_secs(2);

/// For what a server still says after it stopped reading.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Bytes asked of the system at once.
const READ: usize = 8 * 1024;

pub(super) struct Connection {
    stream: Stream,
    input: Vec<u8>,
    /// Queued commands; wiped, as AUTH is among them.
    output: Zeroizing<Vec<u8>>,
    /// Commands whose answers have not been read.
    awaited: usize,
    /// Of the last reply.
    challenge: Option<Vec<u8>>,
    timeouts: Timeouts,
    acknowledges_at_once: bool,
    pub(super) recorder: Recorder,
}

#[derive(Default)]
enum Stream {
    #[default]
    Closed,
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

impl Stream {
    fn io(&mut self) -> io::Result<&mut dyn Duplex> {
        match self {
            Self::Closed => Err(io::ErrorKind::NotConnected.into()),
            Self::Plain(stream) => Ok(stream),
            Self::Tls(stream) => Ok(stream),
        }
    }

    fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Self::Closed => None,
            Self::Plain(stream) => Some(stream),
            Self::Tls(stream) => Some(stream.get_ref().0),
        }
    }
}

impl Connection {
    /// Not connected yet.
    pub(super) fn new(timeouts: Timeouts) -> Self {
        Self {
            stream: Stream::Closed,
            input: Vec::new(),
            output: Zeroizing::default(),
            awaited: 0,
            challenge: None,
            timeouts,
            acknowledges_at_once: false,
            recorder: Recorder::new(),
        }
    }

    pub(super) fn plain(&mut self, stream: TcpStream) {
        self.acknowledges_at_once = acknowledge::can_be_prompt(&stream);
        self.stream = Stream::Plain(stream);
    }

    pub(super) fn tls(&mut self, stream: Box<TlsStream<TcpStream>>) {
        self.stream = Stream::Tls(stream);
    }

    pub(super) fn is_open(&self) -> bool {
        !matches!(self.stream, Stream::Closed)
    }

    /// Open, with nothing under way and nothing to be read: a server that gave up waiting has said so, or hung up.
    pub(super) async fn is_quiet(&mut self) -> bool {
        if self.awaited > 0 || !self.input.is_empty() || !self.output.is_empty() {
            return false;
        }
        let Ok(io) = self.stream.io() else { return false };
        let mut byte = [0];
        let mut read = ReadBuf::new(&mut byte);
        // TLS has records of its own, which are none of ours: only the poll itself tells.
        poll_fn(|context| Poll::Ready(Pin::new(&mut *io).poll_read(context, &mut read).is_pending())).await
    }

    /// The server answers, and has forgotten whatever was begun.
    pub(super) async fn is_answered(&mut self, patience: Duration) -> bool {
        self.queue(Rset);
        matches!(self.reply_within(patience).await, Ok(reply) if reply.is_positive())
    }

    /// Takes the answers that are still to come, and ends the transaction. Whether another can begin.
    pub(super) async fn settle(&mut self) -> bool {
        let settled = async {
            self.catch_up().await?;
            self.command(Rset).await
        };
        match timeout(FAREWELL, settled).await {
            Ok(result) => result.is_ok_and(|reply| reply.is_positive()),
            Err(_) => {
                // It would take no more notice of a QUIT.
                self.close("closed: the server did not answer in time");
                false
            }
        }
    }

    pub(super) fn is_tls(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }

    /// What a sign-in can be bound to: nothing without TLS.
    pub(super) fn bindings(&self) -> Vec<Binding> {
        match &self.stream {
            Stream::Tls(stream) => sasl::bindings(stream.get_ref().1),
            Stream::Closed | Stream::Plain(_) => Vec::new(),
        }
    }

    /// The bare stream, for a TLS handshake. What was received and not read would then count as sent inside TLS:
    /// whoever can put it there could speak for the server (RFC 3207, CVE-2011-0411), so there must be nothing.
    pub(super) fn take_for_tls(&mut self) -> Result<TcpStream, Fault> {
        let stream = std::mem::take(&mut self.stream);
        if !self.input.is_empty() {
            let text = "something was sent in plain text after the answer to STARTTLS: an injection";
            return Err(Fault::new(FailureKind::TlsFailed, text));
        }
        match stream {
            Stream::Plain(stream) => Ok(stream),
            _ => Err(lost(&io::ErrorKind::NotConnected.into())),
        }
    }

    /// A command, and its answer.
    pub(super) async fn command(&mut self, command: impl Display) -> Result<Reply, Fault> {
        self.queue(command);
        self.reply().await
    }

    /// Takes a command, with its line end, to be sent with the next wait for an answer.
    pub(super) fn queue(&mut self, command: impl Display) {
        let line = command.to_string();
        self.recorder.client(line.trim_end());
        self.output.extend_from_slice(line.as_bytes());
        self.awaited += 1;
    }

    /// As [`Self::queue`], for AUTH: `command` and a secret answer in base64. A server must not tell either again.
    pub(super) fn queue_secret(&mut self, command: Option<&str>, secret: Option<&[u8]>) {
        // RFC 4954: an empty initial answer is "=", an empty later one an empty line.
        let encoded = secret.map(|secret| match (command, STANDARD.encode(secret)) {
            (Some(_), encoded) if encoded.is_empty() => Zeroizing::new("=".to_owned()),
            (_, encoded) => Zeroizing::new(encoded),
        });
        if let Some(encoded) = &encoded {
            self.recorder.hide_exactly(encoded);
        }
        let words = [command, encoded.as_deref().map(String::as_str)];
        // Room for all of it at once: a buffer that grows leaves copies behind.
        self.output.reserve(words.iter().flatten().map(|word| word.len() + 2).sum());
        for (index, word) in words.into_iter().flatten().enumerate() {
            if index > 0 {
                self.output.push(b' ');
            }
            self.output.extend_from_slice(word.as_bytes());
        }
        self.output.extend_from_slice(b"\r\n");
        let shown = [command, secret.map(|_| "***")];
        self.recorder.client(&shown.into_iter().flatten().collect::<Vec<_>>().join(" "));
        self.awaited += 1;
    }

    /// These commands left on this connection before: their answers are to come.
    pub(super) fn has_been_asked(&mut self, commands: &[String]) {
        for command in commands {
            self.recorder.client(command.trim_end());
        }
        self.awaited += commands.len();
    }

    /// A server that answers in pieces may wait with the next one until it knows that the one before has arrived (Nagle's
    /// algorithm), and our system would take up to 40 ms to let it know: here, it does so at once.
    pub(super) fn hurry(&self) {
        if self.input.is_empty()
            && let Some(stream) = self.stream.tcp()
        {
            acknowledge::now(stream);
        }
    }

    /// [`Self::hurry`] works, or is not needed.
    pub(super) fn acknowledges_at_once(&self) -> bool {
        self.acknowledges_at_once
    }

    /// The next answer; first sends what is queued.
    pub(super) async fn reply(&mut self) -> Result<Reply, Fault> {
        let patience = Duration::from_secs(self.timeouts.command);
        self.reply_within(patience).await
    }

    /// As [`Self::reply`], within AUTH: the bytes of a challenge come beside it, as they were sent, where in the reply
    /// whatever looks like a secret is blotted out.
    pub(super) async fn reply_or_challenge(&mut self) -> Result<(Reply, Option<Vec<u8>>), Fault> {
        let reply = self.reply().await?;
        Ok((reply, self.challenge.take()))
    }

    async fn reply_within(&mut self, patience: Duration) -> Result<Reply, Fault> {
        let exchange = async {
            let sent = self.flush().await;
            // Who hangs up often says why first, and that can be read even when nothing can be written any more.
            let reply = self.read_reply().await;
            reply.map_err(|fault| sent.err().map_or(fault, |error| lost(&error)))
        };
        let result = match timeout(patience, exchange).await {
            Ok(result) => result,
            Err(_) => Err(Fault::new(FailureKind::TimedOut, "the server did not answer in time")),
        };
        self.awaited = self.awaited.saturating_sub(1);
        if self.awaited > 0 && result.is_ok() {
            self.hurry();
        }
        result.inspect_err(|fault| self.close(&fault.text))
    }

    /// A piece of the content, dot-stuffed. The timeout is for progress, not for the whole.
    pub(super) async fn write_content(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        let patience = Duration::from_secs(self.timeouts.data);
        while !bytes.is_empty() {
            let written = match self.stream.io() {
                Ok(io) => timeout(patience, io.write(bytes)).await,
                Err(error) => Ok(Err(error)),
            };
            match written {
                Ok(Ok(count)) if count > 0 => bytes = &bytes[count..],
                Ok(Ok(_)) => return Err(lost(&io::ErrorKind::WriteZero.into())),
                Ok(Err(error)) => return Err(lost(&error)),
                Err(_) => {
                    return Err(Fault::new(FailureKind::TimedOut, "the server stopped taking the content"));
                }
            }
        }
        Ok(())
    }

    /// The answer to the content, after its final dot was written.
    pub(super) async fn content_reply(&mut self) -> Result<Reply, Fault> {
        let patience = Duration::from_secs(self.timeouts.final_answer);
        self.awaited += 1;
        self.reply_within(patience).await
    }

    /// What the server said before it stopped taking the content, if anything.
    pub(super) async fn last_words(&mut self) -> Option<Reply> {
        let words = timeout(LAST_WORDS, self.read_reply()).await.ok().and_then(Result::ok);
        self.close("closed: the content could not be sent to its end");
        words
    }

    /// Gives the connection up without a word.
    pub(super) fn close(&mut self, why: &str) {
        if !matches!(self.stream, Stream::Closed) {
            self.stream = Stream::Closed;
            self.recorder.remark(why);
        }
    }

    /// As [`Self::close`], for another connection that is to take the place of this one.
    pub(super) async fn make_room(&mut self, why: &str) {
        let _ = timeout(FAREWELL, self.hang_up()).await;
        self.close(why);
    }

    /// Ends the session politely, if it still stands.
    pub(super) async fn quit(&mut self, reset: bool) {
        if !matches!(self.stream, Stream::Closed) {
            // Everything is decided already: how the farewell goes changes nothing.
            let _ = timeout(FAREWELL, self.farewell(reset)).await;
        }
        self.close("closed");
    }

    /// Takes the answers that are still to come.
    async fn catch_up(&mut self) -> Result<(), Fault> {
        while self.awaited > 0 {
            let reply = self.reply().await?;
            if reply.code == 354 {
                // To a DATA that left before its recipients were refused. RFC 2920 section 3.1 would answer by a lone dot;
                // should the server have taken somebody, he would get an empty message. Half of one is none.
                let text = "the server asks for a message that it has refused";
                self.hang_up().await;
                self.close(text);
                return Err(Fault::new(FailureKind::NotSmtp, text));
            }
        }
        Ok(())
    }

    /// Ends our half, and waits until the server has ended its own: until then it counts this connection, and would find one too
    /// many if another took its place.
    async fn hang_up(&mut self) {
        if let Ok(io) = self.stream.io()
            && io.shutdown().await.is_ok()
        {
            let mut last = [0; 512];
            while matches!(io.read(&mut last).await, Ok(1..)) {}
        }
    }

    /// Takes the answers that are still to come first. The shutdown says close_notify when this is TLS.
    async fn farewell(&mut self, reset: bool) -> Result<(), Fault> {
        self.catch_up().await?;
        if reset {
            self.command(Rset).await?;
        }
        self.command(Quit).await?;
        let io = self.stream.io().map_err(|error| lost(&error))?;
        io.shutdown().await.map_err(|error| lost(&error))
    }

    async fn flush(&mut self) -> io::Result<()> {
        let io = self.stream.io()?;
        let result = match io.write_all(&self.output).await {
            Ok(()) => io.flush().await,
            Err(error) => Err(error),
        };
        self.output.zeroize();
        result
    }

    async fn read_reply(&mut self) -> Result<Reply, Fault> {
        let mut parser = Parser::default();
        loop {
            let line = self.read_line().await?;
            self.recorder.server(&line);
            match parser.push(&line) {
                Ok(None) => {}
                Ok(Some(mut reply)) => {
                    // What is no base64 is an empty challenge: every mechanism has its answer to that.
                    self.challenge = (reply.code == 334)
                        .then(|| STANDARD.decode(reply.lines[0].trim()).unwrap_or_default());
                    for line in &mut reply.lines {
                        *line = self.recorder.scrub(line);
                    }
                    return Ok(reply);
                }
                Err(malformed) => return Err(self.not_smtp(&malformed, &line)),
            }
        }
    }

    /// A line without its line end, at most [`LONGEST_LINE`]; servers that end theirs with a bare LF are understood.
    async fn read_line(&mut self) -> Result<Vec<u8>, Fault> {
        let mut searched = 0;
        loop {
            let end = self.input[searched..].iter().position(|byte| *byte == b'\n').map(|at| searched + at);
            searched = end.unwrap_or(self.input.len());
            if searched >= LONGEST_LINE {
                let text =
                    format!("the server sent a line of more than {LONGEST_LINE} bytes: this is not SMTP");
                return Err(Fault::new(FailureKind::NotSmtp, text));
            }
            if let Some(end) = end {
                let mut line: Vec<u8> = self.input.drain(..=end).collect();
                line.pop();
                line.pop_if(|byte| *byte == b'\r');
                return Ok(line);
            }
            self.input.reserve(READ);
            let io = self.stream.io().map_err(|error| lost(&error))?;
            match io.read_buf(&mut self.input).await {
                Ok(0) => return Err(lost(&io::ErrorKind::UnexpectedEof.into())),
                Ok(_) => {}
                Err(error) => return Err(lost(&error)),
            }
        }
    }

    fn not_smtp(&self, malformed: &Malformed, line: &[u8]) -> Fault {
        let excerpt: String = String::from_utf8_lossy(line).chars().take(80).collect();
        let text = match malformed {
            Malformed::NotAReply => {
                format!("this is not an answer in SMTP: \"{}\"", self.recorder.scrub(&printable(&excerpt)))
            }
            Malformed::CodeChanged => "the lines of the server's answer have different codes".to_owned(),
            Malformed::TooManyLines => "the server's answer does not end".to_owned(),
        };
        Fault::new(FailureKind::NotSmtp, text)
    }
}

fn lost(error: &io::Error) -> Fault {
    let text = match error.kind() {
        // Also what rustls says of a close without close_notify, which few servers care to send.
        io::ErrorKind::UnexpectedEof => "the server closed the connection".to_owned(),
        _ => format!("the connection broke: {error}"),
    };
    Fault::new(FailureKind::ConnectionLost, text)
}

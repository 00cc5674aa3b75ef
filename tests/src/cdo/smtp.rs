//! What the double does with a message: CDO's transport, as far as its answers can be seen.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// An HRESULT and CDO's words.
pub(super) type Refusal = (u32, String);

/// Sends by the settings, to those who stand in the header.
pub(super) fn relay(settings: &BTreeMap<String, String>, message: &[u8]) -> Result<(), Refusal> {
    let setting = |name: &str| settings.get(name).map(String::as_str).unwrap_or_default();
    let text = String::from_utf8_lossy(message);
    let (head, _) = text.split_once("\r\n\r\n").ok_or((0x8004_0211, "it has no body".to_owned()))?;
    let addresses =
        |name: &str| field(head, name).iter().flat_map(|value| addresses(value)).collect::<Vec<_>>();
    let from = addresses("from").into_iter().next().ok_or((
        0x8004_020D,
        "At least one of the From or Sender fields is required, and neither was found.".to_owned(),
    ))?;
    let to = [addresses("to"), addresses("cc"), addresses("bcc")].concat();
    if to.is_empty() {
        return Err((0x8004_020C, "At least one recipient is required, but none were found.".to_owned()));
    }

    let place = format!("{}:{}", setting("smtpserver"), setting("smtpserverport"));
    let stream = TcpStream::connect(place)
        .map_err(|_| (0x8004_0213, "The transport failed to connect to the server.\r\n".to_owned()))?;
    let mut session = Session(BufReader::new(stream));
    session
        .hear()
        .and_then(good)
        .map_err(|words| (0x8004_0213, said("The transport failed to connect to the server.", &words)))?;
    session.ask("EHLO double")?;
    if setting("smtpauthenticate") == "1" {
        session.ask("AUTH LOGIN")?;
        session.ask(&STANDARD.encode(setting("sendusername")))?;
        let answer = session.ask(&STANDARD.encode(setting("sendpassword")))?;
        let failed = "The message could not be sent to the SMTP server. The transport error code was 0x80040217. The server response was not available\r\n";
        good(answer).map_err(|_| (0x8004_0211, failed.to_owned()))?;
    }
    let answer = session.ask(&format!("MAIL FROM:<{from}>"))?;
    good(answer).map_err(|words| (0x8004_020E, said("The server rejected the sender address.", &words)))?;
    for one in &to {
        let answer = session.ask(&format!("RCPT TO:<{one}>"))?;
        let why = "The server rejected one or more recipient addresses.";
        good(answer).map_err(|words| (0x8004_020F, said(why, &words)))?;
    }
    let why = "The message could not be sent to the SMTP server. The transport error code was 0x80040211.";
    session.ask("DATA")?;
    session.content(&without_bcc(&text))?;
    let answer = session.hear().map_err(|_| dropped())?;
    good(answer).map_err(|words| (0x8004_0211, said(why, &words)))?;
    let _ = session.ask("QUIT");
    Ok(())
}

fn said(what: &str, words: &str) -> String {
    format!("{what}  The server response was: {words}\r\n")
}

fn dropped() -> Refusal {
    (0x8004_0212, "The connection to the server was dropped.\r\n".to_owned())
}

fn good(answer: String) -> Result<String, String> {
    if answer.starts_with(['2', '3']) { Ok(answer) } else { Err(answer) }
}

/// The values of a field, each in one line.
fn field(head: &str, name: &str) -> Vec<String> {
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let values = unfolded.split("\r\n").filter_map(|line| line.split_once(':'));
    values.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).collect()
}

/// What stands in angle brackets, or alone.
fn addresses(list: &str) -> Vec<String> {
    let mut quoted = false;
    let parts = list.split(|c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    });
    let address = |part: &str| match part.rsplit_once('<') {
        Some((_, rest)) => rest.trim_end().trim_end_matches('>').to_owned(),
        None => part.trim().to_owned(),
    };
    parts.map(address).filter(|address| address.contains('@')).collect()
}

fn without_bcc(text: &str) -> String {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let (mut kept, mut inside) = (String::new(), false);
    for line in head.split_inclusive("\r\n") {
        inside = if line.starts_with([' ', '\t']) { inside } else { line.to_lowercase().starts_with("bcc:") };
        if !inside {
            kept.push_str(line);
        }
    }
    format!("{}\r\n\r\n{body}", kept.trim_end_matches("\r\n"))
}

struct Session(BufReader<TcpStream>);

impl Session {
    fn ask(&mut self, line: &str) -> Result<String, Refusal> {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).map_err(|_| dropped())?;
        self.hear().map_err(|_| dropped())
    }

    fn hear(&mut self) -> Result<String, String> {
        let mut words = String::new();
        loop {
            let mut line = String::new();
            match self.0.read_line(&mut line) {
                Ok(1..) if line.len() > 3 => {
                    words.push_str(line.trim_end());
                    if line.as_bytes()[3] == b' ' {
                        return Ok(words);
                    }
                }
                _ => return Err("nothing".to_owned()),
            }
        }
    }

    fn content(&mut self, text: &str) -> Result<(), Refusal> {
        let stuffed = text.replace("\r\n.", "\r\n..");
        let end = if stuffed.ends_with("\r\n") { ".\r\n" } else { "\r\n.\r\n" };
        self.0.get_mut().write_all(format!("{stuffed}{end}").as_bytes()).map_err(|_| dropped())
    }
}

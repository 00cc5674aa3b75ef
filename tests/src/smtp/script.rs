//! How the server misbehaves, and where.

use std::sync::{Mutex, PoisonError};

/// A place in the session. The fault takes the place of the answer that would be given there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The banner.
    Greeting,
    /// EHLO, before and after TLS.
    Ehlo,
    /// The answer to STARTTLS.
    Starttls,
    /// The TLS handshake.
    Handshake,
    /// AUTH, with its mechanism.
    Auth,
    /// The challenge of JSON by which XOAUTH2 and OAUTHBEARER refuse a token.
    TokenRefused,
    /// The server's proof at the end of SCRAM; the client's was right.
    ServerProof,
    /// The end of AUTH: whether the sign-in was right.
    SignedIn,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Rcpt,
    /// DATA.
    Data,
    /// BDAT, before its content is read.
    Bdat,
    /// RSET.
    Rset,
    /// Within the content, after some of it was read.
    Content,
    /// After the final dot. The message counts as taken for every fault but [`Fault::Answer`].
    FinalDot,
    /// QUIT.
    Quit,
    /// After the answer to the content: what the server does while nothing is asked of it.
    Idle,
}

/// What happens there.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This answer and nothing done; several lines are separated by \n. 421 closes the connection, too.
    Answer(u16, String),
    /// These bytes, and on as if all were well.
    Raw(Vec<u8>),
    /// An answer that repeats what the client has sent, as it came and decoded from base64.
    Echo(u16),
    /// The connection is closed.
    Drop,
    /// Nothing, for ever.
    Stall,
    /// Bytes that are neither SMTP nor TLS.
    Garbage,
    /// An answer that does not end: 100 MB of lines.
    Endless,
    /// The same without a line end.
    EndlessLine,
}

impl Fault {
    /// A [`Fault::Answer`].
    #[must_use]
    pub fn answer(code: u16, text: &str) -> Self {
        Self::Answer(code, text.to_owned())
    }
}

#[derive(Default)]
pub(super) struct Script(Mutex<Vec<Entry>>);

struct Entry {
    at: At,
    fault: Fault,
    /// Times that all goes well before.
    spared: u32,
    /// `None`: always.
    left: Option<u32>,
}

impl Script {
    pub(super) fn add(&mut self, at: At, fault: Fault, times: Option<u32>) {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).push(Entry {
            at,
            fault,
            spared: 0,
            left: times,
        });
    }

    pub(super) fn add_after(&mut self, at: At, fault: Fault, spared: u32) {
        let entry = Entry { at, fault, spared, left: Some(1) };
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).push(entry);
    }

    /// What happens here this time.
    pub(super) fn next(&self, at: At) -> Option<Fault> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.iter_mut().find(|entry| entry.at == at && entry.left != Some(0))?;
        if entry.spared > 0 {
            entry.spared -= 1;
            return None;
        }
        if let Some(left) = &mut entry.left {
            *left -= 1;
        }
        Some(entry.fault.clone())
    }
}

//! How the provider misbehaves, and where.

/// An endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The token endpoint, for every grant type.
    Token,
    /// The token endpoint, for refreshes only.
    Refresh,
    /// The device authorization endpoint.
    Device,
    /// The revocation endpoint.
    Revoke,
    /// The issuer's metadata.
    Metadata,
}

/// What happens there.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This status and body, with nothing done.
    Answer(u16, String),
    /// The same with a header line.
    AnswerWith(u16, String, String),
    /// An error of OAuth 2.0, status 400, with nothing done.
    Error(&'static str, String),
    /// An error that repeats the whole request.
    Echo(&'static str),
    /// The connection is closed.
    Drop,
    /// Nothing, for ever, and nothing done.
    Stall,
    /// What was asked for is done, and then nothing, for ever.
    StallAfter,
    /// What was asked for is done, and the connection closed.
    DropAfter,
    /// An answer that does not end.
    Endless,
}

#[derive(Default)]
pub(super) struct Script(Vec<(At, Fault, Option<u32>)>);

impl Script {
    pub(super) fn add(&mut self, at: At, fault: Fault, times: Option<u32>) {
        self.0.push((at, fault, times));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// What happens here this time.
    pub(super) fn next(&mut self, places: &[At]) -> Option<Fault> {
        let entry = self.0.iter_mut().find(|(at, _, left)| places.contains(at) && *left != Some(0))?;
        if let Some(left) = &mut entry.2 {
            *left -= 1;
        }
        Some(entry.1.clone())
    }
}

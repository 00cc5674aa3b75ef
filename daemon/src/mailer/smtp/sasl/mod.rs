//! Signing in (RFC 4954): what the mechanisms say. Which one is used, and in which order, is [`choose`]'s to decide.
//!
//! A mechanism is an [`Exchange`] in a file of its own, with its line in the table of `choice`.

mod binding;
mod choice;
mod cram_md5;
mod plain;
mod scram;
mod token;

use zeroize::Zeroizing;

pub(super) use self::binding::{Binding, bindings};
pub(super) use self::choice::{Attempt, Line, Setting, choose};
pub(super) use self::token::shorten;

/// Bytes of an answer before base64.
pub(super) type Answer = Zeroizing<Vec<u8>>;

/// What follows a challenge.
pub(super) enum Turn {
    Answer(Answer),
    /// The challenge does not belong here.
    Cancel,
    /// The server is not one that knows the password, and hears nothing more; why, in a sentence.
    Distrust(String),
}

/// One mechanism's side of the conversation (RFC 4422).
pub(super) trait Exchange: Send {
    /// What goes with the AUTH command itself, if the mechanism begins. Where it is too long for a command line, the
    /// server asks for it with an empty challenge.
    fn initial(&mut self) -> Option<Answer> {
        None
    }

    /// May compute for a while.
    fn answer(&mut self, challenge: &[u8]) -> Turn;

    /// The server has proved all that it must before we believe that it let us in.
    fn knows_the_server(&self) -> bool {
        true
    }

    /// The part of our last answer that nobody shall be told.
    fn proof(&self) -> Option<&str> {
        None
    }

    /// What people should know of the exchange; once.
    fn remark(&mut self) -> Option<String> {
        None
    }

    /// Why the server refuses, in its own words and any length; once.
    fn complaint(&mut self) -> Option<String> {
        None
    }

    /// It refuses this channel binding, and another one may do.
    fn wants_another_binding(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailer::{Credential, SignIn};
    use crate::secrets::Secret;

    pub(super) fn password(password: &str) -> SignIn {
        SignIn {
            login: "факс".to_owned(),
            credential: Credential::Password(Secret::new(password.to_owned())),
            mechanism: None,
        }
    }

    pub(super) fn token(login: &str, token: &str) -> SignIn {
        SignIn {
            login: login.to_owned(),
            credential: Credential::AccessToken(Secret::new(token.to_owned())),
            mechanism: None,
        }
    }

    pub(super) fn said(turn: Turn) -> Option<String> {
        match turn {
            Turn::Answer(answer) => Some(String::from_utf8(answer.to_vec()).unwrap()),
            Turn::Cancel | Turn::Distrust(_) => None,
        }
    }
}

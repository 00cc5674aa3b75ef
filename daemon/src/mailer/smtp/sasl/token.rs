//! XOAUTH2 (Google's and Microsoft's) and OAUTHBEARER (RFC 7628): an access token instead of a password.
//!
//! Who holds the token is let in, so it is kept like a password. A server that refuses it says why in a challenge of
//! JSON, and gives its real answer after ours to that. The JSON is all that people learn of the reason, so it is kept:
//! within bounds, and with its escapes resolved, so that a token which it repeats is found and blotted out.

use zeroize::Zeroizing;

use super::{Answer, Exchange, Turn};
use crate::mailer::SignIn;
use crate::mailer::smtp::transcript::printable;

/// Characters of the server's JSON that are kept. Google's and Microsoft's have about 100.
const LONGEST_COMPLAINT: usize = 1000;

/// What ends the dialogue of OAUTHBEARER after an error (RFC 7628 section 3.2.3).
const KVSEP: &[u8] = b"\x01";

/// The one message, and what follows a refusal.
pub(super) struct Token {
    message: Answer,
    /// The answer to an error challenge.
    acknowledgement: &'static [u8],
    state: State,
    complaint: Option<String>,
}

enum State {
    /// The message went with the command, or goes with the first answer.
    Said,
    /// The server took it, and has asked for nothing else.
    Asked,
    /// It was refused, and we know.
    Refused,
}

impl Token {
    /// <https://developers.google.com/gmail/imap/xoauth2-protocol>.
    pub(super) fn xoauth2(sign_in: &SignIn) -> Self {
        let token = sign_in.credential.secret().expose();
        let parts = ["user=", &sign_in.login, "\x01auth=Bearer ", token, "\x01\x01"];
        Self::new(&parts, b"")
    }

    /// `server` and `port` are those the session was opened to: a server may compare.
    pub(super) fn oauthbearer(sign_in: &SignIn, server: &str, port: u16) -> Self {
        let login = sign_in.login.replace('=', "=3D").replace(',', "=2C");
        let token = sign_in.credential.secret().expose();
        let port = port.to_string();
        let parts =
            ["n,a=", &login, ",\x01host=", server, "\x01port=", &port, "\x01auth=Bearer ", token, "\x01\x01"];
        Self::new(&parts, KVSEP)
    }

    fn new(parts: &[&str], acknowledgement: &'static [u8]) -> Self {
        // Room for all of it at once: a buffer that grows leaves copies behind.
        let mut message = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
        parts.iter().for_each(|part| message.extend_from_slice(part.as_bytes()));
        Self { message, acknowledgement, state: State::Said, complaint: None }
    }
}

impl Exchange for Token {
    fn initial(&mut self) -> Option<Answer> {
        Some(self.message.clone())
    }

    fn answer(&mut self, challenge: &[u8]) -> Turn {
        match self.state {
            // A server that did not get the initial answer asks for it with an empty challenge.
            State::Said if challenge.is_empty() => {
                self.state = State::Asked;
                Turn::Answer(self.message.clone())
            }
            State::Said | State::Asked => {
                self.state = State::Refused;
                self.complaint = Some(readable(challenge)).filter(|text| !text.is_empty());
                Turn::Answer(Zeroizing::new(self.acknowledgement.to_vec()))
            }
            State::Refused => Turn::Cancel,
        }
    }

    fn complaint(&mut self) -> Option<String> {
        self.complaint.take()
    }
}

/// An error challenge for people: one line, within bounds. JSON is written anew, so that what it escapes is plain.
fn readable(challenge: &[u8]) -> String {
    let text = match serde_json::from_slice::<serde_json::Value>(challenge) {
        Ok(json) => json.to_string(),
        Err(_) => String::from_utf8_lossy(challenge).trim().to_owned(),
    };
    printable(&text)
}

/// The beginning of a complaint. Cut after the secrets were blotted out: half a token is nothing to be recognised by.
pub(in crate::mailer::smtp) fn shorten(complaint: &str) -> String {
    match complaint.char_indices().nth(LONGEST_COMPLAINT) {
        Some((end, _)) => format!("{}…", &complaint[..end]),
        None => complaint.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{said, token};
    use super::*;

    const TOKEN: &str = "vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg==";
    const REFUSAL: &[u8] =
        br#"{"status":"401","schemes":"bearer mac","scope":"https:\/\/mail.google.com\/"}"#;
    const TOLD: &str = r#"{"schemes":"bearer mac","scope":"https://mail.google.com/","status":"401"}"#;

    #[test]
    fn b6_xoauth2_as_google_writes_it() {
        let mut xoauth2 = Token::xoauth2(&token("someuser@example.com", TOKEN));
        let message = format!("user=someuser@example.com\x01auth=Bearer {TOKEN}\x01\x01");
        assert_eq!(xoauth2.initial().unwrap().as_slice(), message.as_bytes());
        assert_eq!(said(xoauth2.answer(REFUSAL)).as_deref(), Some(""), "an empty line");
        assert_eq!(xoauth2.complaint().as_deref(), Some(TOLD));
        assert!(said(xoauth2.answer(b"")).is_none(), "nothing more after that");
    }

    #[test]
    fn b6_oauthbearer_as_in_rfc_7628_section_4() {
        let mut bearer = Token::oauthbearer(&token("user@example.com", TOKEN), "server.example.com", 143);
        let message = format!(
            "n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer {TOKEN}\x01\x01"
        );
        assert_eq!(bearer.initial().unwrap().as_slice(), message.as_bytes());
        assert_eq!(said(bearer.answer(REFUSAL)).as_deref(), Some("\x01"));
        assert_eq!(bearer.complaint().as_deref(), Some(TOLD));
        assert!(bearer.complaint().is_none(), "once");
    }

    #[test]
    fn b6_who_did_not_take_the_initial_answer_gets_it_when_he_asks_and_once() {
        let mut xoauth2 = Token::xoauth2(&token("fax", TOKEN));
        let message = xoauth2.initial().unwrap();
        let Turn::Answer(again) = xoauth2.answer(b"") else { panic!("an answer") };
        assert_eq!(message, again);
        assert_eq!(said(xoauth2.answer(b"")).as_deref(), Some(""), "now it is a refusal without a word");
        assert!(xoauth2.complaint().is_none());
    }

    #[test]
    fn b6_a_login_is_one_word_of_the_message() {
        let mut bearer = Token::oauthbearer(&token("a=b,c", TOKEN), "h", 1);
        assert!(bearer.initial().unwrap().starts_with(b"n,a=a=3Db=2Cc,\x01host=h\x01"));
    }

    #[test]
    fn b6_what_a_server_says_is_kept_within_bounds_and_harmless() {
        assert_eq!(readable(b"{\"a\":\"\\u001b[2J\"}"), r#"{"a":"\u001b[2J"}"#);
        assert_eq!(readable(b" no json \x07\xff "), "no json \\u{7}\u{fffd}");
        assert_eq!(shorten(&"я".repeat(5000)).chars().count(), LONGEST_COMPLAINT + 1);
    }

    proptest! {
        #[test]
        fn b6_no_challenge_does_harm(
            challenges in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..5), bearer in any::<bool>(),
        ) {
            let sign_in = token("fax", TOKEN);
            let mut exchange =
                if bearer { Token::oauthbearer(&sign_in, "h", 1) } else { Token::xoauth2(&sign_in) };
            let message = exchange.initial().unwrap();
            let (mut tellings, mut answers) = (0, 0);
            for challenge in &challenges {
                match exchange.answer(challenge) {
                    Turn::Answer(answer) => {
                        answers += 1;
                        tellings += usize::from(answer == message);
                        // The token goes to nobody who did not ask for it by an empty challenge.
                        prop_assert!(answer != message || challenge.is_empty());
                    }
                    Turn::Cancel => {}
                    Turn::Distrust(why) => prop_assert!(false, "{why}"),
                }
                if let Some(complaint) = exchange.complaint() {
                    prop_assert!(!complaint.chars().any(char::is_control));
                    prop_assert!(shorten(&complaint).chars().count() <= LONGEST_COMPLAINT + 1);
                }
            }
            prop_assert!(tellings <= 1 && answers <= 2);
        }

        #[test]
        fn b6_escapes_do_not_hide_what_a_server_repeats(token in "[A-Za-z0-9._~+/=-]{8,60}") {
            let escaped: String = token.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
            for repeated in [token.replace('/', "\\/"), escaped] {
                let told = readable(format!("{{\"error\":\"{repeated}\"}}").as_bytes());
                prop_assert!(told.contains(&token), "{}", told);
            }
        }
    }
}

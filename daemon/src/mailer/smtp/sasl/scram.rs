//! SCRAM (RFC 5802, RFC 7677): both sides prove that they know the password, and neither tells it.
//!
//! What the server sends decides how much work we do and what we prove, so all of it has bounds. With a [`Channel`]
//! that is bound, the proof is good on this one TLS connection only.
//!
//! Who listens on an open line, or answers in the server's name, gets something to try passwords against, slowed down
//! by the rounds of hashing. Hence [`FEWEST_ROUNDS`].

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac, pbkdf2};
use zeroize::Zeroizing;

use super::{Answer, Binding, Exchange, Turn};
use crate::mailer::SignIn;
use crate::mailer::smtp::transcript::printable;

/// Rounds of hashing. With fewer, our proof would help a false server to find the password out.
const FEWEST_ROUNDS: u32 = 1_000;

/// What RFC 7677 section 4 asks servers for; with less we go on, and say so.
const RECOMMENDED_ROUNDS: u32 = 4_096;

/// Some tenths of a second on an old processor. More would let a server keep ours busy.
const MOST_ROUNDS: u32 = 500_000;

/// Characters of both nonces together; servers add about 30.
const LONGEST_NONCE: usize = 256;

/// Bytes; 16 are usual.
const LONGEST_SALT: usize = 256;

/// Bytes of a nonce: as many as the salt of a password has.
const NONCE: usize = 18;

/// Characters of an error that are shown; the longest of RFC 5802 has 38.
const LONGEST_ERROR: usize = 60;

/// What we say of the channel (RFC 5802 section 6), which the proof covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    /// The proof is bound to it.
    Bound(Binding),
    /// We could, and the server seems not to: one that can then knows that somebody changes what it offers.
    NotOffered,
    /// We cannot, or shall not.
    Unused,
}

impl Channel {
    /// The header of GS2; without another identity to act as.
    pub(super) fn header(&self) -> String {
        match self {
            Self::Bound(binding) => format!("p={},,", binding.name),
            Self::NotOffered => "y,,".to_owned(),
            Self::Unused => "n,,".to_owned(),
        }
    }

    /// The attribute c, before base64.
    fn input(&self) -> Vec<u8> {
        let mut input = self.header().into_bytes();
        if let Self::Bound(binding) = self {
            input.extend_from_slice(&binding.data);
        }
        input
    }
}

/// The functions of a SCRAM.
pub(super) struct Hash {
    digest: &'static digest::Algorithm,
    hmac: hmac::Algorithm,
    pbkdf2: pbkdf2::Algorithm,
}

impl Hash {
    pub(super) fn sha256() -> Self {
        Self { digest: &digest::SHA256, hmac: hmac::HMAC_SHA256, pbkdf2: pbkdf2::PBKDF2_HMAC_SHA256 }
    }

    /// Collisions of SHA-1 do not break HMAC, and all that it signs here is short-lived.
    pub(super) fn sha1() -> Self {
        Self {
            digest: &digest::SHA1_FOR_LEGACY_USE_ONLY,
            hmac: hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            pbkdf2: pbkdf2::PBKDF2_HMAC_SHA1,
        }
    }
}

/// Our side of one sign-in.
pub(super) struct Scram {
    hash: Hash,
    channel: Channel,
    nonce: String,
    /// client-first-message-bare.
    first: String,
    password: Zeroizing<String>,
    state: State,
    remark: Option<String>,
    complaint: Option<String>,
    proof: Option<Zeroizing<String>>,
}

enum State {
    /// The server is to send salt and rounds. `asked`: it has asked for our first message, too.
    First { asked: bool },
    /// The server is to prove itself, by a signature with this key over this text.
    Proof { key: hmac::Key, text: String },
    /// It has.
    Verified,
    /// It said that it does not take our proof.
    Refused { another_binding: bool },
}

/// How the server broke the rules.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Breach {
    #[error("the server's message is not one of SCRAM")]
    Malformed,
    #[error("the server wants an extension of SCRAM that nobody knows")]
    Extension,
    #[error("the server's nonce does not continue ours")]
    Nonce,
    #[error("the server wants {0} rounds of hashing; {FEWEST_ROUNDS} to {MOST_ROUNDS} are allowed")]
    Rounds(u64),
    #[error("the server's signature is wrong: it does not know the password")]
    Signature,
}

impl Scram {
    pub(super) fn new(hash: Hash, sign_in: &SignIn, channel: Channel) -> Self {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).expect("without the system's random numbers nobody may sign in");
        Self::with_nonce(hash, sign_in, channel, STANDARD.encode(nonce))
    }

    fn with_nonce(hash: Hash, sign_in: &SignIn, channel: Channel, nonce: String) -> Self {
        let name = prepared(&sign_in.login).replace('=', "=3D").replace(',', "=2C");
        Self {
            hash,
            channel,
            first: format!("n={name},r={nonce}"),
            nonce,
            password: prepared(sign_in.credential.secret().expose()),
            state: State::First { asked: false },
            remark: None,
            complaint: None,
            proof: None,
        }
    }

    fn message(&self) -> Answer {
        Zeroizing::new([self.channel.header(), self.first.clone()].concat().into_bytes())
    }

    /// Our proof, when the server has named salt and rounds.
    fn prove(&mut self, challenge: &[u8]) -> Result<Answer, Breach> {
        let theirs = ServerFirst::parse(challenge, &self.nonce)?;
        let rounds = theirs.rounds;
        let mut remark = format!("{rounds} rounds of hashing");
        if let Channel::Bound(binding) = &self.channel {
            remark.push_str(&format!(", bound to the connection by {}", binding.name));
        }
        if rounds.get() < RECOMMENDED_ROUNDS {
            remark.push_str(&format!(": the server should have {RECOMMENDED_ROUNDS} or more"));
        }
        self.remark = Some(remark);

        let mut salted = Zeroizing::new(vec![0; self.hash.digest.output_len()]);
        pbkdf2::derive(self.hash.pbkdf2, rounds, &theirs.salt, self.password.as_bytes(), &mut salted);
        let salted = hmac::Key::new(self.hash.hmac, &salted);
        let client_key = hmac::sign(&salted, b"Client Key");
        let stored_key = digest::digest(self.hash.digest, client_key.as_ref());
        let server_key = hmac::sign(&salted, b"Server Key");

        let bare = format!("c={},r={}", STANDARD.encode(self.channel.input()), theirs.nonce);
        let text = format!("{},{},{bare}", self.first, theirs.message);
        let signature = hmac::sign(&hmac::Key::new(self.hash.hmac, stored_key.as_ref()), text.as_bytes());
        let proof = client_key.as_ref().iter().zip(signature.as_ref()).map(|(key, mask)| key ^ mask);
        let proof = STANDARD.encode(&*Zeroizing::new(proof.collect::<Vec<u8>>()));

        let answer = Zeroizing::new(format!("{bare},p={proof}").into_bytes());
        self.proof = Some(Zeroizing::new(proof));
        self.state = State::Proof { key: hmac::Key::new(self.hash.hmac, server_key.as_ref()), text };
        Ok(answer)
    }
}

impl Exchange for Scram {
    fn initial(&mut self) -> Option<Answer> {
        Some(self.message())
    }

    fn answer(&mut self, challenge: &[u8]) -> Turn {
        match &mut self.state {
            // A server that ignored the initial answer asks for it with an empty challenge.
            State::First { asked } if challenge.is_empty() && !*asked => {
                *asked = true;
                Turn::Answer(self.message())
            }
            State::First { .. } => match self.prove(challenge) {
                Ok(answer) => Turn::Answer(answer),
                Err(breach) => Turn::Distrust(breach.to_string()),
            },
            State::Proof { key, text } => match server_final(challenge, key, text) {
                Ok(error) => {
                    self.state = error.as_deref().map_or(State::Verified, |error| State::Refused {
                        another_binding: error == "unsupported-channel-binding-type",
                    });
                    self.complaint = error;
                    Turn::Answer(Answer::default())
                }
                Err(breach) => Turn::Distrust(breach.to_string()),
            },
            State::Verified | State::Refused { .. } => Turn::Cancel,
        }
    }

    fn knows_the_server(&self) -> bool {
        matches!(self.state, State::Verified)
    }

    fn proof(&self) -> Option<&str> {
        self.proof.as_deref().map(String::as_str)
    }

    fn remark(&mut self) -> Option<String> {
        self.remark.take()
    }

    fn complaint(&mut self) -> Option<String> {
        self.complaint.take()
    }

    fn wants_another_binding(&self) -> bool {
        matches!(self.state, State::Refused { another_binding: true })
    }
}

/// What the server says first.
#[derive(Debug)]
struct ServerFirst<'a> {
    message: &'a str,
    nonce: &'a str,
    salt: Vec<u8>,
    rounds: NonZeroU32,
}

impl<'a> ServerFirst<'a> {
    /// `ours`: the nonce that theirs must begin with.
    fn parse(message: &'a [u8], ours: &str) -> Result<Self, Breach> {
        let message = str::from_utf8(message).map_err(|_| Breach::Malformed)?;
        if message.starts_with("m=") {
            return Err(Breach::Extension);
        }
        // Extensions may follow, and need not be understood.
        let mut parts = message.split(',');
        let mut part = |name: &str| parts.next().and_then(|part| part.strip_prefix(name));
        let nonce = part("r=").ok_or(Breach::Malformed)?;
        let salt = part("s=").ok_or(Breach::Malformed)?;
        let rounds = part("i=").ok_or(Breach::Malformed)?;

        let added = nonce.strip_prefix(ours).ok_or(Breach::Nonce)?;
        if added.is_empty()
            || nonce.len() > LONGEST_NONCE
            || !nonce.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(Breach::Nonce);
        }
        let salt = STANDARD.decode(salt).map_err(|_| Breach::Malformed)?;
        if salt.is_empty() || salt.len() > LONGEST_SALT {
            return Err(Breach::Malformed);
        }
        if rounds.is_empty() || rounds.starts_with('0') || !rounds.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Breach::Malformed);
        }
        let number = rounds.parse().unwrap_or(u64::MAX);
        let rounds = u32::try_from(number).ok().filter(|n| (FEWEST_ROUNDS..=MOST_ROUNDS).contains(n));
        let rounds = rounds.and_then(NonZeroU32::new).ok_or(Breach::Rounds(number))?;
        Ok(Self { message, nonce, salt, rounds })
    }
}

/// The error by which the server does not take our proof; `None`: it does, and its own is right.
fn server_final(message: &[u8], key: &hmac::Key, text: &str) -> Result<Option<String>, Breach> {
    let first = message.split(|byte| *byte == b',').next().unwrap_or_default();
    if let Some(error) = first.strip_prefix(b"e=") {
        let error = String::from_utf8_lossy(error).chars().take(LONGEST_ERROR).collect::<String>();
        return Ok(Some(printable(&error)));
    }
    let signature = first.strip_prefix(b"v=").ok_or(Breach::Malformed)?;
    let signature = STANDARD.decode(signature).map_err(|_| Breach::Malformed)?;
    // Compares in constant time.
    hmac::verify(key, text.as_bytes(), &signature).map_err(|_| Breach::Signature)?;
    Ok(None)
}

/// SASLprep (RFC 4013). What it forbids, such as characters that are newer than it, is left as it is: a server that
/// took such a password has done so, too, and it is wrong at any other.
fn prepared(text: &str) -> Zeroizing<String> {
    let prepared = stringprep::saslprep(text).ok().filter(|prepared| !prepared.is_empty());
    Zeroizing::new(prepared.map_or_else(|| text.to_owned(), std::borrow::Cow::into_owned))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mailer::Credential;
    use crate::secrets::Secret;

    fn begin(hash: Hash, login: &str, password: &str, nonce: &str) -> Scram {
        let sign_in = SignIn {
            login: login.to_owned(),
            credential: Credential::Password(Secret::new(password.to_owned())),
            mechanism: None,
        };
        Scram::with_nonce(hash, &sign_in, Channel::Unused, nonce.to_owned())
    }

    fn said(turn: Turn) -> String {
        match turn {
            Turn::Answer(answer) => String::from_utf8(answer.to_vec()).unwrap(),
            Turn::Cancel => "cancel".to_owned(),
            Turn::Distrust(text) => text,
        }
    }

    const SERVER_FIRST: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                                s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    const SERVER_FINAL: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

    fn rfc7677() -> Scram {
        begin(Hash::sha256(), "user", "pencil", "rOprNGfwEbeRWgbNEkqO")
    }

    #[test]
    fn a5_scram_sha_1_as_in_rfc_5802_section_5() {
        let mut scram = begin(Hash::sha1(), "user", "pencil", "fyko+d2lbbFgONRv9qkxdawL");
        assert_eq!(scram.initial().unwrap().as_slice(), b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL");
        let first = "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096";
        let proof = "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=";
        assert_eq!(said(scram.answer(first.as_bytes())), proof);
        assert!(!scram.knows_the_server());
        assert_eq!(said(scram.answer(b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=")), "");
        assert!(scram.knows_the_server());
    }

    #[test]
    fn a5_scram_sha_256_as_in_rfc_7677_section_3() {
        let mut scram = rfc7677();
        assert_eq!(scram.initial().unwrap().as_slice(), b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let proof = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                     p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        assert_eq!(said(scram.answer(b"")), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        assert_eq!(said(scram.answer(SERVER_FIRST.as_bytes())), proof);
        assert!(proof.ends_with(scram.proof().unwrap()));
        assert_eq!(scram.remark().as_deref(), Some("4096 rounds of hashing"));
        assert_eq!(said(scram.answer(SERVER_FINAL.as_bytes())), "");
        assert!(scram.knows_the_server());
        assert_eq!(said(scram.answer(SERVER_FINAL.as_bytes())), "cancel");
    }

    #[test]
    fn a5_the_channel_is_part_of_what_is_proved() {
        let binding = |byte: u8| Binding { name: "tls-exporter", data: vec![byte; 32] };
        let proof = |channel: Channel| {
            let mut scram = Scram { channel, ..rfc7677() };
            let initial = String::from_utf8(scram.initial().unwrap().to_vec()).unwrap();
            (initial, said(scram.answer(SERVER_FIRST.as_bytes())))
        };
        let (initial, bound) = proof(Channel::Bound(binding(7)));
        assert_eq!(initial, "p=tls-exporter,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let input = STANDARD.encode([b"p=tls-exporter,,".as_slice(), &[7; 32]].concat());
        assert!(bound.starts_with(&format!("c={input},r=rOprNGfwEbeRWgbNEkqO%hv")), "{bound}");
        let part = |told: &str| told.split_once(",p=").unwrap().1.to_owned();
        let (initial, told) = proof(Channel::NotOffered);
        assert!(initial.starts_with("y,,n=") && told.starts_with("c=eSws,r="), "{told}");
        let others = [proof(Channel::Bound(binding(8))).1, told, proof(Channel::Unused).1];
        assert!(others.iter().all(|other| part(other) != part(&bound)));
    }

    #[test]
    fn a5_only_an_unsupported_binding_is_worth_another_one() {
        for (error, another) in
            [("unsupported-channel-binding-type", true), ("channel-bindings-dont-match", false)]
        {
            let mut scram = Scram { channel: Channel::NotOffered, ..rfc7677() };
            scram.answer(SERVER_FIRST.as_bytes());
            assert_eq!(said(scram.answer(format!("e={error}").as_bytes())), "");
            assert_eq!((scram.wants_another_binding(), scram.complaint().as_deref()), (another, Some(error)));
        }
    }

    #[test]
    fn h3_a_server_that_does_not_know_the_password_is_not_trusted() {
        for (theirs, breach) in [
            ("v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", Breach::Signature),
            ("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl9", Breach::Signature),
            ("v=", Breach::Signature),
            ("v=%", Breach::Malformed),
            ("", Breach::Malformed),
        ] {
            let mut scram = rfc7677();
            scram.answer(SERVER_FIRST.as_bytes());
            assert_eq!(said(scram.answer(theirs.as_bytes())), breach.to_string(), "{theirs}");
            assert!(!scram.knows_the_server());
        }
        let mut scram = rfc7677();
        scram.answer(SERVER_FIRST.as_bytes());
        assert_eq!(said(scram.answer(b"e=invalid-proof")), "");
        assert!(!scram.knows_the_server(), "an error proves nothing");
        assert_eq!(scram.complaint().as_deref(), Some("invalid-proof"));
    }

    #[test]
    fn h3_what_the_server_asks_for_is_bounded() {
        let breach = |message: &str| ServerFirst::parse(message.as_bytes(), "abc").map(|_| ()).err();
        assert_eq!(breach("r=abcd,s=QUFB,i=4096,x=extension"), None);
        assert_eq!(breach("r=abcd,s=QUFB,i=1000"), None);
        assert_eq!(breach("r=abcd,s=QUFB,i=999"), Some(Breach::Rounds(999)));
        assert_eq!(breach("r=abcd,s=QUFB,i=500000"), None);
        assert_eq!(breach("r=abcd,s=QUFB,i=500001"), Some(Breach::Rounds(500_001)));
        let endless = format!("r=abcd,s=QUFB,i={}", "9".repeat(1000));
        assert_eq!(breach(&endless), Some(Breach::Rounds(u64::MAX)));
        for number in ["", "0", "-1", "+4096", "04096", "4096 ", "4e3"] {
            assert_eq!(breach(&format!("r=abcd,s=QUFB,i={number}")), Some(Breach::Malformed), "{number}");
        }
        assert_eq!(breach("r=abc,s=QUFB,i=4096"), Some(Breach::Nonce), "nothing of its own");
        assert_eq!(breach("r=abx,s=QUFB,i=4096"), Some(Breach::Nonce));
        assert_eq!(breach("r=abc\td,s=QUFB,i=4096"), Some(Breach::Nonce));
        assert_eq!(breach(&format!("r=abc{},s=QUFB,i=4096", "d".repeat(254))), Some(Breach::Nonce));
        assert_eq!(breach("r=abcd,s=,i=4096"), Some(Breach::Malformed));
        let salt = STANDARD.encode([0; LONGEST_SALT + 1]);
        assert_eq!(breach(&format!("r=abcd,s={salt},i=4096")), Some(Breach::Malformed));
        assert_eq!(breach("m=what,r=abcd,s=QUFB,i=4096"), Some(Breach::Extension));
        assert_eq!(breach("s=QUFB,r=abcd,i=4096"), Some(Breach::Malformed), "the order is fixed");
    }

    #[test]
    fn a5_names_and_passwords_are_prepared_and_names_escaped() {
        let scram = begin(Hash::sha1(), "a=b,Ⅸ", "p\u{a0}\u{ad}ä", "x");
        assert_eq!((scram.first.as_str(), scram.password.as_str()), ("n=a=3Db=2CIX,r=x", "p ä"));
        // Decomposed and composed are one password; what SASLprep does not know stays.
        assert_eq!(prepared("a\u{308}").as_str(), "ä");
        assert_eq!(prepared("🦀\u{ad}").as_str(), "🦀\u{ad}");
        assert_eq!(prepared("\u{ad}").as_str(), "\u{ad}");
    }

    #[test]
    fn h3_every_sign_in_has_its_own_nonce() {
        let sign_in = SignIn {
            login: "user".to_owned(),
            credential: Credential::Password(Secret::new("pencil".to_owned())),
            mechanism: None,
        };
        let scram = || Scram::new(Hash::sha256(), &sign_in, Channel::Unused);
        let (one, two) = (scram(), scram());
        assert!(one.nonce != two.nonce && one.nonce.len() == 24);
    }

    proptest! {
        #[test]
        fn h3_no_message_of_a_server_does_harm(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let mut scram = rfc7677();
            scram.answer(&bytes);
            prop_assert!(!scram.knows_the_server());
            let key = hmac::Key::new(hmac::HMAC_SHA256, b"key");
            prop_assert!(!matches!(server_final(&bytes, &key, "text"), Ok(None)));
        }

        #[test]
        fn h3_what_is_taken_from_a_server_is_within_the_bounds(
            message in "(r=abc[ -~]{0,300}|[rsim]=\\PC{0,5}),(s=[A-Za-z0-9+/]{0,400}={0,2}|\\PC{0,5}),i=[0-9]{0,7}(,.{0,9})?"
        ) {
            if let Ok(taken) = ServerFirst::parse(message.as_bytes(), "abc") {
                prop_assert!((FEWEST_ROUNDS..=MOST_ROUNDS).contains(&taken.rounds.get()));
                prop_assert!(!taken.salt.is_empty() && taken.salt.len() <= LONGEST_SALT);
                prop_assert!(taken.nonce.starts_with("abc") && taken.nonce.len() <= LONGEST_NONCE);
            }
        }

        #[test]
        fn a5_a_name_is_one_word_of_the_message(login in "\\PC{1,40}") {
            let scram = begin(Hash::sha1(), &login, "x", "nonce");
            prop_assert_eq!(scram.first.split(',').count(), 2);
            prop_assert!(scram.first.ends_with(",r=nonce"));
        }
    }
}

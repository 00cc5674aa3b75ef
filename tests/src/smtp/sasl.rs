//! The server's side of the mechanisms that prove a password instead of telling it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use md5::Md5;
use ring::{digest, hmac as mac, pbkdf2};

/// Fixed: who signs in must cope with any.
const SALT: &[u8] = b"a salt of the server";
const NONCE: &str = "%the-server's-own";

/// SCRAM (RFC 5802) over one hash, with one known user.
pub(super) struct Scram {
    digest: &'static digest::Algorithm,
    mac: mac::Algorithm,
    /// What both will have signed.
    signed: String,
    salted: mac::Key,
    nonce: String,
}

impl Scram {
    /// The exchange for `mechanism` after the client's first message, and our answer to it; `None` if that is no SCRAM.
    pub(super) fn begin(
        mechanism: &str,
        client_first: &str,
        password: &str,
        rounds: u32,
    ) -> Option<(Self, String)> {
        let (digest, mac, pbkdf2) = if mechanism == "SCRAM-SHA-1" {
            (&digest::SHA1_FOR_LEGACY_USE_ONLY, mac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, pbkdf2::PBKDF2_HMAC_SHA1)
        } else {
            (&digest::SHA256, mac::HMAC_SHA256, pbkdf2::PBKDF2_HMAC_SHA256)
        };
        let bare = client_first.strip_prefix("n,,")?;
        let nonce = format!("{}{NONCE}", bare.split_once(",r=")?.1);
        let server_first = format!("r={nonce},s={},i={rounds}", STANDARD.encode(SALT));

        let mut salted = vec![0; digest.output_len()];
        // A client should refuse too many rounds before anybody computes them.
        let rounds = std::num::NonZeroU32::new(rounds.clamp(1, 10_000))?;
        pbkdf2::derive(pbkdf2, rounds, SALT, password.as_bytes(), &mut salted);
        let salted = mac::Key::new(mac, &salted);
        let this = Self { digest, mac, signed: format!("{bare},{server_first}"), salted, nonce };
        Some((this, server_first))
    }

    /// Our proof, if the client's is right.
    pub(super) fn finish(mut self, client_final: &str) -> Option<String> {
        let (bare, proof) = client_final.split_once(",p=")?;
        if bare != format!("c=biws,r={}", self.nonce) {
            return None;
        }
        self.signed = format!("{},{bare}", self.signed);
        let client_key = mac::sign(&self.salted, b"Client Key");
        let stored_key = digest::digest(self.digest, client_key.as_ref());
        let mask = mac::sign(&mac::Key::new(self.mac, stored_key.as_ref()), self.signed.as_bytes());
        let proof = STANDARD.decode(proof).ok()?;
        let given: Vec<u8> = proof.iter().zip(mask.as_ref()).map(|(byte, mask)| byte ^ mask).collect();
        if given != client_key.as_ref() {
            return None;
        }
        let server_key = mac::Key::new(self.mac, mac::sign(&self.salted, b"Server Key").as_ref());
        Some(format!("v={}", STANDARD.encode(mac::sign(&server_key, self.signed.as_bytes()))))
    }
}

/// The answer to a challenge of CRAM-MD5 (RFC 2195).
pub(super) fn cram_md5(login: &str, password: &str, challenge: &str) -> String {
    let mac = Hmac::<Md5>::new_from_slice(password.as_bytes()).expect("HMAC takes keys of any length");
    let digest = mac.chain_update(challenge).finalize().into_bytes();
    format!("{login} {}", hex::encode(digest))
}

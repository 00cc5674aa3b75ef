//! The server's side of the mechanisms that prove a password instead of telling it, or tell a token.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use md5::Md5;
use ring::{digest, hmac as mac, pbkdf2};
use rustls::{ProtocolVersion, ServerConnection};

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
    /// What the client must say of the channel.
    binding: Binding,
}

/// Channel binding (RFC 5802 section 6): header and data, as both will sign them.
pub(super) struct Binding {
    header: String,
    data: Vec<u8>,
}

impl Binding {
    /// What the client's first message says of it, or the error.
    pub(super) fn wanted(
        mechanism: &str,
        client_first: &str,
        offers_plus: bool,
    ) -> Result<Self, &'static str> {
        let plus = mechanism.ends_with("-PLUS");
        let flag = client_first.split(',').next().unwrap_or_default();
        match flag {
            "y" if offers_plus => Err("server-does-support-channel-binding"),
            "n" | "y" if plus => Err("channel-bindings-dont-match"),
            "n" | "y" => Ok(Self { header: format!("{flag},,"), data: Vec::new() }),
            _ if !plus => Err("channel-binding-not-supported"),
            _ => Ok(Self { header: format!("{flag},,"), data: Vec::new() }),
        }
    }

    /// With the data of this connection.
    pub(super) fn of(
        mut self,
        connection: &[(&'static str, Vec<u8>)],
        known: impl Fn(&str) -> bool,
    ) -> Result<Self, &'static str> {
        if let Some(name) = self.header.strip_prefix("p=").and_then(|rest| rest.strip_suffix(",,")) {
            let found = connection.iter().find(|(its, _)| *its == name && known(name));
            self.data = found.ok_or("unsupported-channel-binding-type")?.1.clone();
        }
        Ok(self)
    }

    fn encoded(&self) -> String {
        STANDARD.encode([self.header.as_bytes(), &self.data].concat())
    }
}

/// What a connection can be bound to. `sha256`: of our certificate, which is signed with that hash.
pub(super) fn bindings(session: &ServerConnection, sha256: [u8; 32]) -> Vec<(&'static str, Vec<u8>)> {
    let mut found = vec![("tls-server-end-point", sha256.to_vec())];
    if session.protocol_version() == Some(ProtocolVersion::TLSv1_3) {
        let exported = session.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", None);
        found.extend(exported.ok().map(|data| ("tls-exporter", data.to_vec())));
    }
    found
}

/// Login and token of the one message of XOAUTH2 or OAUTHBEARER (RFC 7628 section 3.1).
pub(super) fn token(mechanism: &str, message: &str) -> Option<(String, String)> {
    let (head, rest) = message.strip_suffix("\x01\x01")?.split_once('\x01')?;
    let login = if mechanism == "XOAUTH2" {
        head.strip_prefix("user=")?.to_owned()
    } else {
        let name = head.strip_prefix("n,a=")?.strip_suffix(',')?;
        let pairs: Vec<_> = rest.split('\x01').collect();
        let has = |key: &str| pairs.iter().any(|pair| pair.starts_with(key));
        if !has("host=") || !has("port=") {
            return None;
        }
        name.replace("=2C", ",").replace("=3D", "=")
    };
    let token = rest.split('\x01').find_map(|pair| pair.strip_prefix("auth=Bearer "))?;
    Some((login, token.to_owned()))
}

impl Scram {
    /// The exchange for `mechanism` after the client's first message, and our answer to it; `None` if that is no SCRAM.
    pub(super) fn begin(
        mechanism: &str,
        client_first: &str,
        binding: Binding,
        password: &str,
        rounds: u32,
    ) -> Option<(Self, String)> {
        let (digest, mac, pbkdf2) = if mechanism == "SCRAM-SHA-1" {
            (&digest::SHA1_FOR_LEGACY_USE_ONLY, mac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, pbkdf2::PBKDF2_HMAC_SHA1)
        } else {
            (&digest::SHA256, mac::HMAC_SHA256, pbkdf2::PBKDF2_HMAC_SHA256)
        };
        let bare = client_first.strip_prefix(binding.header.as_str())?;
        let nonce = format!("{}{NONCE}", bare.split_once(",r=")?.1);
        let server_first = format!("r={nonce},s={},i={rounds}", STANDARD.encode(SALT));

        let mut salted = vec![0; digest.output_len()];
        // A client should refuse too many rounds before anybody computes them.
        let rounds = std::num::NonZeroU32::new(rounds.clamp(1, 10_000))?;
        pbkdf2::derive(pbkdf2, rounds, SALT, password.as_bytes(), &mut salted);
        let salted = mac::Key::new(mac, &salted);
        let this = Self { digest, mac, signed: format!("{bare},{server_first}"), salted, nonce, binding };
        Some((this, server_first))
    }

    /// Our proof, if the client's is right.
    pub(super) fn finish(mut self, client_final: &str) -> Option<String> {
        let (bare, proof) = client_final.split_once(",p=")?;
        if bare != format!("c={},r={}", self.binding.encoded(), self.nonce) {
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

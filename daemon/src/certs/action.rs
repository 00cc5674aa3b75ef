//! What may be done to the machine's certificates and keys, as plain data.
//!
//! An action holds everything that is needed to do it: nothing is read again from whoever asked. So it can be shown, kept
//! for an administrator, and carried out exactly as it was shown.

use serde::{Deserialize, Serialize};

use super::store::{Fingerprint, Holder, Identity, KeyType, Stored, Trustee};

/// One privileged change.
///
/// Written out, [`Action::Install`] holds a private key: whoever keeps it seals it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Takes a certificate with its key into the store.
    Install {
        /// Certificate, chain and key.
        identity: Identity,
        /// The key may leave the store again.
        exportable: bool,
        /// Who gets the key at once.
        grant: Option<Trustee>,
    },
    /// Removes a certificate with its key.
    Delete {
        /// Which.
        #[serde(with = "hex::serde")]
        certificate: Fingerprint,
    },
    /// Lets an account use a key.
    Grant {
        /// Of which certificate.
        #[serde(with = "hex::serde")]
        certificate: Fingerprint,
        /// Who.
        trustee: Trustee,
    },
    /// Takes that away.
    Revoke {
        /// Of which certificate.
        #[serde(with = "hex::serde")]
        certificate: Fingerprint,
        /// Who.
        trustee: Trustee,
    },
    /// Makes a key and a request for a CA.
    CreateSigningRequest {
        /// RFC 4514.
        subject: String,
        /// The address that goes into subjectAltName.
        address: String,
        /// What kind of key.
        key_type: KeyType,
    },
    /// Puts a CA's answer onto the key that waits for it.
    InstallAnswer {
        /// DER.
        #[serde(with = "hex::serde")]
        certificate: Vec<u8>,
        /// DER, from the issuer upwards.
        #[serde(with = "hex_list")]
        chain: Vec<Vec<u8>>,
        /// Who gets the key at once.
        grant: Option<Trustee>,
    },
    /// Gives a request for a CA up, with its key.
    DeleteSigningRequest {
        /// SHA-256 of its SubjectPublicKeyInfo.
        #[serde(with = "hex::serde")]
        id: [u8; 32],
    },
}

/// What an action would do, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// One sentence, English.
    pub summary: String,
    /// The same, part by part.
    pub effects: Vec<Effect>,
}

impl Plan {
    pub(super) fn new(summary: String) -> Self {
        Self { summary, effects: Vec::new() }
    }

    /// Says one part more, unless there is nothing to say.
    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        let value = value.into();
        if !value.is_empty() {
            self.effects.push(Effect { name: name.to_owned(), value });
        }
        self
    }
}

/// One part of a [`Plan`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// Stable code: "certificate", "subject", "issuer", "addresses", "not-after", "chain", "key", "exportable", "trustee",
    /// "address", "request".
    pub name: String,
    /// For people.
    pub value: String,
}

/// What came of an action.
#[derive(Clone, Debug)]
pub enum Done {
    /// Of [`Action::Install`] and [`Action::InstallAnswer`].
    Installed {
        /// As it is in the store.
        stored: Stored,
        /// It was there with its key before, and nothing was changed.
        already: bool,
    },
    /// Of [`Action::Delete`] and [`Action::DeleteSigningRequest`].
    Deleted,
    /// Of [`Action::Grant`] and [`Action::Revoke`]: who may use the key now.
    Holders(Vec<Holder>),
    /// Of [`Action::CreateSigningRequest`].
    Requested(SigningRequest),
}

/// A key that waits for its certificate, and what the CA gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningRequest {
    /// SHA-256 of the request's SubjectPublicKeyInfo.
    #[serde(with = "hex::serde")]
    pub id: [u8; 32],
    /// RFC 4514.
    pub subject: String,
    /// In subjectAltName.
    pub addresses: Vec<String>,
    /// e.g. "RSA 3072".
    pub key_algorithm: String,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Name of who asked.
    pub created_by: String,
    /// PKCS#10, PEM.
    pub pem: String,
}

/// `#[serde(with = "…")]`: several binaries as hexadecimal digits.
pub(super) mod hex_list {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(in super::super) fn serialize<S: Serializer>(list: &[Vec<u8>], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(list.iter().map(hex::encode))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<Vec<u8>>, D::Error> {
        let list = Vec::<String>::deserialize(from)?;
        list.into_iter().map(|text| hex::decode(text).map_err(D::Error::custom)).collect()
    }
}

/// `#[serde(with = "…")]`: a private key as hexadecimal digits, wiped on the way.
pub(super) mod hex_secret {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};
    use zeroize::Zeroizing;

    pub(in super::super) fn serialize<S: Serializer>(
        bytes: &Zeroizing<Vec<u8>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(&Zeroizing::new(hex::encode(bytes)))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Zeroizing<Vec<u8>>, D::Error> {
        let text = Zeroizing::new(String::deserialize(from)?);
        // Not the parser's own words: they could hold a digit of the key.
        hex::decode(&*text).map(Zeroizing::new).map_err(|_| D::Error::custom("not hexadecimal"))
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    #[test]
    fn c6_an_action_is_kept_whole_and_shows_no_key() {
        let identity = Identity {
            certificate: vec![0x30, 1],
            chain: vec![vec![0x30, 2], vec![]],
            key: Zeroizing::new(b"correct horse".to_vec()),
        };
        let trustee = Trustee { id: "uid:107".to_owned(), name: "fax".to_owned() };
        let actions = [
            Action::Install { identity, exportable: true, grant: Some(trustee.clone()) },
            Action::Grant { certificate: [7; 32], trustee },
            Action::CreateSigningRequest {
                subject: "CN=Fax".to_owned(),
                address: "fax@example.com".to_owned(),
                key_type: KeyType::Rsa(3072),
            },
        ];
        for action in actions {
            let kept = serde_json::to_string(&action).unwrap();
            assert_eq!(serde_json::from_str::<Action>(&kept).unwrap(), action);
            assert_eq!(serde_json::to_string(&serde_json::from_str::<Action>(&kept).unwrap()).unwrap(), kept);
            let shown = format!("{action:?}");
            assert!(!shown.contains("99, 111") && !shown.contains(&hex::encode("correct")), "{shown}");
        }
    }
}

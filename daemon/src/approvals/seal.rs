//! What a request would carry out, as it is kept: sealed, and bound to everything that the administrator is shown. A
//! changed database can lose a request, but not make him approve something else than he saw.

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::request::Request;
use crate::certs::Action;
use crate::secrets::{Secret, Vault};

/// The action, written out: always the same bytes for the same action. Holds what it holds, keys as well.
pub(super) fn canonical(action: &Action) -> Result<Secret, serde_json::Error> {
    // Sized first, so that no half-written copy of a key is left behind by a growing buffer.
    let mut size = Counter(0);
    serde_json::to_writer(&mut size, action)?;
    let mut text = Zeroizing::new(Vec::with_capacity(size.0));
    serde_json::to_writer(&mut *text, action)?;
    let text = String::from_utf8(std::mem::take(&mut *text)).map_err(serde::ser::Error::custom)?;
    Ok(Secret::new(text))
}

/// What an approval is bound to.
pub(super) fn digest(method: &str, canonical: &Secret) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(method);
    hash.update([0]);
    hash.update(canonical.expose());
    hash.finalize().into()
}

pub(super) fn seal(vault: &Vault, canonical: &Secret, request: &Request) -> Vec<u8> {
    vault.seal(canonical, &binding(request))
}

/// `None`: it is not what was asked for, or not as it is shown.
pub(super) fn unseal(vault: &Vault, sealed: &[u8], request: &Request) -> Option<Action> {
    let canonical = vault.unseal(sealed, &binding(request)).ok()?;
    let action: Action = serde_json::from_str(canonical.expose()).ok()?;
    let same = digest(&request.method, &canonical) == request.digest;
    (same && super::method_of(&action) == request.method).then_some(action)
}

/// Everything that does not change, as JSON: no field can run into the next one.
pub(crate) fn binding(request: &Request) -> Vec<u8> {
    let Request {
        number,
        method,
        caller_id,
        caller_name,
        role,
        created_at,
        expires_at,
        summary,
        effects,
        digest,
        ..
    } = request;
    let bound = (
        "request",
        number,
        (method, caller_id, caller_name, role),
        (created_at, expires_at),
        (summary, effects),
        digest,
    );
    serde_json::to_vec(&bound).expect("text and numbers can be written")
}

struct Counter(usize);

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

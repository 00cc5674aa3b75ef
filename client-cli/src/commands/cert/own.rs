//! The user's own store. Certificates are read there; what is in them, the daemon says.

use faxpost_proto::{
    user_store,
    v1::{Candidate, ListCandidatesRequest, ListCandidatesResponse},
};

use super::list;
use crate::{
    commands::{Context, request},
    error::Error,
    output::table::{Cell, Fit, Table},
    times,
};

/// So many the daemon looks at in one call.
const AT_ONCE: usize = 50;

/// `cert list --store user`
pub(super) async fn list(context: &mut Context) -> Result<(), Error> {
    let own = user_store::list()?;
    let ders: Vec<_> = own.iter().map(|own| own.der.clone()).collect();
    let mut found = look(&ders, context).await?;
    for certificate in found.iter_mut().filter_map(|candidate| candidate.certificate.as_mut()) {
        certificate.exportable =
            own.iter().any(|own| own.der == certificate.der && own.has_key && own.exportable);
    }
    if context.out.is_json() {
        return context.out.json(&ListCandidatesResponse { candidates: found, ..Default::default() });
    }
    let certificates: Vec<_> = found.into_iter().filter_map(|candidate| candidate.certificate).collect();
    if certificates.is_empty() {
        return context.out.note(context.texts.nothing);
    }
    let (texts, words) = (context.texts, context.texts.certificates);
    let mut table = Table::new([
        (words.fingerprint, Fit::Whole),
        (words.subject, Fit::Shorten),
        (words.until, Fit::Whole),
        (words.addresses, Fit::ShortenOrDrop),
        (words.exportable, Fit::Whole),
    ]);
    for certificate in &certificates {
        let until = times::local_date(certificate.not_after.as_ref());
        table.row([
            list::short(certificate).into(),
            (&*certificate.subject).into(),
            Cell::styled(until, list::until(certificate)),
            certificate.addresses.join(", ").into(),
            if certificate.exportable { texts.yes } else { texts.no }.into(),
        ]);
    }
    context.out.table(&table)
}

/// The SHA-256 of the one whose fingerprint begins so.
pub(super) async fn find(fingerprint: &str, context: &Context) -> Result<[u8; 32], Error> {
    let wanted: String =
        fingerprint.chars().filter(char::is_ascii_hexdigit).map(|digit| digit.to_ascii_lowercase()).collect();
    if wanted.len() < 8 {
        return Err(Error::Data(context.texts.certificates.fingerprint_needed.to_owned()));
    }
    let ders: Vec<_> = user_store::list()?.into_iter().map(|own| own.der).collect();
    let found = look(&ders, context).await?;
    let mut fits = found.into_iter().filter_map(|candidate| candidate.certificate).filter(|certificate| {
        certificate.sha256.starts_with(&wanted) || certificate.sha1.starts_with(&wanted)
    });
    match (fits.next(), fits.next()) {
        (Some(only), None) => digest(&only.sha256).ok_or(user_store::Error::NotFound.into()),
        _ => Err(user_store::Error::NotFound.into()),
    }
}

/// What the daemon says of these certificates.
pub(super) async fn look(ders: &[Vec<u8>], context: &Context) -> Result<Vec<Candidate>, Error> {
    let mut client = context.certificates().await?;
    let mut found = Vec::new();
    for some in ders.chunks(AT_ONCE) {
        let call = ListCandidatesRequest {
            certificates: some.iter().map(|der| der.clone().into()).collect(),
            ..ListCandidatesRequest::default()
        };
        let answer = client.list_candidates(request(call)).await?.into_inner();
        found.extend(answer.candidates.into_iter().filter(|candidate| candidate.from_request));
    }
    Ok(found)
}

fn digest(sha256: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    let digits = sha256.get(..64)?;
    for (at, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c1_a_fingerprint_is_32_bytes() {
        assert_eq!(digest(&"0a".repeat(32)), Some([10; 32]));
        assert_eq!(digest(&"0a".repeat(31)), None);
        assert_eq!(digest(&"xy".repeat(32)), None);
    }
}

//! Revocation, from the lists that are at hand (RFC 5280 section 5), and said as such: nothing is fetched.

use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{CertificateRevocationList, FromDer as _, X509Certificate};

use super::chain::{day, subject};
use super::store::Authorities;

/// Larger lists are not looked at: reading one takes several times its size in memory.
pub(super) const MAX_LIST: usize = 16 * 1024 * 1024;

/// What is known of the revocation of a certificate and of those above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// One of them is on a list.
    pub revoked: bool,
    /// What is known, and from where; one sentence.
    pub text: String,
}

/// Looks a chain up, the certificate itself first.
pub(super) fn judge(path: &[(&[u8], X509Certificate<'_>)], known: &Authorities, now: i64) -> Revocation {
    let mut first = None;
    for (at, pair) in path.windows(2).enumerate() {
        let found = look_up(&pair[0].1, &pair[1].1, known, now);
        match found {
            Found::Revoked(text) if at == 0 => {
                return Revocation { revoked: true, text: format!("it is {text}") };
            }
            Found::Revoked(text) => {
                let text = format!("{:?} above it is {text}", subject(&pair[0].1));
                return Revocation { revoked: true, text };
            }
            Found::Clear(text) if at == 0 => first = Some(text),
            Found::Clear(_) | Found::Nothing => {}
        }
    }
    Revocation { revoked: false, text: first.unwrap_or_else(|| "no revocation list is at hand".to_owned()) }
}

enum Found {
    Revoked(String),
    Clear(String),
    Nothing,
}

fn look_up(
    certificate: &X509Certificate<'_>,
    issuer: &X509Certificate<'_>,
    known: &Authorities,
    now: i64,
) -> Found {
    let mut newest: Option<(i64, Found)> = None;
    for der in known.revocation_lists.iter().filter(|der| der.len() <= MAX_LIST) {
        let Ok((_, list)) = CertificateRevocationList::from_der(der) else { continue };
        if list.issuer().as_raw() != issuer.subject().as_raw()
            || !is_plain(&list)
            || list.verify_signature(issuer.public_key()).is_err()
        {
            continue;
        }
        let begins = list.last_update().timestamp();
        let (by, from) = (subject(issuer), day(begins));
        let entry =
            list.iter_revoked_certificates().find(|entry| entry.raw_serial() == certificate.raw_serial());
        let found = match entry {
            Some(entry) => {
                let since = day(entry.revocation_date.timestamp());
                Found::Revoked(format!("revoked since {since}, by the list of {by:?} from {from}"))
            }
            None => {
                let stale = list.next_update().is_some_and(|next| next.timestamp() < now);
                let end = if stale { ", which is out of date" } else { "" };
                Found::Clear(format!("not on the list of {by:?} from {from}{end}"))
            }
        };
        if newest.as_ref().is_none_or(|(at, _)| *at < begins) {
            newest = Some((begins, found));
        }
    }
    newest.map_or(Found::Nothing, |(_, found)| found)
}

/// A whole list of its issuer's own certificates: neither a delta nor one for others or for some only.
fn is_plain(list: &CertificateRevocationList<'_>) -> bool {
    !list.extensions().iter().any(|extension| {
        extension.critical
            && match extension.parsed_extension() {
                ParsedExtension::IssuingDistributionPoint(point) => {
                    point.indirect_crl
                        || point.only_some_reasons.is_some()
                        || point.only_contains_attribute_certs
                }
                _ => true,
            }
    })
}
